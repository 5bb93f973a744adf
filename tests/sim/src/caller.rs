//! Callers: they deploy, start, signal, suspend, resume and cancel, and remember what they were
//! told.

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
use flowmill_runtime::Clock;
use parking_lot::Mutex;

use crate::chance::Chance;
use crate::flows::DEFINITIONS;
use crate::world::Trace;

/// What callers know.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Starts that were acknowledged.
    pub started: BTreeMap<ExecutionId, &'static str>,
    /// Starts that were tried and not acknowledged: they may exist or not.
    pub tried: BTreeMap<ExecutionId, &'static str>,
}

/// The log session of the process that is alive now.
pub type Current = Arc<Mutex<Arc<dyn Log>>>;

/// A caller of the one shard.
#[derive(Clone)]
pub struct Caller {
    /// The log session to write through.
    pub log: Current,
    /// The run's clock.
    pub clock: Clock,
    /// Its choices.
    pub chance: Chance,
    /// What it knows, shared with the checker.
    pub ledger: Arc<Mutex<Ledger>>,
    /// The run's trace.
    pub trace: Trace,
}

const SHARD: ShardId = ShardId::new(0);

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
            tokio::time::sleep(self.chance.millis(400)).await;
            match self.chance.below(100) {
                0..70 => self.start().await,
                70..88 => self.signal().await,
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
                let name = DEFINITIONS[self.chance.below(5) as usize].0;
                let unique =
                    (u128::from(self.chance.bits()) << 64) | u128::from(self.chance.bits());
                (ExecutionId::new(SHARD, unique), name)
            }
        };
        // The input follows from the id, so that a repeated key comes with the same input.
        let number = execution.to_bits() % 7;
        let input = Payload::from(format!("{{\"n\":{number}}}").into_bytes());
        let hash = flow(name).hash;
        let start = Start { execution, flow: version(name), hash, input, keyed: keyed || again };
        self.ledger.lock().tried.insert(execution, name);
        for _ in 0..5 {
            if self.send(Command::Start(start.clone())).await.is_some() {
                self.ledger.lock().started.insert(execution, name);
                return;
            }
        }
    }

    async fn signal(&self) {
        let Some((execution, _)) = self.some_execution() else { return };
        let signal = Signal {
            execution,
            id: self.command_id(),
            name: Queue::new("go").expect("a valid name"),
            payload: Payload::from("{\"went\":true}"),
        };
        self.send(Command::Signal(signal)).await;
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
        let record = CommandRecord { sent_at: self.clock.now(), trace: None, command };
        let log = Arc::clone(&*self.log.lock());
        let to = Partition::of_shard(Topic::Commands, SHARD);
        let value = envelope::encode(&record);
        let append = log.append(&to, Record::of(value));
        let answer = tokio::time::timeout(PATIENCE, append).await.ok().and_then(Result::ok);
        let execution = record.command.execution().map_or_else(|| "-".into(), |id| id.to_string());
        self.trace.note(format!("call {execution} -> {answer:?}"));
        answer
    }
}
