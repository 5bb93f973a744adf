//! Effects: what the world must do because of an event.
//!
//! Derived from an event and the newest state, never beside them. An effect that the state no
//! longer needs (a task that has its result, a timer that is cleared) is not given, so a new owner
//! can derive the outputs of old events against the state of today.

use flowmill_model::event::{Event, TimerSet};
use flowmill_model::{Activation, TaskToken, TimerId};

use crate::execution::{Execution, PendingTimer, TaskSpec};

/// Something the world must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a task.
    Task(TaskSpec),
    /// Fire a timer when it is due.
    SetTimer(PendingTimer),
    /// A timer is no longer pending; firing it all the same is harmless.
    CancelTimer(TimerId),
    /// Tell who listens.
    Lifecycle(Lifecycle),
}

/// A step in the life of an execution or one of its tasks, in the words of the Open Workflow
/// Specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// The execution started.
    Started,
    /// It stands still, by a caller's wish or in quarantine.
    Suspended,
    /// It goes on.
    Resumed,
    /// It ended with its output.
    Completed,
    /// It ended by an error.
    Faulted,
    /// It was ended by a caller.
    Cancelled,
    /// A task is to be run.
    TaskCreated(Activation),
    /// A worker has a task's attempt.
    TaskStarted {
        /// The task.
        activation: Activation,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// An attempt failed and another one follows.
    TaskRetried {
        /// The task.
        activation: Activation,
        /// The attempt that failed, from 1.
        attempt: u32,
    },
    /// A task succeeded.
    TaskCompleted(Activation),
    /// A node failed; its error port took the problem.
    TaskFaulted(Activation),
}

impl Lifecycle {
    /// The step's name within the types of the specification's events.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started => "workflow.started",
            Self::Suspended => "workflow.suspended",
            Self::Resumed => "workflow.resumed",
            Self::Completed => "workflow.completed",
            Self::Faulted => "workflow.faulted",
            Self::Cancelled => "workflow.cancelled",
            Self::TaskCreated(_) => "task.created",
            Self::TaskStarted { .. } => "task.started",
            Self::TaskRetried { .. } => "task.retried",
            Self::TaskCompleted(_) => "task.completed",
            Self::TaskFaulted(_) => "task.faulted",
        }
    }
}

/// What `event` asks of the world, as far as `after`, the state it led to or any later one, still
/// needs it.
pub fn effects(after: &Execution, event: &Event) -> Vec<Effect> {
    let mut out = Derived { after, effects: Vec::new() };
    out.lifecycle(event);
    out.timers(event);
    out.task(event);
    out.effects
}

struct Derived<'a> {
    after: &'a Execution,
    effects: Vec<Effect>,
}

