//! Drives one execution in tests: says what the world says, and checks after every step what must
//! always hold.
//!
//! Checked with each decision: the state after it is the fold of its events, events and state
//! survive their encoding, sizes are within what was announced, and no attempt is ended twice.

#![allow(dead_code, reason = "shared by test programs, none of which needs all of it")]

use std::collections::BTreeSet;

use flowmill_engine::{
    Command, Decision, Execution, Moment, PendingTimer, Rejection, Status, TaskSpec, TimerKind,
    Whereabouts, decide, evolve,
};
use flowmill_flow::{Flow, Format, compile};
use flowmill_model::command::{Control, Signal, Start};
use flowmill_model::event::Event;
use flowmill_model::task::{Failure, Outcome, ResultRecord};
use flowmill_model::{
    Activation, CommandId, ErrorCode, ExecutionId, NodeIndex, Payload, Problem, Queue, ShardId,
    TaskId, Timestamp,
};

/// When a driven execution starts.
pub(crate) const EPOCH: u64 = 1_767_323_045_000;

/// One execution and its world.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    pub(crate) flow: Flow,
    pub(crate) execution: Execution,
    pub(crate) events: Vec<Event>,
    pub(crate) now: u64,
    seed: u64,
    commands: u128,
    /// Attempts whose result was accepted.
    ended: BTreeSet<(Activation, u32)>,
}

/// A flow of these nodes and connections, each in the definition's own words.
pub(crate) fn flow(nodes: &[&str], connections: &[&str]) -> Flow {
    flow_with("", nodes, connections)
}

/// The same with further lines of the document.
pub(crate) fn flow_with(more: &str, nodes: &[&str], connections: &[&str]) -> Flow {
    let mut text = String::from("flowmill: 1\n");
    text.push_str("document: { namespace: test, name: case, version: 1.2.3 }\n");
    text.push_str(more);
    text.push_str("\nnodes:\n");
    nodes.iter().for_each(|node| text.push_str(&format!("  - {node}\n")));
    text.push_str("connections:\n");
    connections.iter().for_each(|connection| text.push_str(&format!("  - {connection}\n")));
    compile(text.as_bytes(), Format::Yaml).unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("{}\n{text}", errors.join("\n"));
    })
}

/// A flow that leads from `start` through `node`, whose id is `n`, to an `end`.
pub(crate) fn around(node: &str) -> Flow {
    let nodes = ["{ id: s, type: start }", node, "{ id: e, type: end }"];
    flow(&nodes, &["s.out -> n.in", "n.out -> e.in"])
}

/// The same; errors of the node lead to the `end`, too.
pub(crate) fn around_with_errors(node: &str) -> Flow {
    let nodes = ["{ id: s, type: start }", node, "{ id: e, type: end }"];
    flow(&nodes, &["s.out -> n.in", "n.out -> e.in", "n.error -> e.in"])
}

pub(crate) fn payload(json: &str) -> Payload {
    json.as_bytes().to_vec().into()
}

pub(crate) fn text(payload: &Payload) -> String {
    String::from_utf8_lossy(payload.as_bytes()).into_owned()
}

/// A failure that another attempt may not suffer.
pub(crate) fn failure(retryable: bool) -> Failure {
    let problem = Problem::of(ErrorCode::TaskFailed, "the other side is away");
    Failure { problem, retryable, retry_after_ms: None }
}

impl Driver {
    pub(crate) fn new(flow: Flow) -> Self {
        let id = ExecutionId::new(ShardId::new(7), 42);
        Self {
            flow,
            execution: Execution::new(id),
            events: Vec::new(),
            now: EPOCH,
            seed: 1,
            commands: 0,
            ended: BTreeSet::new(),
        }
    }

    /// An execution of `flow`, started with `input`.
    pub(crate) fn started(flow: Flow, input: &str) -> Self {
        let mut driver = Self::new(flow);
        driver.start(input).expect("a first start");
        driver
    }

    pub(crate) fn moment(&mut self) -> Moment {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Moment { now: Timestamp::from_millis(self.now), seed: self.seed }
    }

    /// Decides a command, checks the decision and takes it on.
    pub(crate) fn apply(&mut self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let moment = self.moment();
        let decision = decide(&self.flow, &self.execution, command, &moment)?;
        assert_eq!(
            decide(&self.flow, &self.execution, command, &moment).as_ref(),
            Ok(&decision),
            "deciding is a function of its arguments"
        );
        Ok(self.take(decision))
    }

    /// Checks a decision and takes it on.
    pub(crate) fn take(&mut self, decision: Decision) -> Vec<Event> {
        let Decision { events, after } = decision;
        let mut folded = self.execution.clone();
        events.iter().for_each(|event| evolve(&mut folded, event));
        assert_eq!(folded, after, "the state is the fold of the events");
        let sequence = self.execution.sequence().get() + events.len() as u64;
        assert_eq!(after.sequence().get(), sequence, "events are numbered contiguously");
        check_encoding(&events, &after);
        self.execution = after;
        events.iter().for_each(|event| self.count(event));
        self.events.extend(events.iter().cloned());
        events
    }

    /// Checks that no attempt is ended twice.
    fn count(&mut self, event: &Event) {
        let ended = if let Event::TaskCompleted(event) = event {
            (event.activation, event.attempt)
        } else if let Event::AttemptFailed(event) = event {
            (event.activation, event.attempt)
        } else {
            return;
        };
        assert!(self.ended.insert(ended), "two results of {ended:?}");
    }

