//! Which verdict each connection gets, and what is known of what each node gives.

use super::*;
use crate::{Diagnostic, Format, compile, compile_deployed};

mod claims;

/// A document of these nodes and connections, with further lines.
fn document(more: &str, nodes: &[&str], connections: &[&str]) -> String {
    let mut text = "flowmill: 1\ndocument: { namespace: a, name: b, version: 1.0.0 }\n".to_owned();
    text.push_str(more);
    text.push_str("\nnodes:\n");
    nodes.iter().for_each(|node| text.push_str(&format!("  - {node}\n")));
    text.push_str("connections:\n");
    connections.iter().for_each(|connection| text.push_str(&format!("  - {connection}\n")));
    text
}

fn flow(more: &str, nodes: &[&str], connections: &[&str]) -> Flow {
    let text = document(more, nodes, connections);
    compile(text.as_bytes(), Format::Yaml).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

fn errors(text: &str) -> Vec<Diagnostic> {
    compile(text.as_bytes(), Format::Yaml).expect_err(text)
}

const START: &str = "{ id: s, type: start }";
const END: &str = "{ id: e, type: end }";

/// An input of the flow.
fn input(schema: &str) -> String {
    format!("input: {{ schema: {schema} }}")
}

/// The connection out of `source`.
fn from<'a>(flow: &'a Flow, source: &str) -> &'a Connection {
    let mut connections = flow.connections().iter();
    connections.find(|connection| flow.source_of(connection) == source).expect(source)
}

/// A flow whose input goes into a node with an input schema.
fn two_nodes(given: &str, taken: &str) -> String {
    let node = format!(
        "{{ id: n, type: filter, input: {{ schema: {taken} }}, parameters: {{ condition: . }} }}"
    );
    document(&input(given), &[START, &node], &["s.out -> n.in"])
}

#[test]
fn a_connection_has_the_verdict_of_both_schemas() {
    let check = |given: &str, taken: &str, expect: &str| {
        let text = two_nodes(given, taken);
        let flow = compile_deployed(&canonical(&text)).expect("it compiles");
        let fit = &flow.connections()[0].fit;
        assert_eq!(fit.verdict.word(), expect, "{given} {taken}");
        assert_eq!(fit.is_in_doubt(), !matches!(expect, "exact" | "subtype"), "{given} {taken}");
        assert_eq!(fit.why().is_some(), fit.is_in_doubt(), "{given} {taken}");
        let refused = compile(text.as_bytes(), Format::Yaml).is_err();
        assert_eq!(refused, expect == "incompatible", "{given} {taken}");
    };
    check("{ type: string }", "{ type: string }", "exact");
    check("true", "true", "exact");
    check("{ type: integer }", "{ type: number }", "subtype");
    check("{ type: object, required: [a] }", "{ type: object }", "subtype");
    check("{ type: number }", "{ type: integer }", "runtime-check");
    check("true", "{ type: string }", "runtime-check");
    check("{ type: string }", "{ type: string, pattern: '^a' }", "runtime-check");
    check("{ type: string }", "{ type: number }", "incompatible");
    check("{ const: 1 }", "{ const: 2 }", "incompatible");
    check("false", "{ type: string }", "runtime-check");
    // The engine checks formats.
    check("{ type: string, format: date }", "{ type: string }", "subtype");
    check("{ type: string }", "{ type: string, format: date }", "runtime-check");
    check("{ type: string, format: date }", "{ type: string, format: date }", "exact");
}

/// A document as it is stored. One that is refused for its types cannot be deployed and is stored
/// all the same where an earlier build took it.
fn canonical(yaml: &str) -> Vec<u8> {
    let source = crate::source::Source::read(yaml.as_bytes(), Format::Yaml).expect("YAML");
    source.root.to_json().to_bytes().to_vec()
}

#[test]
fn into_a_node_that_does_not_say_what_it_takes_everything_goes() {
    let filter = "{ id: n, type: filter, parameters: { condition: . } }";
    let check = |given: &str, expect: &str| {
        let flow = flow(&input(given), &[START, filter], &["s.out -> n.in"]);
        let fit = &flow.connections()[0].fit;
        assert_eq!((fit.verdict.word(), fit.taken.as_ref()), (expect, None), "{given}");
        assert_eq!(fit.why(), None);
    };
    check("true", "exact");
    check("{ type: string }", "subtype");
    check("false", "subtype");
}

/// What leaves `n.out` when `given` comes to it.
fn given_by(node: &str, given: &str, port: &str) -> String {
    let connections = ["s.out -> n.in", &format!("n.{port} -> e.in")];
    let flow = flow(&input(given), &[START, &format!("{{ id: n, {node} }}"), END], &connections);
    from(&flow, &format!("n.{port}")).fit.given.describe()
}

