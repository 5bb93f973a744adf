//! What an execution can be told, and when it is told.

use flowmill_model::command::{Control, Signal, Start};
use flowmill_model::task::ResultRecord;
use flowmill_model::{TimerId, Timestamp, TraceContext};

/// The circumstances of a decision. Fixed once, by the owner of the shard, so that deciding is a
/// function of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The owner's wall clock.
    pub now: Timestamp,
    /// Random bits. Task tokens and jitter are derived from them.
    pub seed: u64,
}

/// An input of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start it.
    Start {
        /// What to run, with what input.
        start: Start,
        /// The trace it continues.
        trace: Option<TraceContext>,
        /// When the caller's request was accepted, by the gateway's clock.
        sent_at: Timestamp,
    },
    /// Deliver a signal, or keep it until a node waits for it.
    Signal(Signal),
    /// End it now.
    Cancel(Control),
    /// Let running tasks finish, keep their results, start nothing.
    Suspend(Control),
    /// Go on after a suspension or a quarantine.
    Resume(Control),
    /// A worker's word on an attempt.
    Report(ResultRecord),
    /// One of its timers is due.
    TimerFired {
        /// Which.
        timer: TimerId,
        /// Where the timer's task is, as far as the owner knows.
        whereabouts: Whereabouts,
    },
}

/// Where the attempt is that a due timer belongs to. What the execution's state knows of a
/// pick-up counts more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The timer is none of a sent attempt.
    NotATask,
    /// This owner does not know it as sent: it must be sent once more.
    NotSent,
    /// It was sent and waits in its queue: its time does not run.
    Queued,
    /// A worker has it.
    PickedUp {
        /// Since when, at the latest.
        at: Timestamp,
    },
}
