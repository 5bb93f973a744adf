//! A stand-in for the owner of a shard: decides the least that the gateway's answers need.
//!
//! An execution of a flow named `echo` completes at once with its input; any other one waits
//! until it is cancelled, and takes the signal `go`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use flowmill_log::{Log, Partition, ReadLimit, Reader, Record, Topic};
use flowmill_model::command::{Command, CommandRecord, Control, Deploy, Signal, Start};
use flowmill_model::history::DefinitionRecord;
use flowmill_model::{
    ErrorCode, ExecutionId, FlowVersion, Offset, Payload, Problem, Sequence, ShardId, Timestamp,
    envelope,
};
use flowmill_routing::{
    CommandOutcome, EventView, ExecutionView, HistoryPage, Inbox, PendingView, Request, ShardState,
    ShardStatus,
};
use flowmill_store::Status;
use tokio::sync::oneshot;

/// The events of every execution.
pub(crate) const EVENTS: u64 = 70;

/// How owners answer those who ask for an outcome.
#[derive(Default)]
pub(crate) struct Manners {
    /// While set, nobody is told.
    pub(crate) silent: AtomicBool,
    /// So many are told that it is forgotten.
    pub(crate) forgetful: AtomicUsize,
}

impl Manners {
    fn forgets(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.forgetful.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

pub(crate) struct Owner {
    shard: ShardId,
    shards: u16,
    log: Arc<dyn Log>,
    manners: Arc<Manners>,
    executions: BTreeMap<ExecutionId, ExecutionView>,
    definitions: BTreeMap<FlowVersion, DefinitionRecord>,
    activations: u64,
    outcomes: BTreeMap<Offset, CommandOutcome>,
    ends: Vec<(ExecutionId, oneshot::Sender<Option<ExecutionView>>)>,
    held: Vec<oneshot::Sender<CommandOutcome>>,
}

impl Owner {
    pub(crate) fn new(
        shard: ShardId,
        shards: u16,
        log: Arc<dyn Log>,
        manners: Arc<Manners>,
    ) -> Self {
        Self {
            shard,
            shards,
            log,
            manners,
            executions: BTreeMap::new(),
            definitions: BTreeMap::new(),
            activations: 0,
            outcomes: BTreeMap::new(),
            ends: Vec::new(),
            held: Vec::new(),
        }
    }

    pub(crate) async fn run(mut self, mut inbox: Inbox) {
        let commands = Partition::of_shard(Topic::Commands, self.shard);
        let mut reader = self.log.reader(&commands, Offset::new(0));
        let open = ShardStatus { state: ShardState::Open, epoch: 1, ..ShardStatus::default() };
        inbox.status.send_replace(open);
        while let Some(request) = inbox.requests.recv().await {
            let end = self.log.bounds(&commands).await.unwrap().end;
            while reader.position() < end {
                self.take(reader.as_mut()).await;
            }
            self.answer(request);
        }
    }

    async fn take(&mut self, reader: &mut dyn Reader) {
        let limit = ReadLimit { records: NonZeroUsize::new(100).unwrap(), bytes: 1 << 20 };
        for fetched in reader.read(limit).await.unwrap() {
            let record: CommandRecord = envelope::decode(&fetched.record.value).unwrap();
            let outcome = match record.command {
                Command::Start(start) => self.start(start, record.sent_at),
                Command::Signal(signal) => self.signal(&signal),
                Command::Cancel(control) => self.control(&control, Status::Cancelled),
                Command::Suspend(control) => self.control(&control, Status::Suspended),
                Command::Resume(control) => self.control(&control, Status::Waiting),
                Command::Deploy(deploy) => self.deploy(deploy).await,
                Command::Activate(version) => self.activate(&version).await,
            };
            self.outcomes.insert(fetched.offset, outcome);
            self.answer_ends();
        }
    }

    fn start(&mut self, start: Start, at: Timestamp) -> CommandOutcome {
        if let Some(known) = self.executions.get(&start.execution) {
            let same = known.input == start.input;
            return if same { CommandOutcome::Exists } else { CommandOutcome::KeyReused };
        }
        let echo = start.flow.flow.name.as_str() == "echo";
        let until = Some(at.after(std::time::Duration::from_secs(5)));
        // There is no worker in this owner: a flow named `work` has its task out from the start.
        let works = start.flow.flow.name.as_str() == "work";
        let (reason, attempt) = if works { ("task", 1) } else { ("signal", 0) };
        let (node, reason) = ("hold".into(), reason.into());
        let pending = PendingView { node, reason, attempt, since: at, until };
        let view = ExecutionView {
            id: start.execution,
            flow: start.flow,
            status: if echo { Status::Completed } else { Status::Waiting },
            output: echo.then(|| start.input.clone()),
            input: start.input,
            error: None,
            started_at: at,
            ended_at: echo.then_some(at),
            pending: if echo { vec![] } else { vec![pending] },
        };
        self.executions.insert(start.execution, view);
        CommandOutcome::Applied
    }

    fn control(&mut self, control: &Control, to: Status) -> CommandOutcome {
        let Some(view) = self.executions.get_mut(&control.execution) else {
            return CommandOutcome::Unknown;
        };
        if view.status.is_ended() {
            return CommandOutcome::Refused("the execution has already ended".into());
        }
        view.status = to;
        view.error = control.reason.as_ref().map(|why| Problem::of(ErrorCode::Quarantined, why));
        CommandOutcome::Applied
    }

    fn signal(&mut self, signal: &Signal) -> CommandOutcome {
        let Some(view) = self.executions.get_mut(&signal.execution) else {
            return CommandOutcome::Unknown;
        };
        if signal.name.as_str() != "go" {
            return CommandOutcome::Refused("the flow has no node that takes the signal".into());
        }
        view.status = Status::Completed;
        view.output = Some(signal.payload.clone());
        CommandOutcome::Applied
    }

    async fn deploy(&mut self, deploy: Deploy) -> CommandOutcome {
        if let Some(known) = self.definitions.get(&deploy.flow) {
            return if known.hash == deploy.hash {
                CommandOutcome::Unchanged
            } else {
                CommandOutcome::Conflict(format!("{} exists with other content", deploy.flow))
            };
        }
        self.activations += 1;
        self.publish(DefinitionRecord {
            flow: deploy.flow,
            hash: deploy.hash,
            source: deploy.source,
            placement: (0..deploy.spread.unwrap_or(self.shards)).map(ShardId::new).collect(),
            deployed_at: Timestamp::from_millis(1_767_323_045_678 + self.activations),
            activation: self.activations,
        })
        .await;
        CommandOutcome::Applied
    }

    async fn activate(&mut self, version: &FlowVersion) -> CommandOutcome {
        let Some(record) = self.definitions.get(version).cloned() else {
            return CommandOutcome::Unknown;
        };
        if record.activation == self.activations {
            return CommandOutcome::Unchanged;
        }
        self.activations += 1;
        self.publish(DefinitionRecord { activation: self.activations, ..record }).await;
        CommandOutcome::Applied
    }

    async fn publish(&mut self, record: DefinitionRecord) {
        let definitions = Partition::new(Topic::Definitions, 0);
        let value = Bytes::from(envelope::encode(&record));
        let key = Bytes::from(record.flow.to_string());
        self.definitions.insert(record.flow.clone(), record);
        self.log.append(&definitions, Record::keyed(key, value)).await.unwrap();
    }

    fn answer_ends(&mut self) {
        for (id, reply) in std::mem::take(&mut self.ends) {
            match self.executions.get(&id) {
                Some(view) if view.status.is_ended() => drop(reply.send(Some(view.clone()))),
                _ => self.ends.push((id, reply)),
            }
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Read { execution, reply, .. } => {
                drop(reply.send(self.executions.get(&execution).cloned()));
            }
            Request::Ended { execution, reply, .. } => match self.executions.get(&execution) {
                Some(view) if !view.status.is_ended() => self.ends.push((execution, reply)),
                found => drop(reply.send(found.cloned())),
            },
            Request::History { execution, from, limit, reply } => {
                let known = self.executions.contains_key(&execution);
                drop(reply.send(known.then(|| history(from, limit))));
            }
            Request::Outcome { reply, .. } if self.manners.silent.load(Ordering::Relaxed) => {
                self.held.push(reply);
            }
            Request::Outcome { reply, .. } if self.manners.forgets() => {
                drop(reply.send(CommandOutcome::Forgotten));
            }
            Request::Resume { .. } => {}
            Request::Outcome { of, reply } => {
                if let Some(outcome) = self.outcomes.get(&of.offset) {
                    drop(reply.send(outcome.clone()));
                }
            }
        }
    }
}

fn history(from: Sequence, limit: usize) -> HistoryPage {
    let end = EVENTS.min(from.get() + limit as u64);
    let event = |sequence| EventView {
        sequence: Sequence::new(sequence),
        at: Timestamp::from_millis(1_767_323_045_678),
        name: "node-completed".into(),
        node: Some("hold".into()),
        detail: Payload::from(r#"{"iteration":0}"#),
    };
    let next = (end < EVENTS).then(|| Sequence::new(end));
    HistoryPage { events: (from.get()..end).map(event).collect(), next }
}
