use super::*;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn compiled(source: &str) -> Expression {
    Expression::compile(source).unwrap_or_else(|fault| panic!("{source}: {fault:?}"))
}

fn text(value: &Json) -> String {
    String::from_utf8(value.to_bytes().to_vec()).expect("UTF-8")
}

#[track_caller]
fn check(source: &str, input: &str, expect: &str) {
    let value = compiled(source).evaluate(&json(input), &Scope::default());
    let value = value.unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(text(&value), expect, "{source}");
}

#[test]
fn expressions_give_their_value() {
    check(".", "{\"a\":1}", "{\"a\":1}");
    check(".a.b[1]", "{\"a\":{\"b\":[1,2]}}", "2");
    check("{id: .x, n: (.y + 1)}", "{\"x\":\"k\",\"y\":1}", "{\"id\":\"k\",\"n\":2}");
    check("map(select(. > 1)) | add", "[1,2,3]", "5");
    check("10 / 4", "null", "2.5");
    check("8 / 4", "null", "2");
    check("[.[] | tostring] | join(\"-\")", "[1,null,\"x\"]", "\"1-null-x\"");
    check("def double: . * 2; map(double)", "[1,2]", "[2,4]");
    check("reduce .[] as $x (0; . + $x)", "[1,2,3]", "6");
    check("[limit(3; repeat(1))]", "null", "[1,1,1]");
    check("\"\\(.a) and \\(.b)\"", "{\"a\":1,\"b\":\"x\"}", "\"1 and x\"");
    check("if .a then \"y\" else \"n\" end", "{\"a\":false}", "\"n\"");
    check(".a // \"none\"", "{}", "\"none\"");
    check("try error(\"x\") catch .", "null", "\"x\"");
    check("1e1000", "null", "1e1000");
    check("nan", "null", "null");
    check(". as [$a, {b: $c}] | $a + $c", "[1,{\"b\":2}]", "3");
    check("# a comment\n. # ) \"", "1", "1");
}

#[test]
fn the_base_library_is_there() {
    check("test(\"^a+$\"; \"i\")", "\"AAA\"", "true");
    check("gsub(\"[0-9]+\"; \"#\")", "\"a1b22\"", "\"a#b#\"");
    check("[scan(\"[a-z]\")]", "\"a1b\"", "[\"a\",\"b\"]");
    check("@base64", "\"hi\"", "\"aGk=\"");
    check("@base64 \"x-\\(.)\"", "\"hi\"", "\"x-aGk=\"");
    check("@uri", "\"a b/c\"", "\"a%20b%2Fc\"");
    check("@json", "[1]", "\"[1]\"");
    check("fromjson", "\"[1]\"", "[1]");
    check("2 | pow(.; 10) | sqrt | floor", "null", "32");
    check("fromdate", "\"2026-01-02T03:04:05Z\"", "1767323045");
    check("todate", "1767323045", "\"2026-01-02T03:04:05Z\"");
    check("gmtime | mktime", "1767323045", "1767323045");
    check("to_entries", "{\"a\":1}", "[{\"key\":\"a\",\"value\":1}]");
    check("with_entries(.value += 1)", "{\"a\":1}", "{\"a\":2}");
    check("walk(if type == \"number\" then . + 1 else . end)", "[1,[2]]", "[2,[3]]");
    check("[paths]", "{\"a\":[1]}", "[[\"a\"],[\"a\",0]]");
    check("group_by(.k) | map(length)", "[{\"k\":1},{\"k\":2},{\"k\":1}]", "[2,1]");
    check("[.[] | until(. > 9; . * 2)]", "[1,2]", "[16,16]");
    check("sort_by(.a) | map(.a)", "[{\"a\":2},{\"a\":1}]", "[1,2]");
    check("limit(1; .[])", "[1,2]", "1");
}