#[test]
fn a_node_gives_what_came_or_what_it_makes() {
    let check = |node: &str, expect: &str| {
        assert_eq!(given_by(node, "{ type: string }", "out"), expect, "{node}");
    };
    check("type: filter, parameters: { condition: . }", "string");
    check("type: set, parameters: { context: { a: 1 } }", "string");
    check("type: wait, parameters: { for: PT1S }", "string");
    check("type: map, parameters: { expression: . }", "any");
    check("type: task, parameters: { type: t }", "any");
    check("type: signal, parameters: { name: go }", "any");
    check("type: merge", "[string] of 1 items");
    check("type: merge, parameters: { mode: any }", "string");
    let whole = "output: { schema: { type: integer } }";
    check(&format!("type: map, {whole}, parameters: {{ expression: . }}"), "integer");
    check(&format!("type: task, {whole}, parameters: {{ type: t }}"), "integer");
    check(&format!("type: signal, {whole}, parameters: {{ name: go }}"), "integer");
    let call = "type: http.request, parameters: { method: GET, url: 'http://h' }";
    let answer = "{body: any, headers: {…: string | [string]}, status: integer ≥ 100 ≤ 999}";
    check(call, answer);
    check(&format!("{call}, {whole}"), "integer");
    let record = "type: kafka.produce, parameters: { topic: t }";
    let number = "null | integer ≥ 0";
    check(record, &format!("{{offset: {number}, partition: {number}, topic: string}}"));
    let switch = "type: switch, parameters: { cases: [{ name: a, when: . }], default: b }";
    assert_eq!(given_by(switch, "{ type: string }", "a"), "string");
    assert_eq!(given_by(switch, "{ type: string }", "b"), "string");
}

#[test]
fn an_error_port_gives_a_problem() {
    let node = "type: filter, parameters: { condition: . }";
    let optional = "null | string";
    let expect = format!(
        "{{|detail: {optional}, instance: {optional}, status: integer ≥ 0 ≤ 65535, title: string, \
         type: string|}}"
    );
    assert_eq!(given_by(node, "{ type: string }", "error"), expect);
}

#[test]
fn a_value_goes_past_a_node_with_a_condition_as_it_came() {
    let check = |node: &str, given: &str, expect: &str| {
        assert_eq!(given_by(node, given, "out"), expect, "{node}");
    };
    let map =
        "type: map, if: ., output: { schema: { type: integer } }, parameters: { expression: . }";
    check(map, "{ type: string }", "integer | string");
    let wait = "type: wait, if: ., input: { schema: { type: string } }, parameters: { for: PT1S }";
    check(wait, "{ type: [string, 'null'] }", "null | string");
}

#[test]
fn what_was_checked_is_known_to_fit() {
    let check = |given: &str, expect: &str| {
        let node =
            "type: wait, input: { schema: { type: [integer, string] } }, parameters: { for: PT1S }";
        assert_eq!(given_by(node, given, "out"), expect, "{given}");
    };
    check("true", "integer | string");
    check("{ type: number }", "integer | string");
    check("{ type: string, minLength: 1 }", "string of at least 1 characters");
}

/// Two maps of a type each beside each other, both into `n`.
fn two_branches(node: &str) -> Flow {
    let map = |id: &str, kind: &str| {
        format!(
            "{{ id: {id}, type: map, output: {{ schema: {{ type: {kind} }} }}, parameters: {{ expression: . }} }}"
        )
    };
    let nodes =
        [START, &map("a", "string"), &map("b", "'null'"), &format!("{{ id: n, {node} }}"), END];
    let connections =
        ["s.out -> a.in", "s.out -> b.in", "a.out -> n.in", "b.out -> n.in", "n.out -> e.in"];
    flow("", &nodes, &connections)
}

#[test]
fn several_connections_give_the_union_and_a_merge_an_array_of_it() {
    let check = |node: &str, expect: &str| {
        let flow = two_branches(node);
        assert_eq!(from(&flow, "n.out").fit.given.describe(), expect, "{node}");
    };
    check("type: wait, parameters: { for: PT1S }", "null | string");
    check("type: merge", "[null | string] of 1 to 2 items");
    check("type: merge, parameters: { count: 2 }", "[null | string] of 2 items");
    check("type: merge, parameters: { mode: any }", "null | string");
}

