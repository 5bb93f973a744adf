//! The state of one execution: what its events so far amount to.
//!
//! Plain data with an order of its own everywhere, so that equal histories give equal bytes. A
//! clone copies a few small collections; payloads are shared.
//!
//! **Invariant:** [`Execution::sequence`] is the number of events folded in. An execution that
//! has ended holds nothing that could change it: no token, activation, timer or signal.

mod encoding;
mod frames;
mod pending;
mod state;
mod status;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bincode::{Decode, Encode};
use flowmill_model::history::Blob;
use flowmill_model::{
    Activation, CommandId, ConnectionIndex, ContentHash, ExecutionId, FlowVersion, NodeIndex,
    Payload, Problem, Sequence, TimerId, Timestamp, TraceContext,
};

use encoding::Appended;
pub(crate) use frames::{Attempts, Ended, Frame, Frames, Owner, Results, Work};
pub use pending::{Pending, PendingReason, PendingTimer, TaskSpec};
pub use state::TimerKind;
pub(crate) use state::{
    Active, Arrival, Buffered, Ending, Head, How, Phase, Remembered, SignalWait, Suspension, Task,
    Timer, Wait,
};
pub use status::Status;

/// The state of one execution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Execution {
    pub(crate) id: ExecutionId,
    pub(crate) sequence: Sequence,
    /// `None` until it is started.
    pub(crate) head: Option<Arc<Head>>,
    pub(crate) ending: Option<Ending>,
    pub(crate) suspension: Option<Suspension>,
    /// Tokens on connections, oldest first. No entry is empty.
    pub(crate) tokens: BTreeMap<ConnectionIndex, VecDeque<Payload>>,
    pub(crate) active: BTreeMap<Activation, Active>,
    /// How often each node has begun to run.
    pub(crate) runs: BTreeMap<NodeIndex, u32>,
    /// Latest output of the nodes that later expressions refer to.
    pub(crate) outputs: BTreeMap<NodeIndex, Payload>,
    /// Values that reached an end, in order of arrival.
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) signals: VecDeque<Buffered>,
    pub(crate) commands: Remembered,
    pub(crate) timers: BTreeMap<TimerId, Timer>,
    /// The number of the next timer.
    pub(crate) next_timer: TimerId,
    /// What expressions see as `$context`; an empty object while it was never set.
    pub(crate) context: Appended<Option<Payload>>,
    /// What goes on inside nodes that own blocks.
    pub(crate) frames: Appended<Frames>,
}

impl Execution {
    /// An execution that is not started.
    pub const fn new(id: ExecutionId) -> Self {
        Self {
            id,
            sequence: Sequence::new(0),
            head: None,
            ending: None,
            suspension: None,
            tokens: BTreeMap::new(),
            active: BTreeMap::new(),
            runs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            arrivals: Vec::new(),
            signals: VecDeque::new(),
            commands: VecDeque::new(),
            timers: BTreeMap::new(),
            next_timer: TimerId::new(0),
            context: Appended(None),
            frames: Appended(Frames::NONE),
        }
    }

    /// The id.
    pub const fn id(&self) -> ExecutionId {
        self.id
    }

    /// The next event's place: the number of events so far.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Where it is in its life.
    pub fn status(&self) -> Status {
        if let Some(ending) = &self.ending {
            return match ending.how {
                How::Completed(_) => Status::Completed,
                How::Faulted(_) => Status::Faulted,
                How::Cancelled => Status::Cancelled,
            };
        }
        match (&self.head, &self.suspension) {
            (None, _) => Status::Pending,
            (Some(_), Some(_)) => Status::Suspended,
            (Some(_), None) if self.is_idle() => Status::Waiting,
            (Some(_), None) => Status::Running,
        }
    }

    /// Whether nothing can change it any more.
    pub const fn is_ended(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether no worker is to act: it has ended, is not started, or only a timer, a signal or a
    /// command moves it.
    pub fn is_idle(&self) -> bool {
        let sent = |active: &Active| match active {
            Active::Task(task) => matches!(task.phase, Phase::Sent { .. }),
            Active::Wait(_) | Active::Signal(_) | Active::Owner(_) => false,
        };
        !self.active.values().any(sent)
    }

    /// The version it runs and that version's content; `None` until it is started.
    pub fn flow(&self) -> Option<(&FlowVersion, &ContentHash)> {
        self.head.as_ref().map(|head| (&head.flow, &head.hash))
    }

    /// The input; `None` until it is started.
    pub fn input(&self) -> Option<&Payload> {
        self.head.as_ref().map(|head| &head.input)
    }

    /// The output, once completed.
    pub fn output(&self) -> Option<&Payload> {
        match &self.ending.as_ref()?.how {
            How::Completed(output) => Some(output),
            How::Faulted(_) | How::Cancelled => None,
        }
    }

    /// The error, once faulted; what went wrong, while quarantined.
    pub fn error(&self) -> Option<&Problem> {
        match self.ending.as_ref().map(|ending| &ending.how) {
            Some(How::Faulted(problem)) => Some(problem),
            Some(How::Completed(_) | How::Cancelled) => None,
            None => self.suspension.as_ref()?.quarantine.as_ref(),
        }
    }

    /// When its start was accepted, by the gateway's clock.
    pub fn sent_at(&self) -> Option<Timestamp> {
        self.head.as_ref().map(|head| head.sent_at)
    }

    /// When its start was decided.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.head.as_ref().map(|head| head.started_at)
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ending.as_ref().map(|ending| ending.at)
    }

    /// Since when it is suspended.
    pub fn suspended_at(&self) -> Option<Timestamp> {
        self.suspension.as_ref().map(|suspension| suspension.at)
    }

    /// The trace it belongs to.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.head.as_ref()?.trace.as_ref()
    }

    /// Whether the engine itself suspended it, after an input that it could not decide.
    pub fn is_quarantined(&self) -> bool {
        self.suspension.as_ref().is_some_and(|suspension| suspension.quarantine.is_some())
    }

    /// Inputs that came during a quarantine, in order, as they were read. Whoever resumes the
    /// execution takes them from the state before and decides them afterwards.
    pub fn kept_inputs(&self) -> &[Blob] {
        self.suspension.as_ref().map_or(&[], |suspension| &suspension.kept)
    }

    pub(crate) fn has_applied(&self, command: CommandId) -> bool {
        self.commands.contains(&command)
    }

    /// How often `node` has begun to run; the iteration of its next run.
    pub(crate) fn runs_of(&self, node: NodeIndex) -> u32 {
        self.runs.get(&node).copied().unwrap_or_default()
    }
}