impl Derived<'_> {
    fn lifecycle(&mut self, event: &Event) {
        let step = match event {
            Event::Started(_) => Lifecycle::Started,
            Event::Suspended(_) | Event::Quarantined(_) => Lifecycle::Suspended,
            Event::Resumed(_) => Lifecycle::Resumed,
            Event::Completed(_) => Lifecycle::Completed,
            Event::Faulted(_) => Lifecycle::Faulted,
            Event::Cancelled(_) => Lifecycle::Cancelled,
            Event::TaskScheduled(event) => Lifecycle::TaskCreated(event.activation),
            Event::TaskStarted(event) if event.first => {
                Lifecycle::TaskStarted { activation: event.activation, attempt: event.attempt }
            }
            Event::AttemptFailed(event) => {
                Lifecycle::TaskRetried { activation: event.activation, attempt: event.attempt }
            }
            Event::TaskCompleted(event) => Lifecycle::TaskCompleted(event.activation),
            Event::NodeFailed(event) => Lifecycle::TaskFaulted(event.activation),
            Event::NodeCompleted(_)
            | Event::TaskStarted(_)
            | Event::TaskPostponed(_)
            | Event::TaskRescheduled(_)
            | Event::TaskRedispatched(_)
            | Event::TaskTimerMoved(_)
            | Event::WaitStarted(_)
            | Event::WaitCompleted(_)
            | Event::SignalAwaited(_)
            | Event::SignalBuffered(_)
            | Event::SignalDelivered(_)
            | Event::TimerHeld(_)
            | Event::InputKept(_) => return,
        };
        self.effects.push(Effect::Lifecycle(step));
    }

    fn timers(&mut self, event: &Event) {
        match event {
            Event::Started(event) => self.set(event.deadline),
            Event::NodeFailed(event) => self.clear(&event.cleared),
            Event::TaskScheduled(event) => {
                self.set(Some(event.timer));
                self.set(event.deadline);
            }
            Event::TaskCompleted(event) => self.clear(&event.cleared),
            Event::AttemptFailed(event) => self.change(&event.cleared, event.retry),
            Event::TaskPostponed(event) => self.change(&event.cleared, event.until),
            Event::TaskRescheduled(event) => self.change(&event.cleared, event.timer),
            Event::TaskRedispatched(event) => self.change(&event.cleared, event.timer),
            Event::TaskTimerMoved(event) => self.change(&event.cleared, event.timer),
            Event::WaitStarted(event) => self.set(Some(event.timer)),
            Event::WaitCompleted(event) => self.clear(&event.cleared),
            Event::SignalAwaited(event) => self.set(event.timer),
            Event::SignalDelivered(event) => self.clear(&event.cleared),
            Event::Completed(event) => self.clear(&event.cleared),
            Event::Faulted(event) => self.clear(&event.cleared),
            Event::Cancelled(event) => self.clear(&event.cleared),
            Event::TimerHeld(event) => self.clear(&[event.timer]),
            Event::Resumed(_) => self.effects.extend(self.after.timers().map(Effect::SetTimer)),
            Event::NodeCompleted(_)
            | Event::TaskStarted(_)
            | Event::SignalBuffered(_)
            | Event::Suspended(_)
            | Event::Quarantined(_)
            | Event::InputKept(_) => {}
        }
    }

    fn task(&mut self, event: &Event) {
        match event {
            Event::TaskScheduled(event) => self.send(event.activation, event.token),
            Event::TaskRescheduled(event) => self.send(event.activation, event.token),
            Event::TaskRedispatched(event) => self.send(event.activation, event.token),
            Event::Started(_)
            | Event::NodeCompleted(_)
            | Event::NodeFailed(_)
            | Event::TaskStarted(_)
            | Event::TaskCompleted(_)
            | Event::AttemptFailed(_)
            | Event::TaskPostponed(_)
            | Event::TaskTimerMoved(_)
            | Event::WaitStarted(_)
            | Event::WaitCompleted(_)
            | Event::SignalAwaited(_)
            | Event::SignalBuffered(_)
            | Event::SignalDelivered(_)
            | Event::TimerHeld(_)
            | Event::Suspended(_)
            | Event::Resumed(_)
            | Event::Quarantined(_)
            | Event::InputKept(_)
            | Event::Completed(_)
            | Event::Faulted(_)
            | Event::Cancelled(_) => {}
        }
    }

    fn set(&mut self, timer: Option<TimerSet>) {
        let pending = timer.and_then(|timer| self.after.timer(timer.id));
        self.effects.extend(pending.map(Effect::SetTimer));
    }

    fn clear(&mut self, timers: &[TimerId]) {
        self.effects.extend(timers.iter().copied().map(Effect::CancelTimer));
    }

    fn change(&mut self, cleared: &[TimerId], timer: TimerSet) {
        self.clear(cleared);
        self.set(Some(timer));
    }

    /// Asks for the task to be sent, if the attempt with this token is still the pending one.
    fn send(&mut self, activation: Activation, token: TaskToken) {
        let task = self.after.task(activation).filter(|task| task.token == token);
        self.effects.extend(task.map(Effect::Task));
    }
}
