//! Documents that are refused: with which code, where, and in which words.

use flowmill_flow::DiagnosticCode::{
    self, DuplicateKey, DuplicateName, InvalidExpression, InvalidName, InvalidSchema, InvalidValue,
    MisplacedSecret, MissingField, UnknownField, UnknownReference, UnsupportedConstruct,
    UnsupportedFormat, WrongType,
};
use flowmill_ows::Construct;

use crate::{document, read, shown};

/// The document has exactly one error: of this code, at this pointer, with these words in its
/// message or its help.
#[track_caller]
fn check(text: &str, code: DiagnosticCode, pointer: &str, words: &str) {
    let errors = read(text).expect_err(text);
    let [error] = &errors[..] else { panic!("{text}\n{}", shown(&errors)) };
    let found = &error.diagnostic;
    assert_eq!((found.code, found.pointer.as_str()), (code, pointer), "{text}\n{error}");
    assert!(found.message.contains(words) || found.help.contains(words), "{text}\n{error}");
}

/// One task that is refused, at a pointer below it.
#[track_caller]
fn task(task: &str, code: DiagnosticCode, pointer: &str, words: &str) {
    check(&document(&format!("[{{t: {task}}}]")), code, &format!("/do/0/t{pointer}"), words);
}

/// A document with more than its tasks.
fn with(field: &str) -> String {
    format!("{}{field}\n", document("[{t: {set: {a: 1}}}]"))
}

#[track_caller]
fn construct(text: &str, construct: Construct, pointer: &str) {
    check(text, UnsupportedConstruct, pointer, construct.name());
    let errors = read(text).expect_err(text);
    assert_eq!(errors[0].construct, Some(construct));
}

#[track_caller]
fn construct_of(task: &str, expect: Construct, pointer: &str) {
    construct(&document(&format!("[{{t: {task}}}]")), expect, &format!("/do/0/t{pointer}"));
}

#[test]
fn every_construct_that_is_not_run_is_named_with_its_place() {
    construct_of("{call: asyncapi, with: {}}", Construct::CallAsyncApi, "/call");
    construct_of("{call: grpc, with: {}}", Construct::CallGrpc, "/call");
    construct_of("{call: a2a, with: {}}", Construct::CallA2a, "/call");
    construct_of("{call: mcp, with: {}}", Construct::CallMcp, "/call");
    construct_of("{call: 'log:1.0.0@default'}", Construct::CallCatalog, "/call");
    construct_of("{call: 'https://x/function.yaml'}", Construct::CallCatalog, "/call");
    construct_of("{run: {container: {image: x}}}", Construct::RunContainer, "/run/container");
    construct_of("{run: {script: {code: x}}}", Construct::RunScript, "/run/script");
    construct_of("{run: {shell: {command: x}}}", Construct::RunShell, "/run/shell");
    construct_of("{wait: P1M}", Construct::CalendarDuration, "/wait");
    construct_of(
        "{set: {a: '${ $authorization.scheme }'}}",
        Construct::AuthorizationVariable,
        "/set/a",
    );
    construct_of("{if: $authorization != null, set: {}}", Construct::AuthorizationVariable, "/if");
    construct_of(
        "{set: {}, output: {schema: {resource: {endpoint: x}}}}",
        Construct::ExternalSchema,
        "/output/schema/resource",
    );
    construct_of(
        "{set: {}, input: {schema: {format: avro, document: {}}}}",
        Construct::SchemaFormat,
        "/input/schema/format",
    );
    let policies = [
        ("digest", Construct::DigestAuthentication),
        ("oauth2", Construct::OAuth2Authentication),
        ("oidc", Construct::OidcAuthentication),
    ];
    for (policy, expect) in policies {
        construct(
            &with(&format!("use: {{authentications: {{x: {{{policy}: {{use: y}}}}}}}}")),
            expect,
            &format!("/use/authentications/x/{policy}"),
        );
    }
    construct(&with("use: {catalogs: {x: {endpoint: y}}}"), Construct::Catalogs, "/use/catalogs");
    construct(
        &with("use: {extensions: [{x: {extend: all}}]}"),
        Construct::Extensions,
        "/use/extensions",
    );
    construct(&with("schedule: {every: PT1H}"), Construct::ScheduleEvery, "/schedule/every");
    construct(&with("schedule: {cron: 0 0 * * *}"), Construct::ScheduleCron, "/schedule/cron");
    construct(&with("schedule: {after: PT1H}"), Construct::ScheduleAfter, "/schedule/after");
    construct(&with("schedule: {on: {one: {}}, read: raw}"), Construct::ScheduleOn, "/schedule/on");
    construct(&with("evaluate: {language: js}"), Construct::Language, "/evaluate/language");
    construct(&with("evaluate: {mode: loose}"), Construct::LooseMode, "/evaluate/mode");
    construct(
        &with("use: {functions: {f: {do: [{x: {call: f}}]}}}"),
        Construct::RecursiveFunction,
        "/use/functions/f/do/0/x/call",
    );
}

