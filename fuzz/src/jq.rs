//! Programs on inputs: the first line is the program, the rest the text it is given.
//!
//! Whatever the program is, its run stays within its bounds, and a second run is the same as the
//! first, step by step. A value that is written and read is written the same way from then on.

use flowmill_jq::{Failure, Limits, Program, Usage, Value};

/// Small bounds, so that many programs meet them.
const LIMITS: Limits =
    Limits { steps: 100_000, bytes: 4 * 1024 * 1024, stack: 10_000, nesting: 200 };

/// Outputs of one run that are looked at.
const OUTPUTS: usize = 100;

/// Runs the first line of the bytes on the rest, twice.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (source, input) = text.split_once('\n').unwrap_or((text, "null"));
    let program = match Program::compile(source, &["input"], 64) {
        Ok(program) => program,
        Err(error) => return assert!(error.offset <= source.len(), "{error:?}"),
    };
    let input = parsed(input).unwrap_or_default();
    let (first, again) = (run(&program, &input), run(&program, &input));
    assert_eq!(first, again, "`{source}` differs from run to run");
    assert!(first.1.steps <= LIMITS.steps && first.1.bytes <= LIMITS.bytes);
}

/// What a run gives, as text, and what it uses.
fn run(program: &Program, input: &Value) -> (Vec<String>, Usage) {
    let mut run = program.run(input.clone(), vec![input.clone()], LIMITS);
    let mut outputs = Vec::new();
    while let Some(output) = run.next().filter(|_| outputs.len() < OUTPUTS) {
        outputs.push(match output {
            Ok(value) => {
                assert!(value.depth() <= LIMITS.nesting, "too deep");
                round_trip(&value)
            }
            Err(Failure::Raised(error)) => error.excerpt(100),
            Err(Failure::Fault(fault)) => fault.to_string(),
        });
    }
    (outputs, run.usage())
}

/// The text of a value. Unless it is long, what is read from it has a text that reads back as
/// itself: a number that was calculated may be spelled otherwise once it is read.
fn round_trip(value: &Value) -> String {
    const BYTES: usize = 10_000;
    let text = value.excerpt(BYTES);
    if text.len() < BYTES - 3 {
        let read = parsed(&text).expect("what is written can be read");
        let again = read.excerpt(BYTES);
        let twice = parsed(&again).expect("what is written can be read");
        assert_eq!(twice.excerpt(BYTES), again);
    }
    text
}

fn parsed(text: &str) -> Option<Value> {
    let program = Program::compile("fromjson", &[], 64).expect("it compiles");
    program.run(Value::from(text), Vec::new(), Limits::default()).next()?.ok()
}
