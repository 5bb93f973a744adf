use super::*;
use crate::DiagnosticCode;
use crate::compile;

const FLOW: &str = "
flowmill: 1
document: { namespace: a, name: b, version: 1.0.0 }
nodes:
  - { id: s, type: start }
  - { id: go, type: signal, parameters: { name: go } }
  - { id: send, type: task, parameters: { type: send } }
connections: [s.out -> go.in, go.out -> send.in]
";

fn read(cases: &str) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let flow = compile(FLOW.as_bytes(), Format::Yaml).expect("a flow");
    read_cases(format!("flowmill: 1\ncases:\n{cases}").as_bytes(), Format::Yaml, &flow)
}

#[test]
fn a_case_is_read_with_its_defaults() {
    let text = "
  - name: all of it
    input: [1]
    tasks:
      send:
        - { error: { status: 503, detail: away }, times: 2, after: PT5S }
        - { error: { retryable: false } }
        - { output: null }
    signals: [{ name: go, payload: { by: kim }, after: PT1H }]
    expect: { output: null, path: [s, go, send], never: [] }
  - { name: the least, expect: { error: { title: No } } }
";
    let cases = read(text).expect("cases");
    let send = &cases[0].tasks[&NodeIndex::new(2)];
    assert_eq!(send.len(), 4);
    let Err(failure) = &send[1].result else { panic!("it fails") };
    assert_eq!((failure.problem.status, failure.retryable), (503, true));
    assert_eq!(failure.problem.detail.as_deref(), Some("away"));
    assert_eq!(send[1].after, Duration::from_secs(5));
    assert!(matches!(&send[2].result, Err(failure) if !failure.retryable));
    assert_eq!(send[3].result, Ok(Json::null()));
    assert_eq!(cases[0].signals[0].after, Duration::from_secs(3_600));
    assert_eq!(cases[0].expect.output, Some(Json::null()));
    assert_eq!(cases[0].expect.path.as_deref().map(<[String]>::len), Some(3));
    assert_eq!(cases[1].expect.status, ExpectedStatus::Faulted);
    assert_eq!(cases[1].input, Json::object::<&str>([]));
    assert_eq!((&cases[1].expect.output, &cases[1].expect.path), (&None, &None));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let check = |case: &str, code: DiagnosticCode, pointer: &str, words: &str| {
        let errors = read(&format!("  - {case}\n")).expect_err(case);
        let found = errors.iter().find(|error| error.pointer == pointer);
        let error = found.unwrap_or_else(|| panic!("{case}: {errors:?}"));
        assert_eq!(error.code, code, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.line, 3, "{error}");
    };
    use DiagnosticCode::{InvalidValue, MissingField, UnknownField, UnknownNode};
    check("{ name: x }", MissingField, "/cases/0", "expect");
    check(
        "{ name: x, expect: { statu: faulted } }",
        UnknownField,
        "/cases/0/expect/statu",
        "`status`",
    );
    check(
        "{ name: x, tasks: { sent: [] }, expect: {} }",
        UnknownNode,
        "/cases/0/tasks/sent",
        "did you mean `send`?",
    );
    check(
        "{ name: x, tasks: { go: [] }, expect: {} }",
        InvalidValue,
        "/cases/0/tasks/go",
        "signal node",
    );
    check(
        "{ name: x, tasks: { send: [{ after: PT1S }] }, expect: {} }",
        InvalidValue,
        "/cases/0/tasks/send/0",
        "one of `output` and `error`",
    );
    check(
        "{ name: x, signals: [{ name: gone }], expect: {} }",
        InvalidValue,
        "/cases/0/signals/0/name",
        "`go`",
    );
    check(
        "{ name: x, expect: { path: [z] } }",
        UnknownNode,
        "/cases/0/expect/path/0",
        "no node `z`",
    );
    check(
        "{ name: x, expect: { status: waiting, output: 1 } }",
        InvalidValue,
        "/cases/0/expect/output",
        "no output",
    );
    check(
        "{ name: x, expect: { status: completed, error: {} } }",
        InvalidValue,
        "/cases/0/expect/error",
        "no error",
    );
}

#[test]
fn names_differ_and_there_is_a_case() {
    let errors = read("  - { name: x, expect: {} }\n  - { name: x, expect: {} }\n");
    assert_eq!(errors.expect_err("two")[0].code, DiagnosticCode::DuplicateName);
    let flow = compile(FLOW.as_bytes(), Format::Yaml).expect("a flow");
    let errors = read_cases(b"flowmill: 1\ncases: []\n", Format::Yaml, &flow);
    assert!(errors.expect_err("none")[0].message.contains("no case"));
    assert!(
        read_cases(FLOW.as_bytes(), Format::Yaml, &flow).is_err(),
        "a flow is no list of cases"
    );
}
