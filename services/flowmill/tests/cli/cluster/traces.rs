//! The traces of executions that several processes of a cluster worked on, read back from a real
//! Jaeger.

use std::collections::BTreeMap;

use flowmill_client::{DefinitionFormat, DeployRequest, Repeats};
use flowmill_log::Header;
use flowmill_rig::Jaeger;

use super::node::{Node, Role};
use super::servers::Cluster;
use super::user::{Seen, User};
use crate::jaeger::{Told, spans_of, trace_with};
use crate::load::client;
use crate::traces::{COLLECTOR, STARTS, Service};

/// Executions that records start, one after the other: the first of a process make its clients.
const RECORDS: u64 = 8;

/// The span of a caller or a producer, in its own trace.
const CALLER: &str = "00f067aa0ba902b7";

/// How many partitions are shards.
const SHARDS: u16 = 2;

/// A cluster whose every role is a process of its own, with a flow that records and callers start.
struct Traced {
    cluster: Cluster,
    jaeger: Jaeger,
    service: Service,
    user: User,
    /// An orchestrator, a worker, and two gateways at last.
    nodes: Vec<Node>,
}

impl Traced {
    async fn start() -> Self {
        let started =
            tokio::task::spawn_blocking(|| (Jaeger::start().unwrap(), Cluster::new(SHARDS)));
        let (jaeger, mut cluster) = started.await.unwrap();
        cluster.variables.push((COLLECTOR, jaeger.otlp_grpc()));
        let named =
            |role: Role, name: &str| cluster.node_with(role, &[("OTEL_SERVICE_NAME", name)]);
        let nodes = vec![
            named(Role::Orchestrator, "orchestrator"),
            named(Role::Worker, "worker"),
            named(Role::Gateway, "gateway"),
            named(Role::Gateway, "gateway"),
        ];
        let (service, user) = (Service::start().await, User::of(&cluster));
        let traced = Self { cluster, jaeger, service, user, nodes };
        for topic in [traced.orders(), traced.payments()] {
            traced.user.make_topic(&topic).await;
        }
        traced.deploy().await;
        traced
    }

    fn orders(&self) -> String {
        format!("{}-orders", self.cluster.name)
    }

    fn payments(&self) -> String {
        format!("{}-payments", self.cluster.name)
    }

    async fn deploy(&self) {
        let source = format!(
            "
flowmill: 1
document: {{ namespace: test, name: pay, version: 1.0.0 }}
triggers:
  - kafka: {{ topic: {}, from: earliest }}
nodes:
  - {{ id: begin, type: start }}
  - id: call
    type: http.request
    parameters: {{ method: POST, url: '{}', body: '${{ . }}' }}
  - id: tell
    type: kafka.produce
    parameters: {{ topic: {}, key: '${{ $input.order }}', value: paid }}
  - {{ id: done, type: end }}
connections:
  - begin.out -> call.in
  - call.out -> tell.in
  - tell.out -> done.in
",
            self.orders(),
            self.service.url,
            self.payments()
        );
        let (flow, source) = ("test/pay".parse().unwrap(), source.into());
        let request = DeployRequest { flow, source, format: DefinitionFormat::Yaml, spread: None };
        client(&self.nodes[2].address(), Repeats::default()).deploy(request).await.unwrap();
    }

    /// Writes the record of an order, in a trace of its own.
    async fn order(&self, number: u64) {
        let (order, parent) = (order(number), parent(number));
        let value = format!("{{\"order\": \"{order}\"}}");
        let headers = [Header::new("traceparent", parent)];
        self.user.produce(&self.orders(), &order, &value, &headers).await;
    }

    /// Starts an execution through the second gateway, in a trace of its own, and waits for its end.
    async fn call(&self, number: u64) {
        let url = format!("{}/v1/flows/test/pay/executions?wait=30s", self.nodes[3].url);
        let request = reqwest::Client::new().post(url).header("traceparent", parent(number));
        let request = request.header("content-type", "application/json");
        let request = request.body(format!("{{\"order\": \"{}\"}}", order(number)));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let ended: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(ended["status"], "completed", "{ended}");
    }

    /// Ends the nodes once the ends of the executions are recorded; then all spans are.
    async fn end(&mut self) {
        for number in 0..=RECORDS {
            trace_with(&self.jaeger, &trace(number), "run test/pay").await;
        }
        for node in self.nodes.drain(..) {
            let (status, said) = node.terminate();
            assert_eq!(status.code(), Some(0), "{said}");
        }
    }