#[test]
fn each_of_several_connections_has_its_own_verdict() {
    let node = "type: wait, input: { schema: { type: string } }, parameters: { for: PT1S }";
    let nodes = [
        START,
        "{ id: a, type: map, output: { schema: { enum: [x, y] } }, parameters: { expression: . } }",
        "{ id: b, type: map, parameters: { expression: . } }",
        &format!("{{ id: n, {node} }}"),
        END,
    ];
    let connections =
        ["s.out -> a.in", "s.out -> b.in", "a.out -> n.in", "b.out -> n.in", "n.out -> e.in"];
    let flow = flow("", &nodes, &connections);
    assert_eq!(from(&flow, "a.out").fit.verdict, Verdict::Subtype);
    assert_eq!(from(&flow, "b.out").fit.verdict.word(), "runtime-check");
    assert_eq!(from(&flow, "n.out").fit.given.describe(), "string");
}

#[test]
fn the_flows_output_is_judged_where_one_value_certainly_reaches_the_end() {
    let check = |node: &str, connections: &[&str], judged: bool| {
        let output = "output: { schema: { type: [object, array, string] } }";
        let node = format!("{{ id: n, {node} }}");
        let other = "{ id: o, type: map, parameters: { expression: . } }";
        let mut nodes = vec![START, &node, END];
        if connections.iter().any(|connection| connection.contains("o.")) {
            nodes.push(other);
        }
        let flow = flow(output, &nodes, connections);
        let fit = &from(&flow, connections[1].split(' ').next().expect("a port")).fit;
        assert_eq!(fit.taken.is_some(), judged, "{node} {connections:?}");
    };
    let through = ["s.out -> n.in", "n.out -> e.in"];
    let task = "type: task, parameters: { type: t }";
    check(task, &through, true);
    check("type: map, if: .a, parameters: { expression: . }", &through, true);
    check("type: filter, parameters: { condition: . }", &through, false);
    check(task, &["s.out -> n.in", "n.out -> e.in", "n.error -> e.in"], false);
    check(task, &["s.out -> n.in", "n.out -> e.in", "n.error -> o.in"], false);
    check(task, &["s.out -> n.in", "n.out -> e.in", "s.out -> e.in"], false);
    check(task, &["s.out -> n.in", "n.out -> e.in", "s.out -> o.in"], true);
    let merged = ["s.out -> n.in", "n.out -> e.in", "s.out -> o.in", "o.out -> n.in"];
    check("type: merge", &merged, true);
    check("type: merge, parameters: { mode: any }", &merged, true);
    check(task, &merged, false);
}

#[test]
fn an_end_that_says_what_it_takes_is_judged_by_that() {
    let end = "{ id: e, type: end, input: { schema: { type: string } } }";
    let output = "output: { schema: { type: number } }";
    let flow = flow(output, &[START, end], &["s.out -> e.in"]);
    let taken = flow.connections()[0].fit.taken.as_ref().map(Type::describe);
    assert_eq!(taken.as_deref(), Some("string"));
}

#[test]
fn what_can_never_fit_is_refused_at_its_connection() {
    let given = "{ type: object, required: [id], properties: { id: { type: string } } }";
    let taken = "{ type: object, properties: { id: { type: integer } } }";
    let text = two_nodes(given, taken);
    let [error] = &errors(&text)[..] else { panic!("one error") };
    assert_eq!((error.code, error.line), (DiagnosticCode::IncompatibleTypes, 8));
    assert_eq!(error.pointer, "/connections/0");
    let expect = "nothing that `s.out` gives fits `n.in`: it gives {id: string}, and {id?: integer} is \
                  taken; `{\"id\":\"a\"}` is refused at `/id`";
    assert_eq!(error.message, expect);
    assert!(error.help.contains("the `input.schema` of `n`"), "{}", error.help);
}

#[test]
fn a_flow_whose_one_output_can_never_fit_is_refused() {
    let more = format!("{}\noutput: {{ schema: {{ type: number }} }}", input("{ type: string }"));
    let text = document(&more, &[START, END], &["s.out -> e.in"]);
    let [error] = &errors(&text)[..] else { panic!("one error") };
    assert_eq!(error.code, DiagnosticCode::IncompatibleTypes);
    assert!(error.help.contains("the flow's `output.schema`"), "{}", error.help);
}

#[test]
fn a_definition_that_was_deployed_is_not_refused_for_its_types_and_for_all_else_it_is() {
    let text = canonical(&two_nodes("{ type: string }", "{ type: number }"));
    let flow = compile_deployed(&text).expect("it was deployed");
    assert!(flow.connections()[0].fit.is_in_doubt());
    let broken = String::from_utf8(text).expect("UTF-8").replace("filter", "filtre");
    assert!(compile_deployed(broken.as_bytes()).is_err());
}