#[test]
fn functions_that_call_each_other_in_a_circle_are_refused_at_each_call() {
    let text = with("use: {functions: {f: {call: g}, g: {call: h}, h: {call: g}, i: {call: f}}}");
    let errors = read(&text).expect_err("a circle");
    let places: Vec<_> = errors.iter().map(|error| error.diagnostic.pointer.as_str()).collect();
    assert_eq!(places, ["/use/functions/g/call", "/use/functions/h/call"]);
}

#[test]
fn a_document_is_of_a_version_that_is_read() {
    let version = |dsl: &str| document("[{t: {set: {}}}]").replace("1.0.3", dsl);
    for dsl in ["0.8.0", "2.0.0", "1.1.0", "'0.8'", "'2'"] {
        check(&version(dsl), UnsupportedFormat, "/document/dsl", "1.0");
    }
    check(&version("1.0"), WrongType, "/document/dsl", "quotes");
    check("do: []", MissingField, "", "document.dsl");
    check("[]", WrongType, "", "object");
    check("", WrongType, "", "object");
}

#[test]
fn the_head_of_a_document_is_checked() {
    let head = |old: &str, new: &str| document("[{t: {set: {}}}]").replace(old, new);
    check(
        &head("namespace: a", "namespace: Shop"),
        InvalidName,
        "/document/namespace",
        "lower-case",
    );
    check(&head("name: b", "nmae: b"), UnknownField, "/document/nmae", "did you mean `name`");
    check(&head(", name: b", ""), MissingField, "/document", "`name`");
    check(&head("version: 1.0.0", "version: '1'"), InvalidName, "/document/version", "semantic");
    check(&head("name: b", "name: b, tags: [x]"), WrongType, "/document/tags", "object");
    check(&with("triggers: []"), UnknownField, "/triggers", "fields are");
    check(&document("[]"), InvalidValue, "/do", "at least one");
    check(&document("{t: {set: {}}}"), WrongType, "/do", "list");
    check(&with("do: []"), DuplicateKey, "/do", "twice");
    check(&with("timeout: never"), UnknownReference, "/timeout", "use.timeouts");
    check(&with("timeout: {after: PT0S}"), InvalidValue, "/timeout/after", "zero");
    check(&with("schedule: {read: raw}"), InvalidValue, "/schedule/read", "events");
    check(&with("evaluate: {mode: tight}"), InvalidValue, "/evaluate/mode", "strict, loose");
    check(&with("input: {from: $input}"), InvalidExpression, "/input/from", "$workflow");
    check(&with("input: {from: 1}"), WrongType, "/input/from", "an object");
    check(
        &with("input: {schema: {document: {type: objekt}}}"),
        InvalidSchema,
        "/input/schema/document/type",
        "complete in itself",
    );
}

#[test]
fn a_task_is_of_one_kind_with_the_fields_of_it() {
    task("{}", MissingField, "", "call, emit");
    task("{cal: http}", MissingField, "", "did you mean `call`");
    task("7", WrongType, "", "an object");
    task("{set: {}, wait: PT1S}", UnknownField, "/wait", "fields are");
    task("{set: {}, foo: bar}", UnknownField, "/foo", "there is no field `foo`");
    task("{set: {}, the: end}", UnknownField, "/the", "did you mean `then`");
    task("{set: 7}", WrongType, "/set", "expression");
    task("{set: {}, metadata: x}", WrongType, "/metadata", "an object");
    check(&document("[{a: {set: {}}, b: {set: {}}}]"), InvalidValue, "/do/0", "more than one task");
    check(&document("[{}]"), InvalidValue, "/do/0", "no name");
    check(&document("[{a: {set: {}}}, {a: {set: {}}}]"), DuplicateName, "/do/1/a", "two tasks `a`");
    let long = "x".repeat(201);
    check(
        &document(&format!("[{{{long}: {{set: {{}}}}}}]")),
        InvalidName,
        &format!("/do/0/{long}"),
        "200",
    );
}