    /// What is in the topic that the flow writes to, by key, once so many orders are there.
    async fn paid(&self, count: u64) -> BTreeMap<String, Seen> {
        let seen = self.user.read(&self.payments(), usize::try_from(count).unwrap()).await;
        seen.into_iter().map(|seen| (seen.key.clone(), seen)).collect()
    }
}

fn order(number: u64) -> String {
    format!("order-{number}")
}

/// The trace of an order.
fn trace(number: u64) -> String {
    format!("4bf92f3577b34da6a3ce929d0e0e{number:04x}")
}

/// Where in its trace an order's producer or caller stands.
fn parent(number: u64) -> String {
    format!("00-{}-{CALLER}-01", trace(number))
}

/// One execution's trace, as Jaeger has it.
struct Trace {
    spans: BTreeMap<String, Vec<Told>>,
    /// What the names of the cluster's topics begin with.
    prefix: String,
    execution: String,
}

impl Trace {
    async fn of(traced: &Traced, number: u64) -> Self {
        let answer = trace_with(&traced.jaeger, &trace(number), "run test/pay").await;
        let spans = spans_of(&answer);
        let execution = spans["run test/pay"][0].tags["messaging.message.conversation_id"].clone();
        Self { spans, prefix: format!("{}.", traced.cluster.name), execution }
    }

    #[track_caller]
    fn named(&self, name: &str, count: usize) -> &[Told] {
        let found = self.spans.get(name).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(found.len(), count, "{name} in {:#?}", self.spans);
        found
    }

    #[track_caller]
    fn only(&self, name: &str) -> &Told {
        &self.named(name, 1)[0]
    }

    /// The span of a message of the cluster's own, by what is done with it and its topic's name.
    #[track_caller]
    fn message(&self, operation: &str, topic: &str) -> &Told {
        let span = self.only(&format!("{operation} {}{topic}", self.prefix));
        self.is_message(span, operation, topic);
        span
    }

    #[track_caller]
    fn is_message(&self, span: &Told, operation: &str, topic: &str) {
        let (kind, of_type) = match operation {
            "process" => ("consumer", "process"),
            _ => ("producer", "send"),
        };
        span.says(&[
            ("span.kind", kind),
            ("messaging.system", "kafka"),
            ("messaging.operation.type", of_type),
            ("messaging.operation.name", operation),
            ("messaging.destination.name", &format!("{}{topic}", self.prefix)),
            ("messaging.message.conversation_id", &self.execution),
        ]);
        let partition = &span.tags["messaging.destination.partition.id"];
        assert!(partition.parse::<u16>().is_ok(), "{span:#?}");
        let offset = &span.tags["messaging.kafka.offset"];
        assert!(offset.parse::<u64>().is_ok(), "{span:#?}");
    }

    /// Checks everything below the span that the execution follows from.
    #[track_caller]
    fn is_whole_below(&self, start: &Told) {
        self.message("send", "commands");
        let sent = self.check_task("http");
        let told = self.check_task("kafka");
        self.check_decisions([&sent, &told]);
        let end = self.only("run test/pay");
        end.says(&[
            ("messaging.message.conversation_id", &self.execution),
            ("flowmill.flow", "test/pay"),
            ("flowmill.flow.version", "1.0.0"),
            ("flowmill.execution.status", "completed"),
        ]);
        let services =
            BTreeMap::from([("decide", "orchestrator"), ("run test/pay", "orchestrator")]);
        for (name, service) in services {
            assert!(self.spans[name].iter().all(|span| span.service == service), "{name}");
        }
        let below_tasks = ["POST", "send results", "send payments"];
        for span in self.spans.values().flatten().filter(|span| span.id != start.id) {
            let name =
                span.name.replace(&self.prefix, "").replace(&self.prefix.replace('.', "-"), "");
            let below_start = !below_tasks.contains(&name.as_str());
            assert_eq!(span.parent == start.id, below_start, "{span:#?}");
        }
    }

