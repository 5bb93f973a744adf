//! How large events are, before they are encoded.

use super::{Emission, Event, FrameOutcome, ScopeWork, Value};
use crate::payload::Payload;
use crate::problem::Problem;

/// Bytes of numbers in an event, its frame included: more than any kind takes.
const NUMBERS: usize = 96;

/// Bytes of one name, with its length.
const NAME: usize = 64;

/// Bytes of one item's length.
const ITEM: usize = 5;

impl Event {
    /// At most how many bytes the event takes, framed. Costs nothing to speak of.
    pub fn size_bound(&self) -> usize {
        let lists = self.listed() * 5;
        let texts = match self {
            Self::AttemptFailed(event) => problem(&event.problem),
            Self::Quarantined(event) => {
                problem(&event.problem) + event.input.as_ref().map_or(0, |input| input.0.len())
            }
            Self::InputKept(event) => event.input.0.len(),
            Self::Faulted(event) => problem(&event.problem),
            Self::FrameClosed(event) => match &event.outcome {
                FrameOutcome::Completed(_) => 0,
                FrameOutcome::Failed { problem: failed, .. } => problem(failed),
            },
            Self::ScopeEntered(event) => match &event.work {
                ScopeWork::Items(items) => items.iter().map(|item| ITEM + item.len()).sum(),
                ScopeWork::Rounds | ScopeWork::Attempts => 0,
            },
            Self::Suspended(event) => text(&event.reason),
            Self::Resumed(event) => text(&event.reason),
            Self::Cancelled(event) => text(&event.reason),
            // Three names, the content's hash and a trace.
            Self::Started(_) => 4 * NAME,
            Self::TaskScheduled(_) => 2 * NAME,
            Self::SignalAwaited(_) | Self::SignalBuffered(_) | Self::SignalDelivered(_) => NAME,
            Self::NodeCompleted(_)
            | Self::NodeFailed(_)
            | Self::NodeSkipped(_)
            | Self::NodeBranched(_)
            | Self::ContextSet(_)
            | Self::TaskStarted(_)
            | Self::TaskCompleted(_)
            | Self::TaskPostponed(_)
            | Self::TaskRescheduled(_)
            | Self::TaskRedispatched(_)
            | Self::TaskTimerMoved(_)
            | Self::WaitStarted(_)
            | Self::WaitCompleted(_)
            | Self::TimerHeld(_)
            | Self::FrameOpened(_)
            | Self::ScopeDelayed(_)
            | Self::ScopeCompleted(_)
            | Self::Completed(_) => 0,
        };
        NUMBERS + lists + texts + self.payload().map_or(0, Payload::len)
    }

    /// What the event puts out, if anything.
    pub fn emission(&self) -> Option<&Emission> {
        match self {
            Self::NodeCompleted(event) => event.emission.as_ref(),
            Self::NodeFailed(event) => Some(&event.emission),
            Self::NodeSkipped(event) => event.emission.as_ref(),
            Self::ContextSet(event) => Some(&event.emission),
            Self::TaskCompleted(event) => event.emission.as_ref(),
            Self::WaitCompleted(event) => Some(&event.emission),
            Self::SignalDelivered(event) => Some(&event.emission),
            Self::ScopeCompleted(event) => Some(&event.emission),
            Self::ScopeEntered(_)
            | Self::FrameOpened(_)
            | Self::FrameClosed(_)
            | Self::ScopeDelayed(_)
            | Self::Started(_)
            | Self::NodeBranched(_)
            | Self::TaskScheduled(_)
            | Self::TaskStarted(_)
            | Self::AttemptFailed(_)
            | Self::TaskPostponed(_)
            | Self::TaskRescheduled(_)
            | Self::TaskRedispatched(_)
            | Self::TaskTimerMoved(_)
            | Self::WaitStarted(_)
            | Self::SignalAwaited(_)
            | Self::SignalBuffered(_)
            | Self::TimerHeld(_)
            | Self::Suspended(_)
            | Self::Resumed(_)
            | Self::Quarantined(_)
            | Self::InputKept(_)
            | Self::Completed(_)
            | Self::Faulted(_)
            | Self::Cancelled(_) => None,
        }
    }

