//! Programs that are meant to hurt. Each ends with a clear fault or the right answer; the meter's
//! figures say so, never a clock.

use flowmill_jq::{CompileErrorKind, Failure, Fault, Limits, Program, Usage, Value};

/// The first output or failure of a program on a value, and what that used.
fn run(source: &str, input: &Value) -> (Option<Result<Value, Failure>>, Usage) {
    let program = Program::compile(source, &[], 128).unwrap_or_else(|e| panic!("{source}: {e:?}"));
    let mut run = program.run(input.clone(), Vec::new(), Limits::default());
    let first = run.next();
    let usage = run.usage();
    let limits = Limits::default();
    assert!(usage.steps <= limits.steps && usage.bytes <= limits.bytes, "{source}: {usage:?}");
    (first, usage)
}

#[track_caller]
fn fault(source: &str, input: &Value) -> Fault {
    match run(source, input).0 {
        Some(Err(Failure::Fault(fault))) => fault,
        other => panic!("{source:.80}: {other:?}"),
    }
}

#[track_caller]
fn raises(source: &str, input: &Value) -> String {
    match run(source, input).0 {
        Some(Err(Failure::Raised(error))) => error.as_str().unwrap_or_default().to_owned(),
        other => panic!("{source:.80}: {other:?}"),
    }
}

/// What a program gives, as JSON.
#[track_caller]
fn gives(source: &str, input: &Value) -> String {
    match run(&format!("{source} | tojson"), input).0 {
        Some(Ok(value)) => value.as_str().unwrap_or_default().to_owned(),
        other => panic!("{source:.80}: {other:?}"),
    }
}

fn steps() -> Fault {
    Fault::Steps(Limits::default().steps)
}

/// The programs of a section of the list, each with the answer that it may have.
fn section(name: &str) -> Vec<(&'static str, Option<&'static str>)> {
    let list = include_str!("hostile/programs.txt");
    let section = list.split("\n## ").find_map(|part| part.strip_prefix(name)?.strip_prefix('\n'));
    let lines = section.expect(name).lines().filter(|line| !line.is_empty());
    let program = |line: &'static str| match line.split_once(" ==> ") {
        Some((program, answer)) => (program, Some(answer)),
        None => (line, None),
    };
    lines.map(program).collect()
}

/// Every program of a section ends at a bound.
#[track_caller]
fn every_one_faults(name: &str) {
    for (source, _) in section(name) {
        fault(source, &Value::Null);
    }
}

#[track_caller]
fn refused(source: &str) -> CompileErrorKind {
    Program::compile(source, &["input"], 128).expect_err(source).kind
}

#[test]
fn a_function_that_calls_itself_runs_out_of_steps_or_of_stack() {
    for (source, _) in section("calls in place of the caller") {
        assert_eq!(fault(source, &Value::Null), steps(), "{source}");
    }
    for (source, _) in section("calls inside of the caller") {
        let stack = Fault::Stack(Limits::default().stack);
        assert_eq!(fault(source, &Value::Null), stack, "{source}");
    }
    every_one_faults("calls");
}

#[test]
fn endless_streams_run_out_of_steps_or_memory() {
    every_one_faults("streams");
    assert_eq!(gives("first(repeat(1))", &Value::Null), "1");
    assert_eq!(gives("[limit(3; repeat(1))]", &Value::Null), "[1,1,1]");
    assert_eq!(gives("[limit(0; repeat(1))]", &Value::Null), "[]");
    assert!(raises("limit(-1; .)", &Value::Null).contains("negative"));
}

#[test]
fn large_texts_are_charged_before_they_are_made() {
    for (source, _) in section("raised") {
        assert!(raises(source, &Value::Null).contains("too l"), "{source}");
    }
    assert!(matches!(fault("\"x\" * 2e9", &Value::Null), Fault::Bytes(_)));
    every_one_faults("texts");
    let (_, usage) = run("\"x\" * 2e9", &Value::Null);
    assert!(usage.steps < 1_000, "{usage:?}");
}

