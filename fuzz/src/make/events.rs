//! Events.

use arbitrary::{Result, Unstructured};
use flowmill_model::event::{
    AttemptFailed, Branch, Cancelled, Completed, ContextSet, Emission, Event, Faulted, InputKept,
    NodeBranched, NodeCompleted, NodeFailed, NodeSkipped, Quarantined, Resumed, SignalAwaited,
    SignalBuffered, SignalDelivered, Started, Suspended, TaskCompleted, TaskPostponed,
    TaskRedispatched, TaskRescheduled, TaskScheduled, TaskStarted, TaskTimerMoved, TimerHeld,
    Value, WaitCompleted, WaitStarted,
};

use super::{Make, enums, structs};

structs! {
    Emission { value, port, connections, keep, result }
    Started { flow, hash, input, trace, sent_at, at, deadline }
    NodeCompleted { activation, consumed, emission }
    NodeFailed { activation, consumed, cleared, emission }
    NodeSkipped { activation, consumed, emission }
    NodeBranched { activation, consumed, branches, keep, result }
    Branch { port, connections }
    ContextSet { activation, consumed, context, emission }
    TaskScheduled {
        activation, consumed, token, task_type, queue, input, timeout_ms, timer, deadline, at,
    }
    TaskStarted { activation, attempt, first, at }
    TaskCompleted { activation, attempt, cleared, emission }
    AttemptFailed { activation, attempt, problem, cleared, retry }
    TaskPostponed { activation, attempt, cleared, until }
    TaskRescheduled { activation, attempt, token, cleared, timer, at }
    TaskRedispatched { activation, attempt, token, cleared, timer }
    TaskTimerMoved { activation, attempt, started, cleared, timer }
    WaitStarted { activation, consumed, timer, at }
    WaitCompleted { activation, cleared, emission }
    SignalAwaited { activation, consumed, name, timer, at }
    SignalBuffered { command, name, payload }
    SignalDelivered { activation, command, name, consumed, cleared, emission }
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
        NodeSkipped, NodeBranched, ContextSet,
    }
}

impl Make for Value {
    fn make(bytes: &mut Unstructured<'_>) -> Result<Self> {
        if bytes.arbitrary()? { Ok(Self::Same) } else { Make::make(bytes).map(Self::New) }
    }
}
