//! Callers: they deploy, start, signal, suspend, resume, cancel and ask, and remember what they
//! were told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowmill_flow::{Flow, Format, compile};
use flowmill_log::{Log, Partition, Record, Topic};
use flowmill_model::command::{Command, CommandRecord, Control, Deploy, Signal, Start};
use flowmill_model::{
    CommandId, ExecutionId, FlowName, FlowVersion, Name, Offset, Payload, Queue, ShardId, Version,
    envelope,
};
use flowmill_routing::{AskError, ExecutionView, Owners, Position};
use flowmill_runtime::Clock;
use parking_lot::Mutex;

use crate::chance::Chance;
use crate::flows::DEFINITIONS;
use crate::trace::Trace;

/// What callers know.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Starts that were acknowledged.
    pub started: BTreeMap<ExecutionId, &'static str>,
    /// Starts that were tried and not acknowledged: they may exist or not.
    pub tried: BTreeMap<ExecutionId, &'static str>,
    /// Where each acknowledged start stands.
    pub positions: BTreeMap<ExecutionId, Position>,
    /// The last acknowledged command of each shard.
    pub last: BTreeMap<ShardId, Offset>,
    /// Answers that must not be.
    pub violations: Vec<String>,
}

/// Where callers write and ask. Clones are the same.
#[derive(Clone)]
pub struct Doors {
    /// The log session to write through.
    pub log: Arc<Mutex<Arc<dyn Log>>>,
    /// The nodes that can be asked.
    pub owners: Arc<Mutex<Vec<Owners>>>,
}

/// A caller of the shards.
#[derive(Clone)]
pub struct Caller {
    /// Where it writes and asks.
    pub doors: Doors,
    /// The run's clock.
    pub clock: Clock,
    /// Its choices.
    pub chance: Chance,
    /// What it knows, shared with the checker.
    pub ledger: Arc<Mutex<Ledger>>,
    /// The run's trace.
    pub trace: Trace,
    /// Shards there are.
    pub shards: u16,
    /// Whether it makes transitions panic.
    pub panics: bool,
}

/// The signal that has a transition panic, in a build with mutations.
const PANIC: &str = "panic";

/// How long a caller waits for an acknowledgement.
const PATIENCE: Duration = Duration::from_secs(2);

/// The compiled flow of that name.
///
/// # Panics
/// The definitions of the simulation compile.
pub fn flow(name: &str) -> Flow {
    let known = DEFINITIONS.iter().find(|(known, _)| *known == name).expect("a known flow");
    compile(known.1.as_bytes(), Format::Yaml).expect("it compiles")
}

/// The version of a flow of the simulation.
///
/// # Panics
/// The names of the simulation are valid.
pub fn version(name: &str) -> FlowVersion {
    let text = |text: &str| Name::new(text).expect("a valid name");
    FlowVersion {
        flow: FlowName { namespace: text("sim"), name: text(name) },
        version: Version::new("1.0.0").expect("a valid version"),
    }
}

impl Caller {
    /// Deploys every flow; returns once the commands are written.
    pub async fn deploy_all(&self) {
        for (name, _) in DEFINITIONS {
            let flow = flow(name);
            let source = Payload::from(flow.to_json());
            let deploy = Deploy { flow: version(name), hash: flow.hash, source, spread: None };
            while self.send(Command::Deploy(deploy.clone())).await.is_none() {}
        }
    }

    /// Calls for a while.
    pub async fn call(&self, calls: u64) {
        for _ in 0..calls {
            tokio::time::sleep(self.chance.millis(1_000)).await;
            match self.chance.below(100) {
                0..60 => self.start().await,
                60..75 => self.signal().await,
                75..85 => self.ask().await,
                _ => self.control().await,
            }
        }
    }

    async fn start(&self) {
        let keyed = self.chance.percent(40);
        let again = keyed && self.chance.percent(30);
        let (execution, name) = match self.some_execution().filter(|_| again) {
            Some(known) => known,
            None => {
                let name = DEFINITIONS[self.chance.index(DEFINITIONS.len())].0;
                let unique =
                    (u128::from(self.chance.bits()) << 64) | u128::from(self.chance.bits());
                let shard = self.chance.index(self.shards.into());
                let shard = ShardId::new(u16::try_from(shard).unwrap_or(0));
                (ExecutionId::new(shard, unique), name)
            }
        };
        // The input follows from the id, so that a repeated key comes with the same input.
        let number = execution.to_bits() % 7;
        let input = Payload::from(format!("{{\"n\":{number}}}").into_bytes());
        let hash = flow(name).hash;
        let start = Start { execution, flow: version(name), hash, input, keyed: keyed || again };
        self.ledger.lock().tried.insert(execution, name);
        for _ in 0..5 {
            if let Some(offset) = self.send(Command::Start(start.clone())).await {
                let mut ledger = self.ledger.lock();
                ledger.started.insert(execution, name);
                ledger.positions.insert(execution, Position { shard: execution.shard(), offset });
                return;
            }
        }
    }