#[test]
fn a_then_leads_to_a_task_of_the_same_list() {
    task("{set: {}, then: nowhere}", UnknownReference, "/then", "no task `nowhere`");
    task("{set: {}, then: 1}", WrongType, "/then", "a string");
    task(
        "{switch: [{c: {then: ned}}]}",
        UnknownReference,
        "/switch/0/c/then",
        "did you mean `end`",
    );
    let inner = "{do: [{inside: {set: {}, then: t}}]}";
    task(inner, UnknownReference, "/do/0/inside/then", "no task `t`");
    let branches = "{fork: {branches: [{x: {set: {}, then: y}}, {y: {set: {}}}]}}";
    task(branches, UnknownReference, "/fork/branches/0/x/then", "no task `y`");
    let caught = "{try: [{x: {set: {}}}], catch: {then: x}}";
    task(caught, UnknownReference, "/catch/then", "no task `x`");
    let meant = document("[{process: {set: {}, then: proces}}]");
    check(&meant, UnknownReference, "/do/0/process/then", "did you mean `process`");
}

#[test]
fn names_that_nothing_has_are_errors_with_those_that_are_meant() {
    let used = |components: &str, tasks: &str| format!("{}use: {components}\n", document(tasks));
    let check = |components: &str, task: &str, pointer: &str, words: &str| {
        let text = used(components, &format!("[{{t: {task}}}]"));
        check(&text, UnknownReference, &format!("/do/0/t{pointer}"), words);
    };
    let error = "{errors: {notFound: {type: x, status: 404}}}";
    check(error, "{raise: {error: notfound}}", "/raise/error", "did you mean `notFound`");
    check("{}", "{raise: {error: x}}", "/raise/error", "use.errors");
    let tried = "{try: [{x: {set: {}}}], catch: {retry: patient}}";
    check("{retries: {patent: {}}}", tried, "/catch/retry", "did you mean `patent`");
    check("{timeouts: {}}", "{set: {}, timeout: x}", "/timeout", "use.timeouts");
    check("{functions: {getPet: {set: {}}}}", "{call: getPets}", "/call", "did you mean `getPet`");
    check("{}", "{call: htp}", "/call", "did you mean `http`");
    let call = |authentication: &str| {
        format!(
            "{{call: http, with: {{method: get, endpoint: {{uri: 'https://x', authentication: {authentication}}}}}}}"
        )
    };
    let place = "/with/endpoint/authentication";
    check("{}", &call("{use: x}"), &format!("{place}/use"), "use.authentications");
    check("{}", &call("{basic: {use: x}}"), &format!("{place}/basic/use"), "use.secrets");
    let token = call("{bearer: {token: '${ $secrets.KYE }'}}");
    check("{secrets: [KEY]}", &token, &format!("{place}/bearer/token"), "did you mean `KEY`");
}

#[test]
fn expressions_see_what_their_place_gives_them() {
    let unknown = |tasks: &str, pointer: &str, words: &str| {
        task(tasks, InvalidExpression, pointer, words);
    };
    unknown("{if: $input, set: {}}", "/if", "$context");
    unknown("{set: {a: '${ $output }'}}", "/set/a", "not defined");
    unknown("{set: {a: '${ $item }'}}", "/set/a", "not defined");
    unknown("{set: {a: '${ . | }'}}", "/set/a", "");
    unknown("{set: {a: 'x ${ .a'}}", "/set/a", "closing brace");
    unknown("{set: .a b}", "/set", "");
    unknown("{for: {in: .x, each: pet}, do: [{i: {set: $item}}]}", "/do/0/i/set", "not defined");
    unknown("{for: {in: $pet, each: pet}, do: [{i: {set: {}}}]}", "/for/in", "not defined");
    unknown("{try: [{x: {set: $error}}], catch: {}}", "/try/0/x/set", "not defined");
    unknown("{try: [{x: {set: {}}}], catch: {as: e, when: $error}}", "/catch/when", "not defined");
    unknown("{switch: [{c: {when: '${ .a +}', then: end}}]}", "/switch/0/c/when", "");
    unknown(
        "{call: http, with: {method: get, endpoint: 'https://x/${ .id }'}}",
        "/with/endpoint",
        "as one expression",
    );
}

