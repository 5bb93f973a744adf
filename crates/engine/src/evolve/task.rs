//! Folding events of tasks.

use flowmill_model::Activation;
use flowmill_model::event::{
    AttemptFailed, TaskCompleted, TaskPostponed, TaskRedispatched, TaskRescheduled, TaskScheduled,
    TaskStarted, TaskTimerMoved,
};

use crate::execution::{Active, Execution, Phase, Task, TimerKind};

impl Execution {
    pub(super) fn on_task_scheduled(&mut self, event: &TaskScheduled) {
        self.begin(event.activation, event.frame);
        self.consume(event.frame, &event.consumed);
        let (token, timer) = (event.token, event.timer.id);
        let task = Task {
            task_type: event.task_type.clone(),
            queue: event.queue.clone(),
            input: event.input.clone(),
            timeout_ms: event.timeout_ms,
            attempt: 1,
            attempt_since: event.at,
            deadline: event.deadline.map(|deadline| deadline.id),
            phase: Phase::Sent { token, timer, started: None },
        };
        self.activate(event.activation, event.frame, Active::Task(task));
        self.set_timer(event.timer, TimerKind::Attempt, Some(event.activation));
        if let Some(deadline) = event.deadline {
            self.set_timer(deadline, TimerKind::TaskDeadline, Some(event.activation));
        }
    }

    pub(super) fn on_task_started(&mut self, event: &TaskStarted) {
        let Some(task) = self.task_mut(event.activation) else { return };
        if let Phase::Sent { started, .. } = &mut task.phase {
            *started = Some(event.at);
        }
    }

    pub(super) fn on_task_completed(&mut self, event: &TaskCompleted) {
        let (frame, _) = self.deactivate(event.activation);
        self.clear_timers(&event.cleared);
        if let Some(emission) = &event.emission {
            self.emit(frame, event.activation.node, emission, None);
        }
    }

    pub(super) fn on_attempt_failed(&mut self, event: &AttemptFailed) {
        self.clear_timers(&event.cleared);
        self.set_timer(event.retry, TimerKind::Retry, Some(event.activation));
        if let Some(task) = self.task_mut(event.activation) {
            task.phase = Phase::Retrying { timer: event.retry.id };
        }
    }

    pub(super) fn on_task_postponed(&mut self, event: &TaskPostponed) {
        self.clear_timers(&event.cleared);
        self.set_timer(event.until, TimerKind::Retry, Some(event.activation));
        if let Some(task) = self.task_mut(event.activation) {
            task.phase = Phase::Postponed { timer: event.until.id };
        }
    }

    pub(super) fn on_task_rescheduled(&mut self, event: &TaskRescheduled) {
        self.clear_timers(&event.cleared);
        self.set_timer(event.timer, TimerKind::Attempt, Some(event.activation));
        let Some(task) = self.task_mut(event.activation) else { return };
        if task.attempt != event.attempt {
            task.attempt = event.attempt;
            task.attempt_since = event.at;
        }
        let (token, timer) = (event.token, event.timer.id);
        task.phase = Phase::Sent { token, timer, started: None };
    }

    pub(super) fn on_task_redispatched(&mut self, event: &TaskRedispatched) {
        self.clear_timers(&event.cleared);
        self.set_timer(event.timer, TimerKind::Attempt, Some(event.activation));
        let Some(task) = self.task_mut(event.activation) else { return };
        if let Phase::Sent { timer, .. } = &mut task.phase {
            *timer = event.timer.id;
        }
    }

    pub(super) fn on_task_timer_moved(&mut self, event: &TaskTimerMoved) {
        self.clear_timers(&event.cleared);
        self.set_timer(event.timer, TimerKind::Attempt, Some(event.activation));
        let Some(task) = self.task_mut(event.activation) else { return };
        if let Phase::Sent { timer, started, .. } = &mut task.phase {
            *timer = event.timer.id;
            *started = event.started;
        }
    }

    fn task_mut(&mut self, activation: Activation) -> Option<&mut Task> {
        match self.active.get_mut(&activation)? {
            Active::Task(task) => Some(task),
            Active::Wait(_) | Active::Signal(_) | Active::Owner(_) => None,
        }
    }
}
