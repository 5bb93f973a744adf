//! jq's own tests, against the list of those that are known to fail.
//!
//! The tests are not part of this repository: `FLOWMILL_JQ_TESTS` names a folder with `man.test`,
//! `jq.test`, `base64.test`, `onig.test` and `manonig.test` of the folder `tests` of jq 1.8.1.
//! Without it nothing is run. The list has two sides: what is on it must fail, and what is not
//! must pass.

use std::collections::BTreeMap;
use std::path::Path;

use flowmill_jq::{Limits, Program, Value};

const FILES: [&str; 5] = ["man.test", "jq.test", "base64.test", "onig.test", "manonig.test"];

/// Known failures: file, line, program, reason; separated by tabs.
const KNOWN: &str = include_str!("known/failures.tsv");

/// More than an evaluation has: some tests of jq's are long loops.
const LIMITS: Limits =
    Limits { steps: 50_000_000, bytes: 1 << 30, stack: 1_000_000, nesting: Limits::NESTING_MAX };

/// One test: at `line` of its file, a program that must fail to compile, or an input and outputs.
struct Case {
    line: usize,
    program: String,
    expected: Option<(String, Vec<String>)>,
}

fn cases(text: &str) -> Vec<Case> {
    let skipped = |line: &str| line.trim().is_empty() || line.starts_with('#');
    let mut lines = text.lines().enumerate().peekable();
    let mut cases = Vec::new();
    while let Some((index, line)) = lines.next() {
        if skipped(line) {
            continue;
        }
        let must_fail = line.starts_with("%%FAIL");
        let (number, program) = if must_fail {
            let Some((index, program)) = lines.next() else { break };
            (index + 1, program)
        } else {
            (index + 1, line)
        };
        let mut rest = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !skipped(line)) {
            rest.push(line.trim_start_matches('\u{feff}').to_owned());
        }
        let expected = (!must_fail).then(|| {
            let input = if rest.is_empty() { String::new() } else { rest.remove(0) };
            (input, rest)
        });
        cases.push(Case { line: number, program: program.to_owned(), expected });
    }
    cases
}

fn json(text: &str) -> Result<Value, String> {
    let program = Program::compile("fromjson", &[], 100).expect("it compiles");
    let mut run = program.run(Value::from(text), Vec::new(), LIMITS);
    match run.next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(failure)) => Err(format!("{text}: {failure:?}")),
        None => Err(format!("{text} is no JSON")),
    }
}

fn shown(value: &Value) -> String {
    let program = Program::compile("tojson", &[], 100).expect("it compiles");
    let text = program.run(value.clone(), Vec::new(), LIMITS).next().expect("an output");
    text.expect("a text").as_str().unwrap_or_default().to_owned()
}

fn run(case: &Case) -> Result<(), String> {
    let compiled = Program::compile(&case.program, &[], 200);
    let Some((input, expected)) = &case.expected else {
        return match compiled {
            Ok(_) => Err("it compiles".to_owned()),
            Err(_) => Ok(()),
        };
    };
    let program = compiled.map_err(|error| format!("{error:?}"))?;
    let mut outputs = program.run(json(input)?, Vec::new(), LIMITS);
    for expected in expected {
        let wanted = json(expected)?;
        match outputs.next() {
            Some(Ok(output)) if output == wanted => {}
            Some(Ok(output)) => return Err(format!("{} instead of {expected}", shown(&output))),
            Some(Err(flowmill_jq::Failure::Raised(error))) => {
                return Err(format!("the error {} instead of {expected}", shown(&error)));
            }
            Some(Err(flowmill_jq::Failure::Fault(fault))) => return Err(fault.to_string()),
            None => return Err(format!("nothing instead of {expected}")),
        }
    }
    match outputs.next() {
        Some(Ok(output)) => Err(format!("{} in excess", shown(&output))),
        Some(Err(_)) | None => Ok(()),
    }
}

fn known() -> BTreeMap<(String, usize), String> {
    let entry = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let [file, number, program, reason] = fields[..] else { panic!("{line}: four fields") };
        assert!(!reason.is_empty(), "{line}: a reason");
        ((file.to_owned(), number.parse().expect("a number")), program.to_owned())
    };
    KNOWN.lines().filter(|line| !line.is_empty()).map(entry).collect()
}

#[test]
fn jqs_own_tests_pass_but_for_those_that_are_known_to_fail() {
    let Ok(folder) = std::env::var("FLOWMILL_JQ_TESTS") else {
        println!("not run: set FLOWMILL_JQ_TESTS to the folder `tests` of jq 1.8.1");
        return;
    };
    let mut known = known();
    let mut wrong = Vec::new();
    for file in FILES {
        let path = Path::new(&folder).join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let cases = cases(&text);
        let mut passed = 0;
        for case in &cases {
            let outcome = run(case);
            let listed = known.remove(&(file.to_owned(), case.line));
            passed += usize::from(outcome.is_ok());
            match (outcome, listed) {
                (Ok(()), None) => {}
                (Err(_), Some(program)) if program == case.program => {}
                (outcome, _) => {
                    wrong.push(format!("{file}\t{}\t{}\t{outcome:?}", case.line, case.program));
                }
            }
        }
        println!("{file}: {passed} of {}", cases.len());
    }
    wrong.extend(known.keys().map(|(file, line)| format!("{file}\t{line}: there is no such test")));
    assert!(wrong.is_empty(), "otherwise than listed:\n{}", wrong.join("\n"));
}
