//! Effects: what the world must do because of an event.
//!
//! Derived from an event and the newest state, never beside them. An effect that the state no
//! longer needs (a task that has its result, a timer that is cleared) is not given, so a new owner
//! can derive the outputs of old events against the state of today.

use flowmill_model::event::{Event, TimerSet};
use flowmill_model::{Activation, TaskToken, TimerId};

use crate::execution::{Execution, PendingTimer, TaskSpec};
use crate::lifecycle::{Lifecycle, lifecycle};

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
        self.effects.extend(lifecycle(event).map(Effect::Lifecycle));
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
            Event::FrameOpened(event) => self.clear(&event.cleared),
            Event::FrameClosed(event) => self.clear(&event.cleared),
            Event::ScopeDelayed(event) => self.set(Some(event.timer)),
            Event::ScopeCompleted(event) => self.clear(&event.cleared),
            Event::TimerHeld(event) => self.clear(&[event.timer]),
            Event::Resumed(_) => self.effects.extend(self.after.timers().map(Effect::SetTimer)),
            Event::NodeCompleted(_)
            | Event::NodeSkipped(_)
            | Event::NodeBranched(_)
            | Event::ContextSet(_)
            | Event::ScopeEntered(_)
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
            | Event::NodeSkipped(_)
            | Event::NodeBranched(_)
            | Event::ContextSet(_)
            | Event::ScopeEntered(_)
            | Event::FrameOpened(_)
            | Event::FrameClosed(_)
            | Event::ScopeDelayed(_)
            | Event::ScopeCompleted(_)
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
