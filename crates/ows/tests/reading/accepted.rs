//! Documents that are accepted, and what the model says of them.

use std::time::Duration;

use flowmill_flow::{Format, Json};
use flowmill_ows::{
    Action, Authentication, Backoff, Call, Credentials, Directive, EventMatch, EventRead,
    HttpMethod, HttpOutput, Pairs, Span, Strategy, Task, Until, Uri, UriPart, Workflow,
};

use crate::{SAMPLES, accepted, document, read};

fn task<'w>(tasks: &'w [Task], name: &str) -> &'w Task {
    tasks.iter().find(|task| task.name == name).unwrap_or_else(|| panic!("{name} is there"))
}

fn orders() -> Workflow {
    accepted(SAMPLES[0])
}

fn waiting() -> Workflow {
    accepted(SAMPLES[1])
}

const fn seconds(seconds: u64) -> Span {
    Span::Fixed(Duration::from_secs(seconds))
}

#[test]
fn a_document_says_what_it_is_called_and_what_becomes_of_its_data() {
    let workflow = orders();
    let document = &workflow.document;
    assert_eq!((document.namespace.as_str(), document.name.as_str()), ("shop", "orders"));
    assert_eq!((document.version.as_str(), document.dsl.as_str()), ("1.2.0", "1.0.3"));
    assert_eq!(document.title.as_deref(), Some("Orders"));
    assert!(document.tags.is_some() && document.metadata.is_some());
    assert!(workflow.input.schema.is_some() && workflow.input.transform.is_some());
    assert!(workflow.output.schema.is_some() && workflow.output.transform.is_some());
    assert_eq!(workflow.timeout, Some(seconds(3_600)));
    assert_eq!(workflow.secrets, ["SHOP_KEY", "account"]);
    let name = workflow.definition.get("document").and_then(|document| document.get("name"));
    assert_eq!(name, Some(Json::string("orders")));
    assert_eq!(waiting().document.dsl, "1.0.0-alpha5");
}

#[test]
fn tasks_have_their_references_and_lead_to_each_other() {
    let workflow = orders();
    let names: Vec<_> = workflow.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["fetch", "weigh", "each", "tell", "refuse"]);
    let leads = |then: Directive| match then {
        Directive::Task(index) => workflow.tasks[index.get()].name.clone(),
        other @ (Directive::Continue | Directive::Exit | Directive::End) => format!("{other:?}"),
    };
    let Action::Switch(cases) = &task(&workflow.tasks, "weigh").action else { panic!("a switch") };
    let cases: Vec<_> = cases.iter().map(|case| (case.when.is_some(), leads(case.then))).collect();
    let expect = [(true, "each"), (true, "refuse"), (false, "Continue")];
    assert_eq!(cases, expect.map(|(when, then)| (when, then.to_owned())));
    assert_eq!(task(&workflow.tasks, "weigh").then, Directive::Exit);
    assert_eq!(task(&workflow.tasks, "tell").then, Directive::End);
    let Action::For(each) = &task(&workflow.tasks, "each").action else { panic!("a loop") };
    assert_eq!((each.item.as_str(), each.index.as_str()), ("line", "n"));
    assert_eq!(each.tasks[0].reference, "/do/2/each/do/0/check");
    let Action::Fork(fork) = &task(&workflow.tasks, "tell").action else { panic!("a fork") };
    assert!(fork.compete);
    assert_eq!(fork.branches[1].reference, "/do/3/tell/fork/branches/1/publish");
}

#[test]
fn what_a_document_names_stands_where_it_is_used() {
    let workflow = orders();
    let Action::Try(tried) = &task(&workflow.tasks, "fetch").action else { panic!("a try") };
    let retry = tried.catch.retry.as_ref().expect("a policy");
    assert_eq!((retry.retries, retry.backoff), (Some(4), Backoff::Exponential));
    assert_eq!(
        (retry.delay.clone(), retry.duration.clone()),
        (Some(seconds(2)), Some(seconds(300)))
    );
    assert_eq!(retry.variable, "error");
    assert_eq!(tried.catch.variable, "problem");
    assert_eq!(tried.catch.errors.status, Some(404));
    assert!(matches!(tried.catch.then, Some(Directive::Task(index)) if index.get() == 1));
    assert_eq!(tried.catch.tasks[0].reference, "/do/0/fetch/catch/do/0/remember");
    assert_eq!(tried.tasks[0].timeout, Some(seconds(5)));
    let Action::Raise(error) = &task(&workflow.tasks, "refuse").action else { panic!("a raise") };
    assert_eq!(error.status, 422);
    assert_eq!(workflow.functions["stock"].reference, "/use/functions/stock");
    let Action::Do(tasks) = &workflow.functions["check"].action else { panic!("tasks") };
    assert!(
        matches!(&tasks[0].action, Action::Call(Call::Function(call)) if call.function == "stock")
    );
}