    /// The payload that the event itself holds, if any. [`Value::Same`] is none.
    pub fn payload(&self) -> Option<&Payload> {
        let value = match self {
            Self::Started(event) => return Some(&event.input),
            Self::TaskScheduled(event) => return Some(&event.input),
            Self::SignalBuffered(event) => return Some(&event.payload),
            Self::ContextSet(event) => return Some(&event.context),
            Self::Completed(event) => Some(&event.output),
            Self::FrameClosed(event) => match &event.outcome {
                FrameOutcome::Completed(output) => Some(output),
                FrameOutcome::Failed { instead, .. } => return instead.as_ref(),
            },
            Self::NodeCompleted(_)
            | Self::NodeFailed(_)
            | Self::NodeSkipped(_)
            | Self::NodeBranched(_)
            | Self::TaskStarted(_)
            | Self::TaskCompleted(_)
            | Self::AttemptFailed(_)
            | Self::TaskPostponed(_)
            | Self::TaskRescheduled(_)
            | Self::TaskRedispatched(_)
            | Self::TaskTimerMoved(_)
            | Self::WaitStarted(_)
            | Self::WaitCompleted(_)
            | Self::SignalAwaited(_)
            | Self::SignalDelivered(_)
            | Self::TimerHeld(_)
            | Self::Suspended(_)
            | Self::Resumed(_)
            | Self::Quarantined(_)
            | Self::InputKept(_)
            | Self::ScopeEntered(_)
            | Self::FrameOpened(_)
            | Self::ScopeDelayed(_)
            | Self::ScopeCompleted(_)
            | Self::Faulted(_)
            | Self::Cancelled(_) => self.emission().map(|emission| &emission.value),
        };
        match value? {
            Value::New(payload) => Some(payload),
            Value::Same => None,
        }
    }

    /// How many connections, ports and timers the event lists.
    fn listed(&self) -> usize {
        let out = self.emission().map_or(0, |emission| emission.connections.len());
        out + match self {
            Self::NodeCompleted(event) => event.consumed.len(),
            Self::NodeFailed(event) => event.consumed.len() + event.cleared.len(),
            Self::NodeSkipped(event) => event.consumed.len(),
            Self::ContextSet(event) => event.consumed.len(),
            Self::NodeBranched(event) => {
                let out = event.branches.iter().map(|branch| 1 + branch.connections.len());
                event.consumed.len() + out.sum::<usize>()
            }
            Self::TaskScheduled(event) => event.consumed.len(),
            Self::TaskCompleted(event) => event.cleared.len(),
            Self::WaitStarted(event) => event.consumed.len(),
            Self::WaitCompleted(event) => event.cleared.len(),
            Self::SignalAwaited(event) => event.consumed.len(),
            Self::SignalDelivered(event) => event.consumed.len() + event.cleared.len(),
            Self::Completed(event) => event.cleared.len(),
            Self::Faulted(event) => event.cleared.len(),
            Self::Cancelled(event) => event.cleared.len(),
            Self::AttemptFailed(event) => event.cleared.len(),
            Self::TaskPostponed(event) => event.cleared.len(),
            Self::TaskRescheduled(event) => event.cleared.len(),
            Self::TaskRedispatched(event) => event.cleared.len(),
            Self::TaskTimerMoved(event) => event.cleared.len(),
            Self::ScopeEntered(event) => event.consumed.len(),
            Self::FrameOpened(event) => event.cleared.len(),
            Self::FrameClosed(event) => event.cleared.len(),
            Self::ScopeCompleted(event) => event.cleared.len(),
            Self::ScopeDelayed(_)
            | Self::Started(_)
            | Self::TaskStarted(_)
            | Self::SignalBuffered(_)
            | Self::TimerHeld(_)
            | Self::Suspended(_)
            | Self::Resumed(_)
            | Self::Quarantined(_)
            | Self::InputKept(_) => 0,
        }
    }
}

fn text(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

fn problem(problem: &Problem) -> usize {
    problem.kind.len() + problem.title.len() + text(&problem.detail) + text(&problem.instance)
}
