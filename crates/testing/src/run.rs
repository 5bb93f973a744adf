//! One execution and the world that a case describes.
//!
//! Whatever comes next is the earliest of: the result of an attempt, a signal, a timer; in this
//! order if several are due at one time. The clock jumps to it.

mod steps;

use std::collections::{BTreeMap, BTreeSet};

use flowmill_engine::{
    Command, Decision, Execution, Moment, Pending, PendingReason, Rejection, TaskSpec, decide, view,
};
use flowmill_flow::{Case, CaseSignal, ExpectedStatus, Flow, Json, NodeKind, TaskOutcome};
use flowmill_model::command::Start;
use flowmill_model::event::Event;
use flowmill_model::{
    Activation, ErrorCode, ExecutionId, NodeIndex, Payload, Problem, ShardId, Timestamp, limits,
};

use crate::{BEGINNING, Failure, Found};

/// An attempt that a worker has, and what becomes of it.
struct Underway<'a> {
    task: TaskSpec,
    outcome: &'a TaskOutcome,
    since: Timestamp,
}

/// One execution and its world.
pub(crate) struct World<'a> {
    flow: &'a Flow,
    case: &'a Case,
    execution: Execution,
    refused: Option<Problem>,
    now: Timestamp,
    /// Decisions so far.
    steps: usize,
    /// Outcomes that are used up, by node.
    used: BTreeMap<NodeIndex, usize>,
    underway: Vec<Underway<'a>>,
    /// Attempts that a worker has or has had.
    taken: BTreeSet<(Activation, u32)>,
    /// Signals that are not sent yet.
    signals: Vec<&'a CaseSignal>,
    path: Vec<String>,
    ran: BTreeSet<Activation>,
}

impl<'a> World<'a> {
    pub(crate) fn new(flow: &'a Flow, case: &'a Case) -> Self {
        Self {
            flow,
            case,
            execution: Execution::new(ExecutionId::new(ShardId::new(0), 1)),
            refused: None,
            now: BEGINNING,
            steps: 0,
            used: BTreeMap::new(),
            underway: Vec::new(),
            taken: BTreeSet::new(),
            signals: case.signals.iter().collect(),
            path: Vec::new(),
            ran: BTreeSet::new(),
        }
    }

    /// Runs the case until nothing moves any more.
    ///
    /// # Errors
    /// Why it cannot be run to its end.
    pub(crate) fn run(&mut self) -> Result<(), Failure> {
        if let Some(problem) = self.refusal() {
            self.refused = Some(problem);
            return Ok(());
        }
        self.start()?;
        while !self.execution.is_ended() {
            self.take_tasks()?;
            let Some(next) = self.next() else { break };
            self.now = self.now.max(next.due);
            self.step(next.step)?;
        }
        Ok(())
    }

    /// Why the input would not be taken. The gateway checks that, not the engine.
    fn refusal(&self) -> Option<Problem> {
        let violations = self.flow.input_schema.as_ref()?.validate(&self.case.input).err()?;
        let all: Vec<_> = violations.iter().map(ToString::to_string).collect();
        Some(Problem::of(ErrorCode::InvalidInput, all.join("; ")))
    }

    fn start(&mut self) -> Result<(), Failure> {
        let start = Start {
            execution: self.execution.id(),
            flow: self.flow.document.flow_version(),
            hash: self.flow.hash,
            input: Payload::new(self.case.input.to_bytes()),
            keyed: false,
        };
        let command = Command::Start { start, trace: None, sent_at: self.now };
        self.decide(&command).map_err(|rejection| wrong(format!("the start: {rejection}")))
    }

    /// Decides a command and takes the decision on.
    fn decide(&mut self, command: &Command) -> Result<(), Rejection> {
        self.steps += 1;
        let moment = Moment { now: self.now, seed: self.steps as u64 };
        let Decision { events, after } = decide(self.flow, &self.execution, command, &moment)?;
        self.execution = after;
        events.iter().for_each(|event| self.follow(event));
        Ok(())
    }

    /// Notes the node that an event is the first of.
    fn follow(&mut self, event: &Event) {
        if matches!(event, Event::NodeSkipped(_)) {
            return;
        }
        let of_event = view(event, self.flow);
        let node = of_event.node.and_then(|id| self.flow.node_index(id));
        let run = node.zip(of_event.iteration);
        self.went(run.map(|(node, iteration)| Activation { node, iteration }));
        // A node that fails its block leaves no event of its own.
        if let Event::FrameClosed(closed) = event {
            self.went(closed.failed_run());
        }
    }

