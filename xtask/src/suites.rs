//! Suites: what ran, how long it took and how it ended.
//!
//! **Invariant:** a suite that was asked for stands in the table, also when it could not run.

use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How a suite ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every check in it holds.
    Passed,
    /// A check does not hold; why, in a few words.
    Failed(String),
    /// It could not run, which is a failure; why, in a few words.
    Prevented(String),
    /// Nobody wanted it to run, which is none; why, in a few words.
    LeftOut(String),
}

impl Verdict {
    fn is_failure(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Prevented(_) => true,
            Self::Passed | Self::LeftOut(_) => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(why) => write!(f, "failed ({why})"),
            Self::Prevented(why) | Self::LeftOut(why) => write!(f, "not run ({why})"),
        }
    }
}

/// Why a suite did not pass, in a few words.
pub(crate) type Failure = String;

struct Line {
    name: &'static str,
    took: Duration,
    verdict: Verdict,
}

/// The suites of a recipe, in the order in which they ran.
#[derive(Default)]
pub(crate) struct Suites {
    lines: Vec<Line>,
}

impl Suites {
    /// Runs a suite, notes how it ended and says whether it passed. A failure leaves the next
    /// suite to run.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        suite: impl FnOnce() -> Result<(), Failure>,
    ) -> bool {
        println!("\n==> {name}");
        let began = Instant::now();
        let verdict = suite().map_or_else(Verdict::Failed, |()| Verdict::Passed);
        println!("==> {name}: {verdict}");
        let passed = verdict == Verdict::Passed;
        self.lines.push(Line { name, took: began.elapsed(), verdict });
        passed
    }

    /// Notes a suite that does not run.
    pub(crate) fn skip(&mut self, name: &'static str, verdict: Verdict) {
        println!("\n==> {name}: {verdict}");
        self.lines.push(Line { name, took: Duration::ZERO, verdict });
    }

    /// Prints the table; the exit code is 1 if a suite failed or could not run.
    pub(crate) fn close(self) -> ExitCode {
        println!("\n{self}");
        let failed = self.lines.iter().any(|line| line.verdict.is_failure());
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

impl fmt::Display for Suites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or_default();
        for line in &self.lines {
            let seconds = line.took.as_secs_f64();
            writeln!(f, "{:width$}  {seconds:7.1} s  {}", line.name, line.verdict)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> Result<(), Failure> {
        Err("exit code 101".to_owned())
    }

    #[test]
    fn a_failed_suite_leaves_the_next_one_to_run_and_fails_the_recipe() {
        let mut suites = Suites::default();
        suites.run("first", failed);
        suites.run("second", || Ok(()));
        let verdicts: Vec<_> = suites.lines.iter().map(|line| line.verdict.to_string()).collect();
        assert_eq!(verdicts, ["failed (exit code 101)", "passed"]);
        assert_eq!(suites.close(), ExitCode::FAILURE);
    }

    #[test]
    fn a_suite_that_could_not_run_is_a_failure_and_one_that_was_left_out_is_none() {
        let check = |verdict: Verdict, expect: ExitCode| {
            let mut suites = Suites::default();
            suites.skip("first", verdict);
            assert_eq!(suites.close(), expect);
        };
        check(Verdict::Prevented("no perl".to_owned()), ExitCode::FAILURE);
        check(Verdict::LeftOut("--quick".to_owned()), ExitCode::SUCCESS);
    }

    #[test]
    fn the_table_has_a_line_for_every_suite() {
        let mut suites = Suites::default();
        suites.skip("tests", Verdict::Passed);
        suites.skip("doc tests", Verdict::Prevented("no perl".to_owned()));
        let table = "tests          0.0 s  passed\ndoc tests      0.0 s  not run (no perl)\n";
        assert_eq!(suites.to_string(), table);
    }
}
