//! `flowmill test`: runs the cases that stand beside a flow.

use std::fmt::Write;
use std::path::Path;

use clap::Args;
use flowmill_api::RawJson;
use flowmill_flow::Json;
use flowmill_testing::{CaseReport, Failure as Mismatch, Found, run};
use serde::Serialize;

use crate::cli::{EXIT_CODES, OutputFormat};
use crate::definition;
use crate::exit::{Failure, Outcome};
use crate::terminal;

/// Run the test cases of flows; no server is needed, and nothing is called.
///
/// The cases of NAME.yaml are in NAME.test.yaml beside it. What becomes of tasks is in the cases;
/// waits take no time: the clock begins at 2030-01-01T00:00:00Z and jumps to what is due next.
/// Exits with 1 when a case failed, with 2 when a file is wrong.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct TestArgs {
    /// The definitions, as YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The cases, if they are not beside the definition.
    #[arg(long, value_name = "FILE")]
    cases: Option<String>,
    /// Run only the cases whose name holds this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// The same as --output json.
    #[arg(long)]
    json: bool,
}

/// What is said of the cases of a flow as JSON.
#[derive(Serialize)]
struct FileDto {
    file: String,
    cases: Vec<CaseDto>,
}

#[derive(Serialize)]
struct CaseDto {
    name: String,
    passed: bool,
    failures: Vec<FailureDto>,
    found: FoundDto,
}

#[derive(Serialize)]
struct FailureDto {
    what: String,
    expected: Option<RawJson>,
    found: Option<RawJson>,
    help: String,
}

#[derive(Serialize)]
struct FoundDto {
    status: &'static str,
    output: Option<RawJson>,
    error: Option<RawJson>,
    path: Vec<String>,
}

/// Runs the cases and prints what came of them.
///
/// # Errors
/// When a file cannot be read, no case has the name, or the output is closed.
pub(crate) fn execute(args: &TestArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    if args.cases.is_some() && args.files.len() > 1 {
        return Err(Failure::wrong("--cases is for one definition; name one FILE"));
    }
    let mut reports = Vec::new();
    // Who names a whole folder names the cases, too.
    let named = |file: &&String| args.files.len() == 1 || !is_of_cases(file);
    for file in args.files.iter().filter(named) {
        let Some(report) = test(file, args)? else { return Ok(Outcome::Wrong) };
        reports.push((file, report));
    }
    let all = || reports.iter().flat_map(|(_, reports)| reports);
    let (ran, failed) = (all().count(), all().filter(|report| !report.passed()).count());
    if ran == 0 {
        return Err(Failure::wrong("no case has a name that holds the text of --only"));
    }
    match output.or_json(args.json) {
        OutputFormat::Table => {
            reports.iter().try_for_each(|(file, reports)| print(file, reports))?;
            terminal::print(&format!("{} passed, {failed} failed", ran - failed))?;
        }
        OutputFormat::Json => terminal::print_json(&dto(reports))?,
    }
    Ok(if failed == 0 { Outcome::Done } else { Outcome::Faulted })
}

/// Runs the cases of one definition; `None` if something is wrong with a file, which is said.
fn test(file: &str, args: &TestArgs) -> Result<Option<Vec<CaseReport>>, Failure> {
    let flow = match definition::load(file)? {
        Ok(definition) => definition.flow,
        Err(wrong) => {
            wrong.report();
            return Ok(None);
        }
    };
    let beside = args.cases.clone().unwrap_or_else(|| beside(file));
    let cases = match definition::load_cases(&beside, &flow)? {
        Ok(cases) => cases,
        Err(wrong) => {
            wrong.report();
            return Ok(None);
        }
    };
    let only = args.only.as_deref().unwrap_or_default();
    let chosen = cases.iter().filter(|case| case.name.contains(only));
    Ok(Some(chosen.map(|case| run(&flow, case)).collect()))
}

/// Whether a file's name is that of one with cases.
fn is_of_cases(file: &str) -> bool {
    Path::new(file).file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(".test"))
}

/// Where the cases of a definition are: `orders.test.yaml` beside `orders.yaml`.
fn beside(file: &str) -> String {
    let path = Path::new(file);
    let ending = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or("yaml");
    path.with_extension(format!("test.{ending}")).to_string_lossy().into_owned()
}

fn print(file: &str, reports: &[CaseReport]) -> Result<(), Failure> {
    let mut text = format!("{file}\n");
    for report in reports {
        let verdict = if report.passed() { "ok    " } else { "FAILED" };
        line(&mut text, format_args!("  {verdict}  {}", report.name));
        for failure in &report.failures {
            line(&mut text, format_args!("            {}", failure.what));
            for (name, value) in [("expected", &failure.expected), ("found", &failure.found)] {
                if let Some(value) = value {
                    line(&mut text, format_args!("              {name:<8}  {}", shown(value)));
                }
            }
            if !failure.help.is_empty() {
                line(&mut text, format_args!("              help: {}", failure.help));
            }
        }
    }
    terminal::print(text.trim_end())
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

/// Characters of a value that are shown; all of it is in the JSON.
const SHOWN: usize = 300;

fn shown(value: &Json) -> String {
    let bytes = value.to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    let mut cut: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        cut.push('…');
    }
    cut
}

fn dto(reports: Vec<(&String, Vec<CaseReport>)>) -> Vec<FileDto> {
    let file = |(file, reports): (&String, Vec<CaseReport>)| FileDto {
        file: file.clone(),
        cases: reports.into_iter().map(CaseDto::from).collect(),
    };
    reports.into_iter().map(file).collect()
}

fn raw(value: &Json) -> RawJson {
    RawJson::from_bytes(&value.to_bytes()).expect("a value is written as JSON")
}

impl From<CaseReport> for CaseDto {
    fn from(report: CaseReport) -> Self {
        let passed = report.passed();
        let CaseReport { name, failures, found } = report;
        let failures = failures.into_iter().map(FailureDto::from).collect();
        Self { name, passed, failures, found: found.into() }
    }
}

impl From<Mismatch> for FailureDto {
    fn from(mismatch: Mismatch) -> Self {
        let Mismatch { what, expected, found, help } = mismatch;
        let (expected, found) = (expected.as_ref().map(raw), found.as_ref().map(raw));
        Self { what, expected, found, help }
    }
}

impl From<Found> for FoundDto {
    fn from(found: Found) -> Self {
        let Found { status, output, error, path } = found;
        Self { status, output: output.as_ref().map(raw), error: error.as_ref().map(raw), path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_beside_their_definition() {
        assert_eq!(beside("a/orders.yaml"), "a/orders.test.yaml");
        assert_eq!(beside("orders.json"), "orders.test.json");
        assert_eq!(beside("orders"), "orders.test.yaml");
    }
}
