//! Expressions that are meant to hurt, in the real program: each ends in good order, in bounded
//! memory, and never with a wrong answer. The list is that of the evaluator's own tests.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::program::{Ended, Files};

/// Address space that the program has: an allocation that is far too large fails there.
const ADDRESS_SPACE: &str = "6442450944";

/// The largest resident set that it may have had, in KiB.
const RESIDENT_KIB: u64 = 256 * 1024;

/// Programs at a time, so that it takes seconds.
const AT_ONCE: usize = 4;

const PROGRAMS: &str = include_str!("../../../../crates/jq/tests/hostile/programs.txt");

/// Runs a program below the limit, and writes its peak resident set, which only its parent learns.
const LIMITED: &str = "
import os, resource, sys
limit, report, *program = sys.argv[1:]
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    os.execv(program[0], program)
_, status, usage = os.wait4(child, 0)
open(report, 'w').write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) % 256)
";

/// The programs, each with the answer that it may give.
fn programs() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let lines = PROGRAMS.lines().filter(|line| !line.is_empty());
    let lines =
        lines.filter(|line| !line.starts_with("# ") && !line.starts_with("## ") && *line != "#");
    lines.map(|line| match line.split_once(" ==> ") {
        Some((program, answer)) => (program, Some(answer)),
        None => (line, None),
    })
}

/// Runs a flow whose one expression it is; gives how it ended and its peak resident set in KiB.
fn run(files: &Files, number: usize, expression: &str) -> (Ended, u64) {
    let flow = json!({
        "flowmill": 1,
        "document": { "namespace": "test", "name": "hostile", "version": "1.0.0" },
        "nodes": [
            { "id": "begin", "type": "start" },
            { "id": "hurt", "type": "map", "parameters": { "expression": expression } },
        ],
        "connections": ["begin.out -> hurt.in"],
    });
    let flow = files.write(&format!("{number}.json"), &flow.to_string());
    let report = files.write(&format!("{number}.peak"), "");
    let mut command = Command::new("python3");
    command.args(["-c", LIMITED, ADDRESS_SPACE, &report, env!("CARGO_BIN_EXE_flowmill")]);
    command.args(["run", &flow, "--input", "null", "--timeout", "60s"]);
    let ended = Ended::from(command.output().unwrap());
    let peak = std::fs::read_to_string(&report).unwrap();
    (ended, peak.parse().unwrap_or_else(|_| panic!("{expression}: {peak}")))
}

/// Runs a program and asserts that it ends as it may.
fn check(files: &Files, number: usize, (expression, answer): (&str, Option<&str>)) {
    let (ended, peak) = run(files, number, expression);
    assert!(peak < RESIDENT_KIB, "{expression}: {peak} KiB");
    match ended.code {
        Some(0) => {
            let answer = answer.map(|answer| serde_json::from_str::<Value>(answer).unwrap());
            assert_eq!(Some(ended.json()), answer, "{expression}");
        }
        Some(1 | 2) => assert!(!ended.stderr.is_empty(), "{expression}"),
        Some(_) | None => panic!("{expression}: {ended:?}"),
    }
}

#[test]
fn hostile_expressions_end_in_good_order_and_in_bounded_memory() {
    let (files, next) = (Files::new(), AtomicUsize::new(0));
    let programs: Vec<_> = programs().collect();
    assert!(programs.len() > 70, "{}", programs.len());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(program) = programs.get(number) else { break };
            check(&files, number, *program);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
}