    fn went(&mut self, run: Option<Activation>) {
        if let Some(run) = run.filter(|run| self.ran.insert(*run)) {
            self.path.push(self.flow.node(run.node).id.clone());
        }
    }

    /// Gives every task that is sent to the worker of the case.
    fn take_tasks(&mut self) -> Result<(), Failure> {
        let tasks: Vec<TaskSpec> = self.execution.tasks().collect();
        for task in tasks {
            if !self.taken.insert((task.activation, task.attempt)) {
                continue;
            }
            let node = task.activation.node;
            let used = self.used.entry(node).or_default();
            let outcome = self.case.tasks.get(&node).and_then(|outcomes| outcomes.get(*used));
            let Some(outcome) = outcome else { return Err(self.no_outcome(&task)) };
            *used += 1;
            self.underway.push(Underway { task, outcome, since: self.now });
        }
        Ok(())
    }

    fn no_outcome(&self, task: &TaskSpec) -> Failure {
        let node = self.flow.node(task.activation.node);
        let (id, kind, attempt) = (&node.id, node.kind.type_name(), task.attempt);
        let example = if let NodeKind::HttpRequest { .. } = node.kind {
            "{ status: 200, headers: {}, body: null }"
        } else if let NodeKind::KafkaProduce { .. } = node.kind {
            "{ topic: t, partition: 0, offset: 0 }"
        } else {
            "null"
        };
        let help = match self.case.tasks.get(&task.activation.node) {
            None => format!("write `tasks: {{ {id}: [{{ output: {example} }}] }}`"),
            Some(outcomes) => format!(
                "it has {}, and each is for one attempt; add another one, or end them with \
                 `{{ error: {{ retryable: false }} }}`",
                outcomes.len()
            ),
        };
        Failure {
            what: format!("the case has no outcome for attempt {attempt} of `{id}`, a {kind}"),
            expected: None,
            found: Json::parse(task.input.as_bytes()).ok(),
            help,
        }
    }

    /// What happened.
    pub(crate) fn found(&self) -> Found {
        let status = match (&self.refused, self.execution.status()) {
            (Some(_), _) => ExpectedStatus::Refused.as_str(),
            (None, status) => status.as_str(),
        };
        let completed = self.execution.is_ended() && self.execution.error().is_none();
        let output = self.execution.output().and_then(|output| Json::parse(output.as_bytes()).ok());
        let error = self.refused.as_ref().or_else(|| self.execution.error());
        Found {
            status,
            output: completed.then(|| output.unwrap_or_default()),
            error: error.map(|error| serde_json::json!(error).into()),
            path: self.path.clone(),
        }
    }

    /// What a case says and was not needed: it is probably meant otherwise.
    pub(crate) fn unused(&self) -> Vec<Failure> {
        let mut unused = Vec::new();
        for (node, outcomes) in &self.case.tasks {
            let used = self.used.get(node).copied().unwrap_or_default();
            if used < outcomes.len() {
                let (id, all) = (&self.flow.node(*node).id, outcomes.len());
                let help = "remove those that are not needed, or look at the path".to_owned();
                let what = format!("{used} of the {all} outcomes of `{id}` were used");
                unused.push(Failure { help, ..wrong(what) });
            }
        }
        for signal in &self.signals {
            let help = "remove it, or look at the path".to_owned();
            let what = format!("the signal `{}` was not sent: no node waited for it", signal.name);
            unused.push(Failure { help, ..wrong(what) });
        }
        unused
    }

    /// The signals that the execution waits for, with what to write.
    pub(crate) fn waits_for(&self) -> String {
        let waits = self.awaited();
        let waits = waits.iter().map(|(name, pending)| {
            let id = &self.flow.node(pending.node).id;
            format!("`{id}` waits for the signal `{name}`: write `signals: [{{ name: {name} }}]`")
        });
        waits.collect::<Vec<_>>().join("; ")
    }

    /// The signals that nodes wait for, the longest wait first.
    fn awaited(&self) -> Vec<(String, Pending)> {
        let waits = self.execution.pending().into_iter();
        let waits = waits.filter(|pending| pending.reason == PendingReason::Signal);
        let name = |pending: Pending| {
            let NodeKind::Signal { name, .. } = &self.flow.node(pending.node).kind else {
                return None;
            };
            Some((name.to_string(), pending))
        };
        let mut waits: Vec<_> = waits.filter_map(name).collect();
        waits.sort_by_key(|(_, pending)| pending.since);
        waits
    }

    /// Whether the case takes longer than any does.
    const fn is_endless(&self) -> bool {
        self.steps >= limits::CASE_STEPS
    }
}

/// A failure without values.
fn wrong(what: String) -> Failure {
    Failure { what, expected: None, found: None, help: String::new() }
}