#[test]
fn calls_have_all_that_they_need() {
    let workflow = orders();
    let Action::Try(tried) = &task(&workflow.tasks, "fetch").action else { panic!("a try") };
    let Action::Call(Call::Http(call)) = &tried.tasks[0].action else { panic!("a call") };
    assert_eq!(
        (call.method, call.output, call.redirect),
        (HttpMethod::Get, HttpOutput::Response, true)
    );
    let Uri::Template(parts) = &call.endpoint.uri else { panic!("a template") };
    assert_eq!(parts[1], UriPart::Variable("id".to_owned()));
    assert!(matches!(
        &call.endpoint.authentication,
        Some(Authentication::Basic(Credentials::Secret(name))) if name == "account"
    ));
    assert!(matches!(&call.headers, Pairs::Each(headers) if headers.len() == 2));
    assert!(matches!(&call.query, Pairs::Computed(query) if query.source() == " .query "));
    let workflow = waiting();
    let Action::Call(Call::OpenApi(call)) = &task(&workflow.tasks, "specified").action else {
        panic!("a call")
    };
    assert_eq!((call.operation.as_str(), call.output), ("getOrder", HttpOutput::Raw));
    assert_eq!(call.parameters.len(), 2);
    let Action::Run(run) = &task(&workflow.tasks, "again").action else { panic!("a run") };
    assert_eq!((run.version.is_none(), run.wait, run.output), (true, false, false));
}

#[test]
fn events_are_waited_for_in_every_way() {
    let workflow = waiting();
    let listen = |name: &str| {
        let Action::Listen(listen) = &task(&workflow.tasks, name).action else {
            panic!("{name} listens")
        };
        listen.clone()
    };
    let one = listen("one");
    assert_eq!(one.read, EventRead::Envelope);
    let Strategy::One(filter) = &one.to else { panic!("one event") };
    assert!(matches!(filter.with[0].1, EventMatch::Value(_)));
    assert!(matches!(filter.with[1].1, EventMatch::Expression(_)));
    assert!(filter.correlate[0].1.expect.is_some());
    assert!(matches!(&listen("every").to, Strategy::All(filters) if filters.len() == 2));
    let chat = listen("chat");
    assert!(matches!(&chat.to, Strategy::Any { until: Some(Until::Condition(_)), .. }));
    let each = chat.each.expect("tasks for each event");
    assert_eq!((each.item.as_str(), each.index.as_str()), ("message", "i"));
    assert_eq!(each.tasks[0].reference, "/do/5/chat/foreach/do/0/keep");
    let Strategy::Any { filters, until: Some(Until::Events(_)) } = listen("until").to else {
        panic!("events that end it")
    };
    assert!(filters.is_empty());
}

#[test]
fn durations_are_fixed_or_computed() {
    let workflow = waiting();
    let wait = |name: &str| {
        let Action::Wait(span) = &task(&workflow.tasks, name).action else {
            panic!("{name} waits")
        };
        span.clone()
    };
    assert_eq!(wait("pause"), seconds(90));
    assert_eq!(wait("later"), seconds(5));
    assert!(matches!(wait("asked"), Span::Computed(_)));
}

#[test]
fn json_says_the_same_as_yaml() {
    for sample in SAMPLES {
        let json = accepted(sample).definition.to_bytes();
        let workflow = flowmill_ows::read(&json, Format::Json).expect("it is accepted");
        assert_eq!(workflow.definition, accepted(sample).definition);
    }
}

#[test]
fn names_may_be_of_any_script_and_hide_others() {
    accepted(&document("[{größe: {set: {a: 1}, then: größe}}, {'a/b ~': {set: {}}}]"));
    let hiding =
        "[{a: {for: {each: input, in: .x, at: task}, do: [{b: {set: '{a: $input, b: $task}'}}]}}]";
    accepted(&document(hiding));
    let inner = "[{a: {for: {in: .x}, do: [{b: {for: {in: $item}, do: [{c: {set: $item}}]}}]}}]";
    accepted(&document(inner));
}

#[test]
fn what_is_null_is_left_out() {
    accepted(&document("[{a: {if: , input: , output: , then: , timeout: , set: {a: }}}]"));
    assert!(read(&document("")).is_err());
}