#[test]
fn an_error_in_an_expression_has_its_place_in_the_text() {
    let text = document("\n  - t:\n      set:\n        a: ${ .b + $x }");
    let errors = read(&text).expect_err("unknown");
    let found = &errors[0].diagnostic;
    assert_eq!((found.line, found.column), (5, 20), "{found}");
}

#[test]
fn secrets_stand_only_where_a_worker_fills_them_in() {
    task("{set: {a: '${ $secrets.A }'}}", MisplacedSecret, "/set/a", "headers, query");
    task("{if: $secrets.A, set: {}}", MisplacedSecret, "/if", "cannot be used here");
    let header = "{call: http, with: {method: get, endpoint: 'https://x', headers: {A: '${ \"x\" + $secrets.A }'}}}";
    task(header, MisplacedSecret, "/with/headers/A", "alone");
    let body = "{call: http, with: {method: get, endpoint: 'https://x', body: '${ $secrets.A }'}}";
    task(body, MisplacedSecret, "/with/body", "cannot be used here");
}

#[test]
fn calls_are_checked() {
    let http = |with: &str, code, pointer: &str, words: &str| {
        task(&format!("{{call: http, with: {with}}}"), code, pointer, words);
    };
    task("{call: http}", MissingField, "", "`with`");
    task("{call: 7}", WrongType, "/call", "a string");
    http("{endpoint: 'https://x'}", MissingField, "/with", "`method`");
    http("{method: get}", MissingField, "/with", "`endpoint`");
    http("{method: fetch, endpoint: 'https://x'}", InvalidValue, "/with/method", "GET");
    http("{method: get, endpoint: 7}", WrongType, "/with/endpoint", "an object");
    http("{method: get, endpoint: {}}", MissingField, "/with/endpoint", "`uri`");
    http("{method: get, endpoint: '/x'}", InvalidValue, "/with/endpoint", "https://");
    http("{method: get, endpoint: 'https://x/{a,b}'}", InvalidValue, "/with/endpoint", "one name");
    http("{method: get, endpoint: 'https://x', headers: []}", WrongType, "/with/headers", "object");
    http(
        "{method: get, endpoint: 'https://x', headers: {'a b': x}}",
        InvalidName,
        "/with/headers/a b",
        "header",
    );
    http(
        "{method: get, endpoint: 'https://x', query: {a: [1]}}",
        WrongType,
        "/with/query/a",
        "a string",
    );
    http(
        "{method: get, endpoint: 'https://x', output: all}",
        InvalidValue,
        "/with/output",
        "response",
    );
    http(
        "{method: get, endpoint: 'https://x', redirect: 1}",
        WrongType,
        "/with/redirect",
        "true or false",
    );
    let policy = |policy: &str, code, pointer: &str, words: &str| {
        let with =
            format!("{{method: get, endpoint: {{uri: 'https://x', authentication: {policy}}}}}");
        http(&with, code, &format!("/with/endpoint/authentication{pointer}"), words);
    };
    policy("x", WrongType, "", "an object");
    policy("{}", InvalidValue, "", "one way");
    policy("{basic: {}, bearer: {}}", InvalidValue, "", "one way");
    policy("{bearer: {}}", MissingField, "/bearer", "`token`");
    policy("{basic: {username: a}}", MissingField, "/basic", "`password`");
    task("{call: openapi, with: {operationId: x}}", MissingField, "/with", "`document`");
    task("{run: {}}", MissingField, "/run", "`workflow`");
    let run = "{run: {workflow: {namespace: a, name: b, version: x}}}";
    task(run, InvalidName, "/run/workflow/version", "semantic");
    let run = "{run: {workflow: {namespace: a, name: b, version: latest}, return: code}}";
    task(run, InvalidValue, "/run/return", "`none`");
    check(
        &with("use: {functions: {http: {set: {}}}}"),
        InvalidName,
        "/use/functions/http",
        "another name",
    );
}