#[test]
fn places_far_out_are_refused_or_charged() {
    assert!(matches!(fault(".[5e8] = 1", &Value::Null), Fault::Bytes(_)));
    assert_eq!(gives("[.[1e18:]]", &Value::array(vec![Value::Null])), "[[]]");
    assert_eq!(gives(".[1e18]", &Value::array(vec![Value::Null])), "null");
    every_one_faults("places");
}

#[test]
fn deep_values_cannot_be_made() {
    for (source, _) in section("depth") {
        match run(source, &Value::Null).0 {
            Some(Err(Failure::Fault(Fault::Nesting(limit)))) => assert_eq!(limit, 1_000),
            other => panic!("{source}: {other:?}"),
        }
    }
    assert_eq!(gives("getpath([range(1e5) | \"a\"])", &Value::Null), "null");
    let deep = "\"[\" * 5000 + \"]\" * 5000 | fromjson";
    assert!(raises(deep, &Value::Null).contains("depth"));
}

#[test]
fn a_value_that_lost_its_depth_is_not_taken_for_deep() {
    let source = "reduce range(5000) as $i (null; {last: ., $i} | .last = null) | .i";
    assert_eq!(gives(source, &Value::Null), "4999");
    assert_eq!(gives("reduce range(5000) as $i (null; [.] | .[0])", &Value::Null), "null");
}

/// Values whose text is 2^60 times as long as their memory.
#[test]
fn shared_structure_is_charged_each_time_it_is_walked() {
    let doubled = "reduce range(60) as $i ([]; [., .])";
    for (source, _) in section("shared") {
        assert!(source.starts_with(doubled), "{source}");
        match run(source, &Value::Null).0 {
            Some(Err(_)) => {}
            other => panic!("{source}: {other:?}"),
        }
    }
    let shown = raises(&format!("{doubled} | . + 1"), &Value::Null);
    assert!(shown.contains("cannot be added") && shown.len() < 200, "{shown}");
}

#[test]
fn patterns_take_linear_time_or_end() {
    let long = |text: &str| Value::from(text.repeat(100_000));
    assert_eq!(gives("test(\"(a*)*b\")", &long("a")), "false");
    assert_eq!(gives("test(\"(a|aa)+$\")", &long("a")), "true");
    assert_eq!(gives("[splits(\"\")] | length", &Value::from("abc")), "5");
    fault("[match(\"(a*)*b|a\"; \"g\")] | length", &long("a"));
    for (source, answer) in section("patterns") {
        let (ended, usage) = run(&format!("{source} | tojson"), &Value::Null);
        assert!(usage.steps > 0, "{source}");
        if let Some(Ok(value)) = ended {
            assert_eq!(value.as_str(), answer, "{source}");
        }
        let (_, usage) = run(&source.replace("\"10\"", "\"é\""), &Value::Null);
        assert!(usage.steps > 0, "{source}");
    }
}

#[test]
fn products_and_combinations_run_out_of_steps_or_memory() {
    every_one_faults("products");
}

#[test]
fn large_encodings_are_charged() {
    let text = Value::from("QUJD".repeat(250_000));
    assert_eq!(gives("@base64d | length", &text), "750000");
    assert_eq!(gives("[1e18, -5, 1114112] | implode | length", &Value::Null), "3");
    every_one_faults("encodings");
}