    /// Checks the spans of the one task of a queue; gives its worker's.
    #[track_caller]
    fn check_task(&self, queue: &str) -> Told {
        let topic = format!("tasks.{queue}");
        assert_eq!(self.message("send", &topic).service, "orchestrator");
        let task = self.message("process", &topic);
        assert_eq!(task.service, "worker");
        let group = format!("{}workers.{queue}", self.prefix);
        task.says(&[("messaging.consumer.group.name", &group)]);
        let results = self.named(&format!("send {}results", self.prefix), 2);
        let result: Vec<_> = results.iter().filter(|result| result.parent == task.id).collect();
        assert_eq!(result.len(), 1, "{results:#?} of {task:#?}");
        assert_eq!(result[0].service, "worker");
        task.clone()
    }

    /// Checks that the results were taken for what the workers' spans led to, and all was committed.
    #[track_caller]
    fn check_decisions(&self, tasks: [&Told; 2]) {
        let decided = &self.spans["decide"];
        let mut links: Vec<_> = decided.iter().flat_map(|span| span.links.clone()).collect();
        let mut expect: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
        links.sort();
        expect.sort();
        assert_eq!(links, expect, "{decided:#?}");
        assert_eq!(decided[0].links, Vec::<String>::new(), "the start follows from nothing else");
        let commits = self.named(&format!("commit {}history", self.prefix), decided.len());
        for commit in commits {
            assert_eq!(commit.service, "orchestrator");
            commit.says(&[("messaging.operation.name", "commit"), ("messaging.system", "kafka")]);
        }
    }

    /// Checks what went out: the call, and the record on the user's topic.
    #[track_caller]
    fn check_outside(&self, traced: &Traced, number: u64, paid: &BTreeMap<String, Seen>) {
        let call = self.only("POST");
        assert_eq!(call.parent, self.message("process", "tasks.http").id);
        call.says(&[
            ("span.kind", "client"),
            ("http.request.method", "POST"),
            ("http.response.status_code", "204"),
            ("url.full", &traced.service.url),
            ("url.scheme", "http"),
            ("server.address", "127.0.0.1"),
            ("messaging.message.conversation_id", &self.execution),
        ]);
        let called = format!("00-{}-{}-01", trace(number), call.id);
        assert!(traced.service.parents().contains(&called), "{called}");

        let topic = traced.payments();
        let told = self.only(&format!("send {topic}"));
        assert_eq!(told.parent, self.message("process", "tasks.kafka").id);
        told.says(&[
            ("span.kind", "producer"),
            ("messaging.system", "kafka"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", &topic),
            ("messaging.destination.partition.id", "0"),
            ("messaging.message.conversation_id", &self.execution),
        ]);
        let written = format!("00-{}-{}-01", trace(number), told.id);
        assert_eq!(paid[&order(number)].headers["traceparent"], written);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_is_one_trace_over_all_the_processes_that_worked_on_it() {
    let mut traced = Traced::start().await;
    for number in 0..RECORDS {
        traced.order(number).await;
        traced.paid(number + 1).await;
    }
    traced.call(RECORDS).await;
    let paid = traced.paid(RECORDS + 1).await;
    traced.end().await;

    for number in 0..RECORDS {
        let trace = Trace::of(&traced, number).await;
        let start = trace.only(&format!("process {}", traced.orders()));
        assert_eq!((start.service.as_str(), start.parent.as_str()), ("gateway", CALLER));
        start.says(&[
            ("span.kind", "consumer"),
            ("messaging.system", "kafka"),
            ("messaging.operation.type", "process"),
            ("messaging.destination.name", &traced.orders()),
            ("messaging.destination.partition.id", "0"),
            ("messaging.kafka.offset", &number.to_string()),
            ("messaging.consumer.group.name", &format!("{}trigger.test.pay", trace.prefix)),
            ("messaging.message.conversation_id", &trace.execution),
        ]);
        trace.is_whole_below(start);
        trace.check_outside(&traced, number, &paid);
    }

    let trace = Trace::of(&traced, RECORDS).await;
    let start = trace.only(&format!("POST {STARTS}"));
    assert_eq!((start.service.as_str(), start.parent.as_str()), ("gateway", CALLER));
    start.says(&[
        ("span.kind", "server"),
        ("http.request.method", "POST"),
        ("http.route", STARTS),
        ("http.response.status_code", "200"),
        ("messaging.message.conversation_id", &trace.execution),
    ]);
    trace.is_whole_below(start);
    trace.check_outside(&traced, RECORDS, &paid);
}
