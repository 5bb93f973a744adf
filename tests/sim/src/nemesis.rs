//! What goes wrong, drawn from the seed. A quarter of the seeds has nothing go wrong; the others
//! have some kinds of fault and not others, so that rare combinations get their turn.

use std::sync::Arc;
use std::time::Duration;

use flowmill_log::memory::{Fate, Faults as LogFaults};
use flowmill_log::{Partition, Record, Topic};
use flowmill_store::memory::{Call, Fault, FaultHook};

use crate::chance::Chance;

/// The kinds of fault of one run, in percent of the calls they can befall where nothing else is
/// said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Shards there are.
    pub shards: u16,
    /// Nodes that may run at once.
    pub nodes: usize,
    /// Appends that are slow to land or to be acknowledged.
    pub slow: u64,
    /// Appends that are refused for want of room.
    pub full: u64,
    /// Appends of unknown outcome that landed, or will.
    pub unknown_landed: u64,
    /// Appends of unknown outcome that are lost.
    pub unknown_lost: u64,
    /// Appends that land twice.
    pub repeated: u64,
    /// Store calls that are slow or fail.
    pub store: u64,
    /// How often something happens to a node, the store, a clock or a worker.
    pub blows: u64,
    /// Whether the store as a whole stands still or is full for a while.
    pub outages: bool,
    /// Whether a crash of the store loses what it acknowledged lately.
    pub forgetful: bool,
    /// Whether clocks are wrong and jump.
    pub clocks: bool,
    /// Whether there are records in the inputs that are none.
    pub poison: bool,
    /// Whether workers are at their worst.
    pub workers: bool,
    /// Whether transitions panic; only a build with mutations can make them.
    pub panics: bool,
    /// Whether derivable topics outlive a process.
    pub derivable_survives: bool,
    /// How long an execution at rest stays in memory, in milliseconds.
    pub passivate_after: u64,
}

impl Plan {
    /// Draws the plan of a run.
    pub fn draw(chance: &Chance) -> Self {
        let derivable_survives = chance.percent(65);
        let calm = Self {
            shards: u16::try_from(1 + chance.below(3)).unwrap_or(1),
            nodes: if derivable_survives { 1 + chance.index(3) } else { 1 },
            derivable_survives,
            passivate_after: [50, 500, 5_000][chance.index(3)],
            ..Self::default()
        };
        if chance.percent(20) {
            return calm;
        }
        let panics = chance.percent(20);
        let some = |most: u64| if chance.percent(50) { 1 + chance.below(most) } else { 0 };
        Self {
            slow: some(40),
            full: some(5),
            unknown_landed: some(4),
            unknown_lost: some(4),
            repeated: some(4),
            store: some(20),
            blows: some(8),
            outages: chance.percent(40),
            forgetful: chance.percent(40),
            clocks: chance.percent(25),
            poison: chance.percent(40),
            workers: chance.percent(70),
            panics: panics && cfg!(feature = "mutations"),
            ..calm
        }
    }

    /// Whether several nodes share the log, whose topics then all outlive them.
    pub const fn is_cluster(self) -> bool {
        self.derivable_survives
    }

    /// Faults of a log session.
    pub fn of_log(self, chance: Chance) -> impl LogFaults {
        move |to: &Partition, _record: &Record| self.fate(&chance, to)
    }

    fn fate(&self, chance: &Chance, to: &Partition) -> Fate {
        let roll = chance.below(100);
        let [full, landed, lost] = [self.full, self.unknown_landed, self.unknown_lost];
        let told = chance.millis(300);
        if roll < full {
            return Fate::FULL;
        }
        if roll < full + landed {
            let first = chance.millis(600);
            let twice = chance.percent(30).then(|| chance.millis(5_000));
            return Fate::Unknown { told, lands: [first].into_iter().chain(twice).collect() };
        }
        if roll < full + landed + lost {
            return Fate::Unknown { told, lands: vec![] };
        }
        let slow = chance.percent(self.slow);
        let (lands, acknowledged) = if slow {
            (chance.millis(200), chance.millis(100))
        } else {
            (Duration::from_micros(200), Duration::from_micros(100))
        };
        let repeated = to.topic != Topic::Definitions && chance.percent(self.repeated);
        let repeats = if repeated { vec![lands + chance.millis(2_000)] } else { vec![] };
        Fate::Written { lands, acknowledged, repeats }
    }

    /// Faults of the store, as long as `active` says so.
    pub fn of_store(
        self,
        chance: Chance,
        active: impl Fn() -> bool + Send + Sync + 'static,
    ) -> FaultHook {
        Arc::new(move |_call: Call| {
            if !active() || !chance.percent(self.store) {
                return Fault::None;
            }
            match chance.below(4) {
                0 => Fault::Full,
                1 => Fault::Slow(chance.millis(500)),
                2 => Fault::Unknown { answered: chance.millis(400), applied: None },
                _ => Fault::Unknown {
                    answered: chance.millis(400),
                    applied: Some(chance.millis(2_000)),
                },
            }
        })
    }
}

/// Something that happens to the cluster at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// A node dies.
    Kill,
    /// A node joins.
    Join,
    /// A node ends in good order.
    Leave,
    /// A node stands still, or its group takes it for gone, or both.
    Pause,
    /// The store's servers crash, sometimes with the node that had written.
    StoreCrash,
    /// The store stands still.
    StoreStill,
    /// The store is full.
    StoreFull,
    /// A node's clock jumps.
    ClockJump,
    /// A worker dies.
    WorkerDies,
}

impl Blow {
    /// Draws one of those that the plan allows, as often as its weight says.
    pub fn draw(plan: &Plan, chance: &Chance) -> Self {
        let cluster = plan.is_cluster();
        let weights = [
            (Self::Kill, 6),
            (Self::Join, if cluster { 4 } else { 0 }),
            (Self::Leave, 3),
            (Self::Pause, 5),
            (Self::StoreCrash, if plan.forgetful { 4 } else { 0 }),
            (Self::StoreStill, if plan.outages { 2 } else { 0 }),
            (Self::StoreFull, if plan.outages { 1 } else { 0 }),
            (Self::ClockJump, if plan.clocks { 3 } else { 0 }),
            (Self::WorkerDies, if plan.workers { 2 } else { 0 }),
        ];
        let mut roll = chance.below(weights.iter().map(|(_, weight)| weight).sum());
        for (blow, weight) in weights {
            if roll < weight {
                return blow;
            }
            roll -= weight;
        }
        Self::Kill
    }
}
