//! What holds of every value and every program.

use flowmill_jq::{Limits, Program, Value};
use proptest::prelude::*;

/// The only output of a program on a value, with values for `$p` and `$v`.
fn output(source: &str, input: &Value, variables: [&Value; 2]) -> Value {
    let program = Program::compile(source, &["p", "v"], 64).expect(source);
    let variables = variables.map(Value::clone).to_vec();
    let mut run = program.run(input.clone(), variables, Limits::default());
    let first = run.next().expect("an output").unwrap_or_else(|e| panic!("{source}: {e:?}"));
    assert!(run.next().is_none(), "{source}: one output");
    first
}

/// Any JSON value, a few levels deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("a number", |number| number.is_finite()).prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::array),
            prop::collection::vec(("[a-d]{1,2}", inner), 0..6).prop_map(|entries| {
                Value::object(entries.into_iter().map(|(key, value)| (key.into(), value)))
            }),
        ]
    })
}

fn path() -> impl Strategy<Value = Value> {
    let key = prop_oneof![(0_i64..5).prop_map(Value::from), "[a-d]{1,2}".prop_map(Value::from),];
    prop::collection::vec(key, 0..5).prop_map(Value::array)
}

#[test]
fn programs_and_values_are_shared_between_threads() {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Program>();
    is_shared::<Value>();
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let read = output("tojson | fromjson", &value, [&Value::Null; 2]);
        prop_assert!(read == value);
    }

    #[test]
    fn what_is_set_at_a_path_is_found_there(root in value(), path in path(), new in value()) {
        let law = "try (setpath($p; $v) | getpath($p) == $v) catch true";
        prop_assert!(output(law, &root, [&path, &new]) == Value::from(true));
    }

    #[test]
    fn what_is_deleted_is_not_found(root in value()) {
        let law = "[paths] as $all | all($all[] as $p | delpaths([$p])
            | if $p[-1] | type == \"string\" then getpath($p) == null else true end; .)";
        prop_assert!(output(law, &root, [&Value::Null; 2]) == Value::from(true));
    }

    #[test]
    fn values_are_their_paths_and_their_streams(root in value()) {
        for law in [
            ". as $all | reduce (paths | select(length > 0)) as $q (true; . and ($all | has($q[0])))",
            "[paths] == [path(..) | select(length > 0)]",
            "fromstream(tostream) == .",
            "(. |= .) == .",
            "(.. |= .) == .",
            "walk(.) == .",
            "[.[]?] == [path(.[]?) as $q | getpath($q)]",
            "([., .] | unique | length) == 1",
            "(sort? // .) as $sorted | ($sorted | sort? // .) == $sorted",
        ] {
            prop_assert!(output(law, &root, [&Value::Null; 2]) == Value::from(true), "{}", law);
        }
    }

    #[test]
    fn no_program_uses_more_than_its_limits(
        parts in prop::collection::vec(prop::sample::select(PARTS), 1..24),
        input in value(),
    ) {
        let limits = Limits { steps: 20_000, bytes: 1 << 20, stack: 2_000, nesting: 100 };
        let Ok(program) = Program::compile(&parts.concat(), &["p"], 32) else { return Ok(()) };
        let mut run = program.run(input, vec![Value::Null], limits);
        for value in run.by_ref().flatten() {
            prop_assert!(value.depth() <= limits.nesting);
        }
        let usage = run.usage();
        prop_assert!(usage.steps <= limits.steps && usage.bytes <= limits.bytes);
    }

    #[test]
    fn arbitrary_text_compiles_or_is_refused_at_a_place(source in "[\\PC\n]{0,60}") {
        if let Err(error) = Program::compile(&source, &[], 32) {
            prop_assert!(error.offset <= source.len());
        }
    }
}

const PARTS: &[&str] = &[
    ".",
    "..",
    ".a",
    ".[0]",
    ".[1:]",
    ".[]",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "{a: .}",
    "[.]",
    "\"x\"",
    "\"\\(.)\"",
    " | ",
    ", ",
    "?",
    " + ",
    " - ",
    " * ",
    " // ",
    " as $x | ",
    "$x",
    "$p",
    "1",
    "-1",
    " |= ",
    " = ",
    " += ",
    "map(",
    "select(",
    "first(",
    "path(",
    "limit(3; ",
    "repeat(.)",
    "recurse",
    "range(9)",
    "reduce .[]? as $x (0; ",
    "foreach range(5) as $x (.; ",
    "def f: ",
    "; f",
    "try ",
    " catch ",
    "if . then ",
    " else ",
    " end",
    "label $l | ",
    "break $l",
    "tojson",
    "fromjson",
    "sort",
    "add",
    "length",
    "keys",
    "to_entries",
    "paths",
    "del(.[0])",
    "test(\"a+\")",
    "error",
    "empty",
    " and ",
    " or ",
    "not",
    "@base64",
    "tostream",
    "until(false; ",
    "input",
    "env",
];
