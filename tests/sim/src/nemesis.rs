//! What goes wrong, drawn from the seed. A quarter of the seeds has nothing go wrong; the others
//! have some kinds of fault and not others, so that rare combinations get their turn.

use std::sync::Arc;
use std::time::Duration;

use flowmill_log::memory::{Fate, Faults as LogFaults};
use flowmill_log::{Partition, Record, Topic};
use flowmill_store::memory::{Call, Fault, FaultHook};

use crate::chance::Chance;

/// The kinds of fault of one run, in percent of the calls they can befall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
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
    /// How often the node is killed.
    pub kills: u64,
    /// Whether a second node claims the shard while the first one lives.
    pub rival: bool,
    /// Whether derivable topics outlive a process.
    pub derivable_survives: bool,
}

impl Plan {
    /// Draws the plan of a run.
    pub fn draw(chance: &Chance) -> Self {
        let derivable_survives = chance.percent(50);
        if chance.percent(25) {
            return Self { derivable_survives, ..Self::default() };
        }
        let some = |most: u64| if chance.percent(50) { 1 + chance.below(most) } else { 0 };
        Self {
            slow: some(40),
            full: some(5),
            unknown_landed: some(4),
            unknown_lost: some(4),
            repeated: some(4),
            store: some(20),
            kills: some(4),
            rival: derivable_survives && chance.percent(25),
            derivable_survives,
        }
    }

    /// The plan of a time in which everything works again.
    #[must_use]
    pub fn healed(self) -> Self {
        Self { derivable_survives: self.derivable_survives, ..Self::default() }
    }

    /// Faults of a log session.
    pub fn of_log(self, chance: Chance) -> impl LogFaults {
        move |to: &Partition, _record: &Record| self.fate(&chance, to)
    }

    fn fate(&self, chance: &Chance, to: &Partition) -> Fate {
        let roll = chance.below(100);
        let [full, landed, lost] = [self.full, self.unknown_landed, self.unknown_lost];
        let told = chance.millis(300);
        // A definition that is lost would be sent for ever; that is not what is looked at here.
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
