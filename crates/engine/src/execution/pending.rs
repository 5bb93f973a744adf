//! What an execution waits for, as others need to know it: workers, timers, users.

use std::time::Duration;

use flowmill_model::{Activation, NodeIndex, Payload, Queue, TaskToken, TimerId, Timestamp};

use super::state::TimerKind;
use super::{Active, Execution, Phase, Task, Timer, Work};

/// One sending of a task: all of a task record that the execution knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    /// The run of the node.
    pub activation: Activation,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The token its result must carry.
    pub token: TaskToken,
    /// Which handler runs it.
    pub task_type: Queue,
    /// The queue that carries it.
    pub queue: Queue,
    /// The handler's input.
    pub input: Payload,
    /// Start-to-close time of the attempt.
    pub timeout: Duration,
}

/// A pending timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingTimer {
    /// Its number within the execution.
    pub id: TimerId,
    /// The earliest time at which it may fire; never changes for a number.
    pub due: Timestamp,
    /// What it is for.
    pub kind: TimerKind,
    /// The run it belongs to; `None` for that of the whole execution.
    pub activation: Option<Activation>,
}

/// One thing that an execution waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The node.
    pub node: NodeIndex,
    /// Which of its runs.
    pub iteration: u32,
    /// Why.
    pub reason: PendingReason,
    /// The attempt that runs or comes next, from 1; `None` for what has no attempts.
    pub attempt: Option<u32>,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself, as far as that is known.
    pub until: Option<Timestamp>,
}

/// Why something is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PendingReason {
    /// A worker runs it, or it waits for one.
    Task,
    /// An attempt failed; the next one waits for its time.
    Retry,
    /// The node waits for a time.
    Wait,
    /// The node waits for a signal.
    Signal,
}

impl PendingReason {
    /// The reason as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Retry => "retry",
            Self::Wait => "wait",
            Self::Signal => "signal",
        }
    }
}

impl Execution {
    /// The task of a run, if it is sent or to be sent.
    pub fn task(&self, activation: Activation) -> Option<TaskSpec> {
        match self.active.get(&activation)? {
            Active::Task(task) => task.spec(activation),
            Active::Wait(_) | Active::Signal(_) | Active::Owner(_) => None,
        }
    }

    /// Every task that is sent or to be sent, in order of nodes.
    pub fn tasks(&self) -> impl Iterator<Item = TaskSpec> + '_ {
        self.active.keys().filter_map(|activation| self.task(*activation))
    }

    /// Every pending timer, in order of their numbers. One that fired during a suspension is not
    /// among them: it acts when the suspension ends.
    pub fn timers(&self) -> impl Iterator<Item = PendingTimer> + '_ {
        let pending = self.timers.iter().filter(|(_, timer)| !timer.held);
        pending.map(|(id, timer)| timer.pending(*id))
    }

    /// The timer of this number, if it is pending.
    pub fn timer(&self, id: TimerId) -> Option<PendingTimer> {
        self.timers.get(&id).filter(|timer| !timer.held).map(|timer| timer.pending(id))
    }

    /// What it waits for, in order of nodes. A node that owns blocks is not among it, but what
    /// goes on inside is; one that only waits for its next attempt is as well.
    pub fn pending(&self) -> Vec<Pending> {
        let active = self.active.iter();
        active.filter_map(|(activation, active)| self.describe(*activation, active)).collect()
    }

    fn due(&self, id: TimerId) -> Option<Timestamp> {
        self.timers.get(&id).map(|timer| timer.due)
    }

    fn describe(&self, activation: Activation, active: &Active) -> Option<Pending> {
        let (reason, attempt, since, until) = match active {
            Active::Task(task) => {
                let (reason, attempt, until) = self.describe_task(task);
                (reason, Some(attempt), task.attempt_since, until)
            }
            Active::Wait(wait) => (PendingReason::Wait, None, wait.since, self.due(wait.timer)),
            Active::Signal(wait) => {
                let until = wait.timer.and_then(|timer| self.due(timer));
                (PendingReason::Signal, None, wait.since, until)
            }
            Active::Owner(owner) => {
                // A loop that goes on in the next decision waits for nobody.
                if !matches!(owner.work, Work::Attempts(_)) {
                    return None;
                }
                let until = self.due(owner.timer?);
                let attempt = owner.next.saturating_add(1);
                (PendingReason::Retry, Some(attempt), owner.since, until)
            }
        };
        let Activation { node, iteration } = activation;
        Some(Pending { node, iteration, reason, attempt, since, until })
    }

    fn describe_task(&self, task: &Task) -> (PendingReason, u32, Option<Timestamp>) {
        match task.phase {
            Phase::Sent { started, .. } => {
                let until = started.map(|at| at.after(task.timeout()));
                (PendingReason::Task, task.attempt, until)
            }
            Phase::Retrying { timer } => {
                (PendingReason::Retry, task.attempt.saturating_add(1), self.due(timer))
            }
            Phase::Postponed { timer } => (PendingReason::Task, task.attempt, self.due(timer)),
        }
    }
}

impl Timer {
    const fn pending(&self, id: TimerId) -> PendingTimer {
        PendingTimer { id, due: self.due, kind: self.kind, activation: self.activation }
    }
}

impl Task {
    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    fn spec(&self, activation: Activation) -> Option<TaskSpec> {
        let Phase::Sent { token, .. } = self.phase else { return None };
        Some(TaskSpec {
            activation,
            attempt: self.attempt,
            token,
            task_type: self.task_type.clone(),
            queue: self.queue.clone(),
            input: self.input.clone(),
            timeout: self.timeout(),
        })
    }
}