#[test]
fn other_tasks_are_checked() {
    task("{for: {}, do: [{x: {set: {}}}]}", MissingField, "/for", "`in`");
    task("{for: {in: .x}}", MissingField, "", "`do`");
    task("{for: {in: .x, each: a b}, do: [{x: {set: {}}}]}", InvalidName, "/for/each", "letters");
    task("{for: {in: .x, each: $a}, do: [{x: {set: {}}}]}", InvalidName, "/for/each", "no `$`");
    task("{for: {in: .x, each: a, at: a}, do: [{x: {set: {}}}]}", DuplicateName, "/for/at", "both");
    task(
        "{for: {in: .x, each: secrets}, do: [{x: {set: {}}}]}",
        InvalidName,
        "/for/each",
        "variable",
    );
    task("{fork: {branches: []}}", InvalidValue, "/fork/branches", "at least one");
    task("{switch: []}", InvalidValue, "/switch", "no cases");
    task("{switch: [{a: {then: end}}, {b: {then: end}}]}", InvalidValue, "/switch", "no condition");
    task("{switch: [{a: {when: .x}}]}", MissingField, "/switch/0/a", "`then`");
    task("{wait: soon}", InvalidValue, "/wait", "PT5S");
    task("{wait: {years: 1}}", InvalidValue, "/wait", "units");
    task("{wait: 5}", InvalidValue, "/wait", "no duration");
    task("{try: [{x: {set: {}}}]}", MissingField, "", "`catch`");
    let caught = |catch: &str, code, pointer: &str, words: &str| {
        let text = format!("{{try: [{{x: {{set: {{}}}}}}], catch: {catch}}}");
        task(&text, code, &format!("/catch{pointer}"), words);
    };
    caught("{errors: {with: {}}}", InvalidValue, "/errors/with", "no properties");
    caught("{errors: {with: {code: 1}}}", UnknownField, "/errors/with/code", "type, status");
    caught("{errors: {with: {type: '${ .x }'}}}", InvalidValue, "/errors/with/type", "`when`");
    caught("{retry: {backoff: {}}}", InvalidValue, "/retry/backoff", "one kind");
    caught(
        "{retry: {backoff: {linear: {by: 1}}}}",
        UnknownField,
        "/retry/backoff/linear/by",
        "remove",
    );
    caught("{retry: {jitter: {from: PT1S}}}", MissingField, "/retry/jitter", "`to`");
    caught("{retry: {jitter: {from: PT2S, to: PT1S}}}", InvalidValue, "/retry/jitter", "swap");
    caught(
        "{retry: {limit: {attempt: {count: -1}}}}",
        InvalidValue,
        "/retry/limit/attempt/count",
        "0 to",
    );
    task("{raise: {error: {type: x}}}", MissingField, "/raise/error", "`status`");
    task(
        "{raise: {error: {type: x, status: 99}}}",
        InvalidValue,
        "/raise/error/status",
        "100 to 599",
    );
    task("{emit: {event: {with: {}}}}", MissingField, "/emit/event/with", "`type`");
    task(
        "{emit: {event: {with: {type: x, Not: y}}}}",
        InvalidName,
        "/emit/event/with/Not",
        "lower-case",
    );
    task("{emit: {event: {with: {type: x}, id: 1}}}", UnknownField, "/emit/event/id", "with");
    task("{listen: {}}", MissingField, "/listen", "`to`");
    task("{listen: {to: {}}}", InvalidValue, "/listen/to", "one of");
    task("{listen: {to: {any: [], all: []}}}", InvalidValue, "/listen/to", "one of");
    task("{listen: {to: {one: {with: {}}}}}", InvalidValue, "/listen/to/one/with", "at least one");
    task("{listen: {to: {all: [], until: .x}}}", InvalidValue, "/listen/to/until", "any");
    task(
        "{listen: {to: {any: [], until: {any: [], until: .x}}}}",
        InvalidValue,
        "/listen/to/until/until",
        "remove",
    );
    task("{listen: {to: {any: []}, read: all}}", InvalidValue, "/listen/read", "envelope");
}

#[test]
fn every_error_of_a_document_is_said_at_once_in_the_order_of_the_text() {
    let text = document("[{a: {set: 7, then: x}}, {b: {wait: soon}}, {c: {call: grpc}}]");
    let errors = read(&text).expect_err("errors");
    let places: Vec<_> = errors.iter().map(|error| error.diagnostic.pointer.as_str()).collect();
    assert_eq!(places, ["/do/0/a/set", "/do/0/a/then", "/do/1/b/wait", "/do/2/c/call"]);
}