    async fn signal(&self) {
        let Some((execution, _)) = self.some_execution() else { return };
        let name = if self.panics && self.chance.percent(20) { PANIC } else { "go" };
        let signal = Signal {
            execution,
            id: self.command_id(),
            name: Queue::new(name).expect("a valid name"),
            payload: Payload::from("{\"went\":true}"),
        };
        self.send(Command::Signal(signal)).await;
    }

    /// Asks for an execution whose start was acknowledged: nobody may say that it is not there.
    async fn ask(&self) {
        let Some((execution, _)) = self.some_execution() else { return };
        let position = self.ledger.lock().positions.get(&execution).copied();
        let Some(position) = position else { return };
        let owners = {
            let owners = self.doors.owners.lock();
            if owners.is_empty() {
                return;
            }
            owners[self.chance.index(owners.len())].clone()
        };
        let after = self.chance.percent(50).then_some(position);
        let answer = owners.read(execution, after, PATIENCE).await;
        self.trace.note(format!("ask {execution} after {after:?}: {}", told(&answer)));
        if let Ok(None) = answer {
            let line = format!("I10: {execution} is said not to be there, after {after:?}");
            self.ledger.lock().violations.push(line);
        }
    }

    async fn control(&self) {
        let Some((execution, _)) = self.some_execution() else { return };
        let control = Control { execution, id: self.command_id(), reason: None };
        match self.chance.below(10) {
            0..2 => {
                self.send(Command::Cancel(control)).await;
            }
            _ => {
                self.send(Command::Suspend(control)).await;
                tokio::time::sleep(self.chance.millis(3_000)).await;
                self.resume(execution).await;
            }
        }
    }

    /// Resumes an execution, as often as it takes to be written.
    pub async fn resume(&self, execution: ExecutionId) {
        let control = Control { execution, id: self.command_id(), reason: None };
        while self.send(Command::Resume(control.clone())).await.is_none() {}
    }

    fn command_id(&self) -> CommandId {
        CommandId::from_bits(u128::from(self.chance.bits()))
    }

    fn some_execution(&self) -> Option<(ExecutionId, &'static str)> {
        let ledger = self.ledger.lock();
        let count = u64::try_from(ledger.tried.len()).unwrap_or(u64::MAX);
        let nth = usize::try_from(self.chance.below(count)).unwrap_or(0);
        ledger.tried.iter().nth(nth).map(|(id, name)| (*id, *name))
    }

    async fn send(&self, command: Command) -> Option<Offset> {
        let what = kind(&command);
        let record = CommandRecord { sent_at: self.clock.now(), trace: None, command };
        let log = Arc::clone(&*self.doors.log.lock());
        let execution = record.command.execution();
        let shard = execution.map_or(ShardId::new(0), ExecutionId::shard);
        let to = Partition::of_shard(Topic::Commands, shard);
        let value = envelope::encode(&record);
        let append = log.append(&to, Record::of(value));
        let answer = tokio::time::timeout(PATIENCE, append).await.ok().and_then(Result::ok);
        if let Some(offset) = answer {
            let mut ledger = self.ledger.lock();
            let last = ledger.last.entry(shard).or_default();
            *last = offset.max(*last);
        }
        let execution = execution.map_or_else(|| "-".into(), |id| id.to_string());
        self.trace.note(format!("call {execution} {what} -> {answer:?}"));
        answer
    }
}

const fn kind(command: &Command) -> &'static str {
    match command {
        Command::Deploy(_) => "deploy",
        Command::Activate(_) => "activate",
        Command::Start(_) => "start",
        Command::Signal(_) => "signal",
        Command::Cancel(_) => "cancel",
        Command::Suspend(_) => "suspend",
        Command::Resume(_) => "resume",
    }
}

fn told(answer: &Result<Option<ExecutionView>, AskError>) -> String {
    match answer {
        Ok(Some(view)) => format!("{:?}", view.status),
        Ok(None) => "not there".to_owned(),
        Err(error) => error.to_string(),
    }
}