#[test]
fn a_schema_of_a_node_is_checked_with_its_place() {
    use DiagnosticCode as Code;
    let check = |node: &str, code: DiagnosticCode, pointer: &str| {
        let node = format!("{{ id: n, {node} }}");
        let text = document("", &[START, &node], &["s.out -> n.in"]);
        let [error] = &errors(&text)[..] else { panic!("one error: {text}") };
        assert_eq!((error.code, error.pointer.as_str()), (code, pointer), "{text}");
    };
    let schema = "schema: { type: strin }";
    let map = "type: map, parameters: { expression: . }";
    check(
        &format!("{map}, input: {{ {schema} }}"),
        Code::InvalidSchema,
        "/nodes/1/input/schema/type",
    );
    check(
        &format!("{map}, output: {{ {schema} }}"),
        Code::InvalidSchema,
        "/nodes/1/output/schema/type",
    );
    check(&format!("{map}, input: {{ schema: 1 }}"), Code::WrongType, "/nodes/1/input/schema");
    check(&format!("{map}, output: text"), Code::WrongType, "/nodes/1/output");
    check(
        &format!("{map}, output: {{ scheme: true }}"),
        Code::UnknownField,
        "/nodes/1/output/scheme",
    );
    let output = "output: { schema: true }";
    for node in [
        "type: filter, parameters: { condition: . }",
        "type: set, parameters: { context: {} }",
        "type: wait, parameters: { for: PT1S }",
        "type: merge",
        "type: end",
    ] {
        check(&format!("{node}, {output}"), Code::UnknownField, "/nodes/1/output");
    }
    check("type: merge, input: { schema: true }", Code::UnknownField, "/nodes/1/input");
    let start = "{ id: s, type: start, input: { schema: true } }";
    let text = document("", &[start, END], &["s.out -> e.in"]);
    assert_eq!(errors(&text)[0].code, Code::UnknownField);
}

#[test]
fn what_a_node_type_gives_is_held_to_it_where_a_node_says_what_it_takes() {
    let enforced = |taken: &str| {
        let call = "{ id: n, type: http.request, parameters: { method: GET, url: 'http://h' } }";
        let end = format!("{{ id: e, type: end{taken} }}");
        let flow = flow("", &[START, call, &end], &["s.out -> n.in", "n.out -> e.in"]);
        flow.nodes()[1].schemas.output.is_some()
    };
    assert!(!enforced(""));
    assert!(enforced(", input: { schema: { type: object } }"));
}

#[test]
fn what_is_too_large_for_a_type_is_any_value_and_is_checked() {
    let many: Vec<String> = (0..limits::TYPE_PARTS + 1).map(|n| n.to_string()).collect();
    let many = format!("{{ enum: [{}] }}", many.join(", "));
    let verdict = |given: &str, taken: &str| {
        let text = two_nodes(given, taken);
        compile(text.as_bytes(), Format::Yaml).expect("a flow").connections()[0].fit.verdict.clone()
    };
    let expect = Verdict::RuntimeCheck { doubt: Doubt::TooComplex };
    assert_eq!(verdict("{ type: integer }", &many), expect);
    assert_eq!(verdict(&many, "{ type: integer }").word(), "runtime-check");
    assert_eq!(verdict(&many, &many), expect);
}

#[test]
fn a_flow_of_many_large_types_is_compiled_within_its_steps() {
    // Each schema doubles at every level, and no two nodes have the same.
    let schema = |n: usize| {
        let level = |k: usize| {
            let next = format!("{{ $ref: '#/$defs/l{}' }}", k + 1);
            format!("l{k}: {{ type: object, properties: {{ a: {next}, b: {next} }} }}")
        };
        let levels: Vec<String> = (0..10).map(level).collect();
        format!(
            "{{ $ref: '#/$defs/l0', $defs: {{ {}, l10: {{ const: {n} }} }} }}",
            levels.join(", ")
        )
    };
    let node = |n: usize| {
        let schema = schema(n);
        format!(
            "{{ id: n{n}, type: map, input: {{ schema: {schema} }}, output: {{ schema: {schema} }}, \
             parameters: {{ expression: . }} }}"
        )
    };
    let nodes: Vec<String> = (0..80).map(node).collect();
    let pairs = (0..80).flat_map(|to| (0..to).map(move |from| format!("n{from}.out -> n{to}.in")));
    let connections: Vec<String> =
        std::iter::once("s.out -> n0.in".to_owned()).chain(pairs).collect();
    let nodes: Vec<&str> = std::iter::once(START).chain(nodes.iter().map(String::as_str)).collect();
    let connections: Vec<&str> = connections.iter().map(String::as_str).collect();
    let text = canonical(&document("", &nodes, &connections));
    let flow = compile_deployed(&text).expect("a flow");
    let last = &flow.connections().last().expect("a connection").fit;
    assert_eq!(last.verdict, Verdict::RuntimeCheck { doubt: Doubt::TooComplex });
}
