//! Events: everything that can happen to an execution, one struct per kind.
//!
//! An event carries what it changes (connections, timers, times), so that folding a history needs
//! neither the flow nor a clock. Events of one execution are numbered contiguously from 0 by their
//! place; the number is not in the event. Each is framed on its own, so that a reader can name a
//! kind it does not know. Kinds and names once used are never reused.

mod lifecycle;
mod node;
mod scope;
mod size;
mod task;

pub use lifecycle::{
    Cancelled, Completed, Faulted, InputKept, Quarantined, Resumed, SignalBuffered, Started,
    Suspended, TimerHeld,
};
pub use node::{
    Branch, ContextSet, Emission, NodeBranched, NodeCompleted, NodeFailed, NodeSkipped,
    ResultPlace, SignalAwaited, SignalDelivered, TimerSet, Value, WaitCompleted, WaitStarted,
};
pub use scope::{
    FrameClosed, FrameOpened, FrameOutcome, ScopeCompleted, ScopeDelayed, ScopeEntered, ScopeWork,
};
pub use task::{
    AttemptFailed, TaskCompleted, TaskPostponed, TaskRedispatched, TaskRescheduled, TaskScheduled,
    TaskStarted, TaskTimerMoved,
};

use crate::envelope::{self, FrameError, Framed};
use crate::ids::FrameId;

/// How a kind is stored: in one version, or with the frame it happens in, which version 1 does
/// not have.
macro_rules! stored {
    ($name:ident, $kind:literal, in_frame) => {
        impl Framed for $name {
            const KIND: u32 = $kind;
            const VERSION: u32 = 2;

            fn appended_since(version: u32) -> usize {
                usize::from(version < 2)
            }

            fn written_as(&self) -> u32 {
                if self.frame == FrameId::ROOT { 1 } else { 2 }
            }
        }
    };
    ($name:ident, $kind:literal, $version:literal) => {
        crate::framed! { $name = $kind, $version; }
    };
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $version:tt, $text:literal;)*) => {
        $(stored! { $name, $kind, $version })*

        /// Something that happened to an execution.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $name($name),)*
        }

        impl Event {
            /// The name of every kind, in the order of their numbers.
            pub const NAMES: &'static [&'static str] = &[$($text,)*];

            /// The kind's name in histories, metrics and logs.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $text,)* }
            }

            /// Appends the event, framed, to `out`.
            pub fn write(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name(event) => envelope::write(event, out),)* }
            }

            fn of_frame(frame: &envelope::Frame<'_>) -> Result<Self, FrameError> {
                match frame.kind {
                    $($name::KIND => frame.decode().map(Self::$name),)*
                    kind => Err(FrameError::UnknownKind { kind, version: frame.version }),
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })*
    };
}

events! {
    /// The execution exists, with its input.
    Started = 100, 1, "started";
    /// A node ran within the engine.
    NodeCompleted = 101, in_frame, "node-completed";
    /// A node failed; its error port took the problem.
    NodeFailed = 102, in_frame, "node-failed";
    /// A task's first attempt is to be sent.
    TaskScheduled = 103, in_frame, "task-scheduled";
    /// A worker has picked the attempt up, or says that it still runs.
    TaskStarted = 104, 1, "task-started";
    /// The task succeeded.
    TaskCompleted = 105, 1, "task-completed";
    /// An attempt failed and another one follows.
    AttemptFailed = 106, 1, "attempt-failed";
    /// A worker handed the attempt back untried.
    TaskPostponed = 107, 1, "task-postponed";
    /// The next attempt, or one that was handed back, is to be sent.
    TaskRescheduled = 108, 1, "task-rescheduled";
    /// The same attempt is to be sent once more.
    TaskRedispatched = 109, 1, "task-redispatched";
    /// The attempt's time-out is looked at again later.
    TaskTimerMoved = 110, 1, "task-timer-moved";
    /// A node waits for a time.
    WaitStarted = 111, in_frame, "wait-started";
    /// The time has come.
    WaitCompleted = 112, 1, "wait-completed";
    /// A node waits for a signal.
    SignalAwaited = 113, in_frame, "signal-awaited";
    /// A signal came that no node waits for yet.
    SignalBuffered = 114, 1, "signal-buffered";
    /// A node took a signal.
    SignalDelivered = 115, in_frame, "signal-delivered";
    /// A timer fired while the execution was suspended; it acts when that ends.
    TimerHeld = 116, 1, "timer-held";
    /// The execution stands still.
    Suspended = 117, 1, "suspended";
    /// The execution goes on.
    Resumed = 118, 1, "resumed";
    /// The engine could not decide an input; the execution stands still.
    Quarantined = 119, 1, "quarantined";
    /// An input came while the execution was quarantined.
    InputKept = 120, 1, "input-kept";
    /// The execution ended with its output.
    Completed = 121, 1, "completed";
    /// The execution ended by an error.
    Faulted = 122, 1, "faulted";
    /// The execution was ended by a caller.
    Cancelled = 123, 1, "cancelled";
    /// A node's `if` did not hold: the token went on past it.
    NodeSkipped = 124, in_frame, "node-skipped";
    /// A node put its token out on several ports.
    NodeBranched = 125, in_frame, "node-branched";
    /// A node changed the execution's context.
    ContextSet = 126, in_frame, "context-set";
    /// A node that owns blocks took a token.
    ScopeEntered = 127, 1, "scope-entered";
    /// A run of a block begins.
    FrameOpened = 128, 1, "frame-opened";
    /// A run of a block ended.
    FrameClosed = 129, 1, "frame-closed";
    /// A node that owns blocks goes on at a later time.
    ScopeDelayed = 130, 1, "scope-delayed";
    /// A node that owns blocks is done.
    ScopeCompleted = 131, 1, "scope-completed";
}

impl Event {
    /// The events, each in a frame of its own, one after the other.
    pub fn encode_all(events: &[Self]) -> Vec<u8> {
        let mut out = Vec::with_capacity(48 * events.len());
        events.iter().for_each(|event| event.write(&mut out));
        out
    }

    /// Reads what [`Event::encode_all`] wrote. An error names the kind and version it met.
    pub fn decode_all(mut bytes: &[u8]) -> Result<Vec<Self>, FrameError> {
        let mut events = Vec::with_capacity(4);
        while !bytes.is_empty() {
            events.push(Self::of_frame(&envelope::read(&mut bytes)?)?);
        }
        Ok(events)
    }
}