#[test]
fn variables_are_what_the_scope_says() {
    let scope = Scope {
        input: json("{\"a\":1}"),
        context: json("2"),
        workflow: json("{\"name\":\"w\"}"),
        task: json("4"),
        runtime: json("5"),
        nodes: json("{\"x\":{\"y\":6}}"),
        record: json("7"),
        bound: Vec::new(),
    };
    let source = "[., $input.a, $context, $workflow.name, $task, $runtime, $nodes.x.y]";
    let value = compiled(source).evaluate(&json("0"), &scope).expect("a value");
    assert_eq!(text(&value), "[0,1,2,\"w\",4,5,6]");
    let value = compiled("[$runtime, $nodes[\"x\"].y, $context]").evaluate(&json("0"), &scope);
    assert_eq!(text(&value.expect("a value")), "[5,6,2]");
    let value = compiled("def f($input): $input; f(7)").evaluate(&json("0"), &scope);
    assert_eq!(text(&value.expect("a value")), "7");
}

fn within(names: &[&str], source: &str) -> Result<Expression, SyntaxFault> {
    let known = Names::of(Variable::OF_NODES);
    Expression::compile_within(source, &names.iter().fold(known, |names, name| names.with(name)))
}

#[test]
fn bound_names_are_what_was_bound_innermost() {
    let scope = |bound: &[(&str, &str)]| {
        let bound = bound.iter().map(|(name, value)| (Arc::from(*name), json(value))).collect();
        Scope { input: json("1"), bound, ..Scope::default() }
    };
    let check = |names: &[&str], source: &str, bound: &[(&str, &str)], expect: &str| {
        let expression =
            within(names, source).unwrap_or_else(|fault| panic!("{source}: {fault:?}"));
        let value = expression.evaluate(&json("0"), &scope(bound)).expect(source);
        assert_eq!(text(&value), expect, "{source}");
    };
    let item = ("item", "{\"id\":2}");
    check(
        &["item", "index"],
        "[., $input, $item.id, $index]",
        &[item, ("index", "3")],
        "[0,1,2,3]",
    );
    check(&["index", "item"], "[$item.id, $index]", &[item, ("index", "3"), ("x", "4")], "[2,3]");
    check(&["item", "item"], "$item", &[("item", "1"), ("item", "2")], "2");
    check(&["input"], "$input", &[("input", "5")], "5");
    check(&["item"], "$item", &[], "null");
    check(&["größe"], ".", &[], "0");
    check(&["item"], "5 as $item | $item", &[item], "5");
}

#[test]
fn a_name_that_is_not_bound_is_refused_with_those_that_are() {
    let fault = within(&["item"], "$itme").expect_err("unknown");
    assert_eq!((fault.offset, &*fault.help), (0, "did you mean `$item`?"));
    assert!(within(&["pet"], "$whatever").expect_err("unknown").help.ends_with("$nodes, $pet"));
    assert!(within(&[], "$item").is_err());
}

