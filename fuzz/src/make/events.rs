//! Events.

use arbitrary::{Result, Unstructured};
use flowmill_model::event::{
    AttemptFailed, Branch, Cancelled, Completed, ContextSet, Emission, Event, Faulted, FrameClosed,
    FrameOpened, FrameOutcome, InputKept, NodeBranched, NodeCompleted, NodeFailed, NodeSkipped,
    Quarantined, Resumed, ScopeCompleted, ScopeDelayed, ScopeEntered, ScopeWork, SignalAwaited,
    SignalBuffered, SignalDelivered, Started, Suspended, TaskCompleted, TaskPostponed,
    TaskRedispatched, TaskRescheduled, TaskScheduled, TaskStarted, TaskTimerMoved, TimerHeld,
    Value, WaitCompleted, WaitStarted,
};

use super::{Make, enums, structs};

structs! {
    Emission { value, port, connections, keep, result }
    Started { flow, hash, input, trace, sent_at, at, deadline }
    NodeCompleted { activation, consumed, emission, frame }
    NodeFailed { activation, consumed, cleared, emission, frame }
    NodeSkipped { activation, consumed, emission, frame }
    NodeBranched { activation, consumed, branches, keep, result, frame }
    Branch { port, connections }
    ContextSet { activation, consumed, context, emission, frame }
    TaskScheduled {
        activation, consumed, token, task_type, queue, input, timeout_ms, timer, deadline, at,
        frame,
    }
    TaskStarted { activation, attempt, first, at }
    TaskCompleted { activation, attempt, cleared, emission }
    AttemptFailed { activation, attempt, problem, cleared, retry }
    TaskPostponed { activation, attempt, cleared, until }
    TaskRescheduled { activation, attempt, token, cleared, timer, at }
    TaskRedispatched { activation, attempt, token, cleared, timer }
    TaskTimerMoved { activation, attempt, started, cleared, timer }
    WaitStarted { activation, consumed, timer, at, frame }
    WaitCompleted { activation, cleared, emission }
    SignalAwaited { activation, consumed, name, timer, at, frame }
    SignalBuffered { command, name, payload }
    SignalDelivered { activation, command, name, consumed, cleared, emission, frame }
    ScopeEntered { activation, frame, consumed, work, at }
    FrameOpened { activation, frame, block, index, undoes, cleared }
    FrameClosed { activation, frame, outcome, cleared }
    ScopeDelayed { activation, timer }
    ScopeCompleted { activation, cleared, emission }
    TimerHeld { timer }
    Suspended { command, reason, at }
    Resumed { command, reason }
    Quarantined { problem, input, at }
    InputKept { input }
    Completed { output, cleared, at }
    Faulted { problem, activation, cleared, at }
    Cancelled { command, reason, cleared, at }
}

enums! {
    Event {
        Started, NodeCompleted, NodeFailed, TaskScheduled, TaskStarted, TaskCompleted,
        AttemptFailed, TaskPostponed, TaskRescheduled, TaskRedispatched, TaskTimerMoved,
        WaitStarted, WaitCompleted, SignalAwaited, SignalBuffered, SignalDelivered, TimerHeld,
        Suspended, Resumed, Quarantined, InputKept, Completed, Faulted, Cancelled,
        NodeSkipped, NodeBranched, ContextSet, ScopeEntered, FrameOpened, FrameClosed, ScopeDelayed,
        ScopeCompleted,
    }
}

impl Make for Value {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        if bytes.arbitrary()? { Ok(Self::Same) } else { Make::make(bytes).map(Self::New) }
    }
}

impl Make for ScopeWork {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match bytes.int_in_range(0..=2)? {
            0 => Self::Items(Make::make(bytes)?),
            1 => Self::Rounds,
            _ => Self::Attempts,
        })
    }
}

impl Make for FrameOutcome {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        if bytes.arbitrary()? {
            return Make::make(bytes).map(Self::Completed);
        }
        Ok(Self::Failed {
            problem: Make::make(bytes)?,
            run: Make::make(bytes)?,
            instead: Make::make(bytes)?,
        })
    }
}