    pub(crate) fn start_command(&self, input: &str) -> Command {
        let start = Start {
            execution: self.execution.id(),
            flow: self.flow.document.flow_version(),
            hash: self.flow.hash,
            input: payload(input),
            keyed: false,
        };
        Command::Start { start, trace: None, sent_at: Timestamp::from_millis(EPOCH) }
    }

    pub(crate) fn start(&mut self, input: &str) -> Result<Vec<Event>, Rejection> {
        self.apply(&self.start_command(input))
    }

    pub(crate) fn control(&mut self) -> Control {
        self.commands += 1;
        let id = CommandId::from_bits(self.commands);
        Control { execution: self.execution.id(), id, reason: Some("because".to_owned()) }
    }

    pub(crate) fn cancel(&mut self) -> Result<Vec<Event>, Rejection> {
        let control = self.control();
        self.apply(&Command::Cancel(control))
    }

    pub(crate) fn suspend(&mut self) -> Result<Vec<Event>, Rejection> {
        let control = self.control();
        self.apply(&Command::Suspend(control))
    }

    pub(crate) fn resume(&mut self) -> Result<Vec<Event>, Rejection> {
        let control = self.control();
        self.apply(&Command::Resume(control))
    }

    pub(crate) fn signal_command(&mut self, name: &str, json: &str) -> Command {
        let Control { execution, id, .. } = self.control();
        let name = Queue::new(name).expect("a name");
        Command::Signal(Signal { execution, id, name, payload: payload(json) })
    }

    pub(crate) fn signal(&mut self, name: &str, json: &str) -> Result<Vec<Event>, Rejection> {
        let command = self.signal_command(name, json);
        self.apply(&command)
    }

    /// The pending task of a node.
    pub(crate) fn task(&self, node: &str) -> TaskSpec {
        let index = self.flow.node_index(node).expect("a node of the flow");
        let task = self.execution.tasks().find(|task| task.activation.node == index);
        task.unwrap_or_else(|| panic!("no task of {node} is pending"))
    }

    pub(crate) fn report_command(&self, task: &TaskSpec, outcome: Outcome) -> Command {
        let TaskSpec { activation, attempt, token, .. } = *task;
        let id = TaskId { execution: self.execution.id(), activation, attempt };
        Command::Report(ResultRecord { id, token, outcome, trace: None })
    }

    pub(crate) fn report(
        &mut self,
        task: &TaskSpec,
        outcome: Outcome,
    ) -> Result<Vec<Event>, Rejection> {
        self.apply(&self.report_command(task, outcome))
    }

    pub(crate) fn complete(&mut self, node: &str, json: &str) -> Vec<Event> {
        let outcome = Outcome::Completed(payload(json));
        self.report(&self.task(node), outcome).expect("it is pending")
    }

    pub(crate) fn fail(&mut self, node: &str, failure: Failure) -> Vec<Event> {
        self.report(&self.task(node), Outcome::Failed(failure)).expect("it is pending")
    }

    /// The pending timer of this kind.
    pub(crate) fn timer(&self, kind: TimerKind) -> PendingTimer {
        let timer = self.execution.timers().find(|timer| timer.kind == kind);
        timer.unwrap_or_else(|| panic!("no {kind:?} timer is pending"))
    }

    pub(crate) fn fire(
        &mut self,
        timer: PendingTimer,
        whereabouts: Whereabouts,
    ) -> Result<Vec<Event>, Rejection> {
        self.apply(&Command::TimerFired { timer: timer.id, whereabouts })
    }

    /// Moves the clock to when the pending timer of this kind is due, and fires it.
    pub(crate) fn fire_due(&mut self, kind: TimerKind, whereabouts: Whereabouts) -> Vec<Event> {
        let timer = self.timer(kind);
        self.now = self.now.max(timer.due.as_millis());
        self.fire(timer, whereabouts).expect("it is due")
    }

    pub(crate) fn status(&self) -> Status {
        self.execution.status()
    }

    pub(crate) fn output(&self) -> String {
        let error = self.execution.error();
        text(self.execution.output().unwrap_or_else(|| panic!("no output: {error:?}")))
    }

    pub(crate) fn problem(&self) -> Problem {
        self.execution.error().expect("it has faulted").clone()
    }

    pub(crate) fn index(&self, node: &str) -> NodeIndex {
        self.flow.node_index(node).expect("a node of the flow")
    }
}

fn check_encoding(events: &[Event], after: &Execution) {
    let bytes = Event::encode_all(events);
    assert_eq!(Event::decode_all(&bytes).expect("it was just encoded"), events);
    let bound: usize = events.iter().map(Event::size_bound).sum();
    assert!(bytes.len() <= bound, "{} bytes, {bound} announced", bytes.len());
    let state = after.encode();
    let decoded = Execution::decode(&state).expect("it was just encoded");
    assert_eq!(&decoded, after);
    assert_eq!(decoded.encode(), state, "equal states give equal bytes");
    assert!(state.len() <= after.encoded_size(), "{} bytes of state", state.len());
}

/// The names of events, in order.
pub(crate) fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

/// Runs a flow of inline nodes and gives its output.
pub(crate) fn run(flow: Flow, input: &str) -> String {
    let driver = Driver::started(flow, input);
    assert_eq!(driver.status(), Status::Completed, "{:?}", driver.execution.error());
    driver.output()
}

/// Runs a flow of inline nodes that faults, and gives the problem.
pub(crate) fn run_faulting(flow: Flow, input: &str) -> Problem {
    let driver = Driver::started(flow, input);
    assert_eq!(driver.status(), Status::Faulted);
    driver.problem()
}
