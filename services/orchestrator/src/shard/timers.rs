//! The timers of a shard that are due soon.
//!
//! Every pending timer is in its execution's state and, once flushed, in the store's table. Those
//! due within a horizon are also here. The horizon moves on at half its length: timers set from
//! then on come here at once, and earlier ones are read from the table after the projection has
//! passed them, so none falls between the two.
//!
//! A row may be out of date. Whether a timer is still pending is asked of the state when it is
//! due.

use std::collections::BTreeSet;
use std::time::Duration;

use flowmill_model::{BatchNumber, Timestamp, limits};
use flowmill_runtime::{Clock, spawn};
use flowmill_store::{TimerKey, TimerRow};
use ractor::ActorRef;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::ShardMessage;

/// Pause before a timer that could not be decided is tried again.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

/// The timers in memory.
pub(crate) struct Timers {
    due: BTreeSet<TimerKey>,
    /// Every pending timer due before this is in `due`, or is being read.
    horizon: Timestamp,
    /// A look into the table that waits for the projection, or is on its way.
    scan: Option<Scan>,
    alarm: watch::Sender<Option<Timestamp>>,
    alarm_task: JoinHandle<()>,
}

/// A look into the store's table of timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Timers due from here on.
    pub(crate) from: Timestamp,
    /// Timers due before this.
    pub(crate) until: Timestamp,
    /// The batch whose rows must be there first.
    pub(crate) after: BatchNumber,
    /// Whether it has begun.
    pub(crate) running: bool,
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.alarm_task.abort();
    }
}

impl Timers {
    /// Starts with an empty memory and a look at everything due within the horizon.
    pub(crate) fn start(clock: Clock, me: ActorRef<ShardMessage>, incarnation: u64) -> Self {
        let (alarm, next) = watch::channel(None);
        let alarm_task = spawn("timer alarm", ring(clock, next, me, incarnation));
        let until = clock.now().after(limits::TIMER_HORIZON);
        let from = Timestamp::default();
        let scan = Some(Scan { from, until, after: BatchNumber::default(), running: false });
        Self { due: BTreeSet::new(), horizon: until, scan, alarm, alarm_task }
    }

    /// A timer is pending; kept when it is due before the horizon.
    pub(crate) fn set(&mut self, key: TimerKey) {
        if key.due < self.horizon {
            self.due.insert(key);
        }
    }

    /// A timer is no longer pending.
    pub(crate) fn clear(&mut self, key: &TimerKey) {
        self.due.remove(key);
    }

    /// A timer that was due could not be decided; it comes back after a pause.
    pub(crate) fn again(&mut self, mut key: TimerKey, now: Timestamp) {
        key.due = now.after(AGAIN);
        self.due.insert(key);
    }

    /// Takes out at most `limit` timers that are due.
    pub(crate) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<TimerKey> {
        let mut taken = Vec::new();
        while taken.len() < limit && self.due.first().is_some_and(|key| key.due <= now) {
            taken.extend(self.due.pop_first());
        }
        taken
    }

    /// Whether a timer is due.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.due.first().is_some_and(|key| key.due <= now)
    }

    /// Sets the alarm to the first timer.
    pub(crate) fn set_alarm(&self) {
        let next = self.due.first().map(|key| key.due);
        self.alarm.send_if_modified(|alarm| {
            let changed = *alarm != next;
            *alarm = next;
            changed
        });
    }

    /// Moves the horizon on when half of it has passed; `committed` is the latest batch.
    pub(crate) fn advance(&mut self, now: Timestamp, committed: BatchNumber) {
        let half_passed = self.horizon.since(now) < limits::TIMER_HORIZON / 2;
        let room = self.due.len() < limits::TIMERS_IN_MEMORY / 2;
        if self.scan.is_some() || !half_passed || !room {
            return;
        }
        let (from, until) = (self.horizon, now.after(limits::TIMER_HORIZON));
        self.horizon = until;
        self.scan = Some(Scan { from, until, after: committed, running: false });
    }

    /// The look into the table that may begin now that rows up to `flushed` are there.
    pub(crate) fn begin_scan(&mut self, flushed: BatchNumber) -> Option<Scan> {
        let scan = self.scan.as_mut().filter(|scan| !scan.running && scan.after <= flushed)?;
        scan.running = true;
        Some(*scan)
    }

    /// The look did not succeed; it is to be tried again.
    pub(crate) fn scan_failed(&mut self) {
        if let Some(scan) = &mut self.scan {
            scan.running = false;
        }
    }

    /// Takes in what a look found. When it was cut short by its limit, the horizon shrinks.
    pub(crate) fn scanned(&mut self, rows: &[TimerRow]) {
        self.scan = None;
        self.due.extend(rows.iter().map(|row| row.key));
        if rows.len() >= limits::TIMERS_IN_MEMORY
            && let Some(last) = rows.last()
        {
            self.horizon = last.key.due;
        }
    }
}

/// Tells the shard when the first timer is due.
async fn ring(
    clock: Clock,
    mut next: watch::Receiver<Option<Timestamp>>,
    me: ActorRef<ShardMessage>,
    incarnation: u64,
) {
    loop {
        let due = *next.borrow_and_update();
        let elapsed = async {
            match due {
                Some(due) => tokio::time::sleep_until(clock.instant_of(due)).await,
                None => std::future::pending().await,
            }
        };
        let rings = tokio::select! {
            biased;
            changed = next.changed() => match changed {
                Ok(()) => false,
                Err(_) => return,
            },
            () = elapsed => true,
        };
        if rings {
            if me.cast(ShardMessage::Alarm(incarnation)).is_err() {
                return;
            }
            // The shard sets the alarm anew once it has dealt with this one.
            if next.changed().await.is_err() {
                return;
            }
        }
    }
}