#[test]
fn a_value_that_is_bound_to_nodes_is_no_reference_to_a_node() {
    let expression = within(&["nodes"], "$nodes.a + $nodes").expect("it compiles");
    assert_eq!(expression.nodes_referenced().count(), 0);
    assert!(!expression.references_every_node());
    let expression = within(&["item"], "$nodes.a + $item").expect("it compiles");
    assert_eq!(expression.nodes_referenced().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn nodes_that_an_expression_looks_at_are_known() {
    let check = |source: &str, ids: &[&str], every: bool| {
        let expression = compiled(source);
        assert_eq!(expression.nodes_referenced().collect::<Vec<_>>(), ids, "{source}");
        assert_eq!(expression.references_every_node(), every, "{source}");
    };
    check(".nodes.x", &[], false);
    check("$nodes.x", &["x"], false);
    check("$nodes.b.c + $nodes.a + $nodes.b", &["a", "b"], false);
    check("$nodes[\"a-b\"].c", &["a-b"], false);
    check("if .a then \"\\($nodes.x)\" else {k: $nodes.y} end", &["x", "y"], false);
    check("$nodes", &[], true);
    check("$nodes[.k]", &[], true);
    check("$nodes | .x", &[], true);
    check("$nodes[]", &[], true);
}

#[test]
fn not_exactly_one_value_is_a_fault() {
    let kind = |source: &str| {
        compiled(source).evaluate(&json("[1,2]"), &Scope::default()).expect_err(source).kind
    };
    assert_eq!(kind("empty"), FaultKind::NoValue);
    assert_eq!(kind(".[]"), FaultKind::SeveralValues);
    assert_eq!(kind("range(1e18)"), FaultKind::SeveralValues);
    assert_eq!(kind("1, error(\"x\")"), FaultKind::Raised("x".to_owned()));
}

#[test]
fn a_condition_holds_unless_it_gives_nothing_null_or_false() {
    let holds = |source: &str| compiled(source).condition(&json("[1]"), &Scope::default());
    for source in ["true", "0", "\"\"", "[]", ".[0] == 1"] {
        assert_eq!(holds(source), Ok(true), "{source}");
    }
    for source in ["false", "null", "empty", ".[5]", ".[0] == 2", ".[] | select(. > 5)"] {
        assert_eq!(holds(source), Ok(false), "{source}");
    }
    assert_eq!(holds("true, true").expect_err("several").kind, FaultKind::SeveralValues);
    assert!(holds(".a").is_err());
}

#[test]
fn a_raised_error_says_what_and_stays_short() {
    let fault = |source: &str, input: &str| {
        compiled(source).evaluate(&json(input), &Scope::default()).expect_err(source).to_string()
    };
    assert_eq!(
        fault(".a + 1", "{\"a\":\"x\"}"),
        "the expression `.a + 1` failed: string (\"x\") and number (1) cannot be added"
    );
    assert!(fault("error({code: 1})", "null").contains("{\"code\":1}"));
    assert!(fault("error", "null").contains("null"));
    let long = format!("\"{}\"", "x".repeat(100_000));
    assert!(fault(". + 1", &long).len() < 500);
    assert!(fault(&format!("error({long})").replace(&"x".repeat(90_000), ""), "1").len() < 500);
    assert!(fault("label $out | break $out", "1").contains("no value"));
}

#[test]
fn results_are_bounded_and_have_text() {
    let kind = |source: &str| {
        compiled(source).evaluate(&Json::null(), &Scope::default()).expect_err(source).kind
    };
    assert_eq!(kind("\"x\" * 2000000"), FaultKind::TooLarge);
    assert_eq!(kind("[range(200000)]"), FaultKind::TooLarge);
    assert_eq!(kind("reduce range(200) as $i (0; [.])"), FaultKind::TooDeep);
    assert!(matches!(kind("{} | .[[1]] = 2"), FaultKind::Raised(_)));
}

#[test]
fn what_is_far_too_deep_or_too_long_is_a_fault_and_ends_nothing() {
    let kind = |source: &str| {
        compiled(source).evaluate(&Json::null(), &Scope::default()).expect_err(source).kind
    };
    assert_eq!(kind("reduce range(300000) as $i (0; [.])"), FaultKind::TooDeep);
    assert_eq!(kind("reduce range(300000) as $i (0; {a: .})"), FaultKind::TooDeep);
    assert_eq!(kind("1, reduce range(300000) as $i (0; [.])"), FaultKind::TooDeep);
    assert!(matches!(kind("\"xx\" * 9223372036854775807"), FaultKind::Raised(_)));
}

#[test]
fn an_evaluation_that_runs_away_is_a_fault_that_says_so() {
    let fault = |source: &str| {
        compiled(source).evaluate(&Json::null(), &Scope::default()).expect_err(source)
    };
    let check = |source: &str, kind: FaultKind, text: &str| {
        let fault = fault(source);
        assert_eq!(fault.kind, kind, "{source}");
        assert!(fault.to_string().contains(text), "{fault}");
    };
    check("def f: f; f", FaultKind::TooManySteps, "ran for more than");
    check("[repeat(1)]", FaultKind::TooManySteps, "steps");
    check("\"x\" * 2e9", FaultKind::TooMuchMemory, "MiB of memory");
    check("def f: 1 + f; f", FaultKind::TooManyCalls, "deep");
    check("first(range(1e18) | select(. < 0))", FaultKind::TooManySteps, "steps");
    assert!(
        compiled("try (def f: f; f) catch true")
            .condition(&Json::null(), &Scope::default())
            .is_err()
    );
    let shared = "reduce range(60) as $i ([]; [., .])";
    check(shared, FaultKind::TooLarge, "bytes of JSON");
    assert!(fault(&format!("error({shared})")).to_string().len() < 500);
}

#[test]
fn what_looks_outside_is_not_there() {
    let names = [
        "now",
        "env",
        "$ENV",
        "input",
        "inputs",
        "debug",
        "debug(.)",
        "stderr",
        "halt",
        "halt(1)",
        "halt_error",
        "halt_error(1)",
        "input_filename",
        "localtime",
        "strflocaltime(\"%H\")",
        "get_search_list",
        "modulemeta",
    ];
    for name in names {
        let fault = Expression::compile(name).expect_err(name);
        assert!(fault.message.contains("not available"), "{name}: {fault:?}");
    }
    for text in ["import \"a\" as a; .", "include \"a\"; .", "module {}; ."] {
        let fault = Expression::compile(text).expect_err(text);
        assert!(fault.help.contains("no modules"), "{text}: {fault:?}");
    }
}

#[test]
fn every_library_function_compiles() {
    for (name, arity) in flowmill_jq::functions() {
        let arguments = vec!["."; arity].join("; ");
        let source = if arity == 0 { name.to_owned() } else { format!("{name}({arguments})") };
        compiled(&source);
    }
}

/// The most deeply nested expressions that are accepted compile, run and go away on the stack of
/// an ordinary thread.
#[test]
fn the_deepest_expressions_fit_a_stack() {
    let depth = flowmill_model::limits::EXPRESSION_DEPTH - 8;
    let nest = |open: &str, core: &str, close: &str, levels: usize| {
        format!("{}{core}{}", open.repeat(levels), close.repeat(levels))
    };
    let sources = [
        nest("(", ".", ")", depth / 2),
        nest("[", ".", "]", depth / 2),
        nest("{a:", ".", "}", depth / 2),
        nest("\"\\(", ".", ")\"", depth / 3),
        nest("-", "1", "", depth),
        nest("if . then ", ".", " end", depth),
        nest("try ", ".", "", depth),
        nest("try (", ".", ") catch .", depth / 3),
        nest(". as $x | ", ".", "", depth / 2),
        nest("label $x | ", ".", "", depth / 2),
        nest("reduce . as $x (.; ", ".", ")", depth / 3),
        nest("first(", ".", ")", depth / 2),
        nest("map(", ".", ")?", depth / 2),
        nest("map_values(", ".", ")", depth / 2),
        format!(".{}", " | .".repeat(depth)),
        format!("1{}", " + 1".repeat(depth)),
        format!("1{}", " // 1".repeat(depth)),
        format!("1{}", " and 1".repeat(depth)),
        format!("[1{}]", ", 1".repeat(depth)),
        format!(". = 1{}", " | .a? = 1".repeat(depth / 3)),
        format!(".a{}", "?.a?".repeat(1_000)),
        format!("{{a:1{}}}", ", a: 1".repeat(depth)),
    ];
    let input = json(&nest("[", "1", "]", 100));
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || {
            for source in sources {
                let outcome = Expression::compile(&source);
                let expression = outcome.unwrap_or_else(|f| panic!("{source:.40}: {f:?}"));
                let _value = expression.evaluate(&input, &Scope::default());
                let _holds = expression.condition(&input, &Scope::default());
            }
        })
        .expect("a thread")
        .join()
        .expect("no panic");
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_compiles_or_is_refused_with_a_place(source in "[\\PC\n]{0,60}") {
        if let Err(fault) = Expression::compile(&source) {
            proptest::prop_assert!(fault.offset <= source.len());
            proptest::prop_assert!(!fault.message.is_empty() && !fault.help.is_empty());
        }
    }

    #[test]
    fn text_made_of_the_language_compiles_or_is_refused(
        parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..20)
    ) {
        let _outcome = Expression::compile(&parts.concat());
    }
}

const PARTS: &[&str] = &[
    ".", "..", ".a", "[", "]", "(", ")", "{", "}", "\"", "\\(", "|", ",", ":", ";", "?", "+", "-",
    " as ", "$x", "$nodes", "$nodes.a", "if ", " then ", " else ", " end ", "try ", " catch ",
    "reduce ", "foreach ", "def ", "f", "label ", "break ", "#", "\n", "@base64", "1", "1e", "//",
    "|=", "==", "and ", "not", "import ", "$__loc__", "é",
];