#[test]
fn deep_programs_are_refused_and_long_ones_run() {
    for (open, core, close) in [
        ("(", ".", ")"),
        ("[", ".", "]"),
        ("{a:", ".", "}"),
        ("if . then ", ".", " end"),
        ("if ", ".", " then . end"),
        ("try ", ".", ""),
        ("-", "1", ""),
        ("\"\\(", ".", ")\""),
        (". as $x | ", ".", ""),
        ("label $x | ", ".", ""),
        ("def f: ", ".", "; ."),
        ("first(", ".", ")"),
        ("reduce . as $x (.; ", ".", ")"),
        (".[", "0", "]"),
        ("{(", "\"a\"", "): 1} | .a"),
    ] {
        let source = format!("{}{core}{}", open.repeat(1_000), close.repeat(1_000));
        assert_eq!(refused(&source), CompileErrorKind::TooDeep(128), "{open}");
    }
    let pattern = format!(". as {}$x{} | $x", "[".repeat(1_000), "]".repeat(1_000));
    assert_eq!(refused(&pattern), CompileErrorKind::TooDeep(128));
    assert_eq!(gives(&format!("1{}", " + 1".repeat(10_000)), &Value::Null), "10001");
    assert_eq!(gives(&format!("1{}", " | .".repeat(10_000)), &Value::Null), "1");
    assert_eq!(gives(&format!("[1{}] | length", ", 1".repeat(10_000)), &Value::Null), "10001");
    assert_eq!(gives(&format!("null{}", " // 1".repeat(1_000)), &Value::Null), "1");
    assert_eq!(gives(&format!("true{}", " and true".repeat(1_000)), &Value::Null), "true");
    assert_eq!(gives(&format!(".a{}", "?.a?".repeat(1_000)), &Value::Null), "null");
    assert_eq!(gives(&format!("\"{}\" | length", "\\(1)".repeat(1_000)), &Value::Null), "1000");
}

#[test]
fn what_looks_outside_is_refused() {
    for source in [
        "halt",
        "halt_error",
        "halt_error(1)",
        "input",
        "inputs",
        "debug",
        "debug(1)",
        "stderr",
        "env",
        "$ENV",
        "now",
        "localtime",
        "strflocaltime(\"%H\")",
        "input_filename",
        "input_line_number",
        "get_search_list",
        "modulemeta",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "module {}; .",
        "a::b",
        "$__prog_args",
    ] {
        let kind = refused(source);
        assert!(matches!(kind, CompileErrorKind::NotAvailable { .. }), "{source}: {kind:?}");
    }
}

/// Bounds cannot be caught, and after one there is nothing more.
#[test]
fn a_bound_is_the_end() {
    assert_eq!(fault("try (def f: f; f) catch 1", &Value::Null), steps());
    assert_eq!(fault("(def f: f; f)? // 1", &Value::Null), steps());
    assert_eq!(fault("first((def f: f; f), 1)", &Value::Null), steps());
    let program = Program::compile("1, (def f: f; f), 2", &[], 128).expect("it compiles");
    let mut run = program.run(Value::Null, Vec::new(), Limits::default());
    assert!(matches!(run.next(), Some(Ok(_))));
    assert!(matches!(run.next(), Some(Err(Failure::Fault(_)))));
    assert!(run.next().is_none());
}

/// A value nested as deeply as can be is walked on the stack of an ordinary thread.
#[test]
fn the_deepest_values_fit_a_stack() {
    let walks = || {
        let deep = "reduce range(999) as $i (0; if $i % 2 == 0 then [.] else {a: .} end)";
        for source in [
            "tojson | length",
            ". == .",
            "[., .] | sort | length",
            "tojson | fromjson | length",
            "flatten?",
            "[..] | length",
            "walk(.) | length",
            "[paths] | length",
            "del(.. | numbers) | length",
            ". * . | length",
            "contains(.)",
            "[tostream] | length",
            "(.. | numbers) |= . + 1 | length",
            "fromstream(tostream) | length",
            "@text | length",
        ] {
            let program = Program::compile(&format!("{deep} | {source}"), &[], 128).expect(source);
            let outputs = program.run(Value::Null, Vec::new(), Limits::default()).count();
            assert!(outputs <= 1, "{source}");
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(walks);
    thread.expect("a thread").join().expect("no panic");
}
