//! The faults, one function each: it strikes, heals, and says what it did.
//!
//! Their numbers are used wherever Flowmill's reliability is spoken of; docs/reliability.md has the
//! table.

mod disks;
mod hot;
mod inputs;
mod load;
mod network;
mod nodes;
mod servers;

use clap::ValueEnum;
use flowmill_model::ShardId;
use tokio::time::Instant;

use crate::callers::Callers;
use crate::sink::Sink;
use crate::world::World;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Nemesis {
    /// An orchestrator is killed, at any moment or at a named place.
    N1,
    /// An orchestrator stands still for longer than its session lasts, and goes on.
    N2,
    /// An orchestrator dies between a batch and what it decided to send.
    N4,
    /// A broker is killed, or stands still.
    N5,
    /// The store is killed, stands still, or is slow.
    N6,
    /// The network between a node and Kafka or the store is cut, slow, or breaks connections.
    N7,
    /// An orchestrator joins, and leaves in good order.
    N8,
    /// All orchestrators but one leave, and come back.
    N9,
    /// A worker is killed in the middle of its calls.
    N10,
    /// Results come twice, late, and with forged tokens.
    N11,
    /// The same keys are asked for five times at once while their owner dies.
    N12,
    /// Records that are no commands and no results.
    N13,
    /// One flow is nine tenths of the load, and what it calls hangs.
    N14,
    /// Thousands of timers are due at the same second, in which an orchestrator dies.
    N15,
    /// The disk of a broker or of the store is full. Needs to be root.
    N16,
    /// Fifty times the load for some seconds.
    N17,
    /// Every node is restarted in turn, from the other build if there is one.
    N18,
    /// Everything is killed at once.
    N19,
    /// Several things fail at the same time.
    N20,
}

/// What a strike did.
pub(crate) struct Strike {
    /// In words, for the record.
    pub(crate) what: String,
    /// When everything worked again, as far as the strike is concerned.
    pub(crate) healed: Instant,
    /// Which shards' pauses are its doing.
    pub(crate) shards: Shards,
    /// How many records it injected that are to come out as dead letters.
    pub(crate) poison: usize,
}

/// Which shards rested because of a strike, and when.
pub(crate) enum Shards {
    /// These, while it struck.
    These(Vec<ShardId>),
    /// Any, while it struck.
    All,
    /// Nobody could answer while it struck: what counts is how long they took afterwards.
    AfterHealing,
}

/// Where faults are made.
pub(crate) struct Torment<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) callers: &'a Callers,
    pub(crate) inputs: &'a Injected,
    pub(crate) sink: &'a Sink,
    pub(crate) rate: u32,
    /// Whether faults are as large as they are meant to be at most.
    pub(crate) large: bool,
}

pub(crate) use self::inputs::Inputs as Injected;

impl Nemesis {
    /// Those that a campaign mixes which names none, each as often as it is here. Not
    /// N14, which says something only where the machine has room, and N16, which is for root.
    pub(crate) const MIXED: [Self; 22] = [
        Self::N1,
        Self::N1,
        Self::N1,
        Self::N2,
        Self::N2,
        Self::N4,
        Self::N5,
        Self::N6,
        Self::N7,
        Self::N7,
        Self::N7,
        Self::N8,
        Self::N9,
        Self::N10,
        Self::N11,
        Self::N12,
        Self::N13,
        Self::N15,
        Self::N17,
        Self::N19,
        Self::N20,
        Self::N20,
    ];

    /// Strikes once.
    pub(crate) async fn strike(self, torment: &mut Torment<'_>) -> anyhow::Result<Strike> {
        match self {
            Self::N1 => torment.orchestrator_dies().await,
            Self::N2 => torment.orchestrator_stands_still().await,
            Self::N4 => torment.orchestrator_dies_before_it_sends().await,
            Self::N5 => torment.broker_fails().await,
            Self::N6 => torment.store_fails().await,
            Self::N7 => torment.network_fails().await,
            Self::N8 => torment.orchestrator_comes_and_goes().await,
            Self::N9 => torment.most_orchestrators_leave().await,
            Self::N10 => torment.worker_dies().await,
            Self::N11 => torment.results_are_forged().await,
            Self::N12 => torment.keys_are_asked_for_at_once().await,
            Self::N13 => torment.poison().await,
            Self::N14 => torment.hot_flow_hangs().await,
            Self::N15 => torment.timers_are_due_at_once().await,
            Self::N16 => torment.disk_is_full().await,
            Self::N17 => torment.burst().await,
            Self::N18 => torment.every_node_is_restarted().await,
            Self::N19 => torment.everything_dies().await,
            Self::N20 => torment.several_fail().await,
        }
    }
}

impl Strike {
    fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), healed: Instant::now(), shards: Shards::AfterHealing, poison: 0 }
    }

    fn on(self, shards: Vec<ShardId>) -> Self {
        Self { shards: Shards::These(shards), ..self }
    }

    fn everywhere(self) -> Self {
        Self { shards: Shards::All, ..self }
    }
}
