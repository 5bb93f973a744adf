//! The figures a shard keeps, in the words of its own code.

use std::time::Duration;

use flowmill_engine::Execution;
use flowmill_model::Timestamp;
use flowmill_model::event::Event;
use flowmill_telemetry::{Ending, Metrics};

/// Keeps figures. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Measure(Metrics);

impl Measure {
    /// Keeps figures in `metrics`.
    pub const fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }

    /// A record of an input topic was no input.
    pub(crate) fn input_rejected(&self) {
        self.0.input_rejected();
    }

    pub(crate) fn timer_fired(&self, late: Duration) {
        self.0.timer_fired(late);
    }

    pub(crate) fn quarantined(&self) {
        self.0.quarantined();
    }

    /// A claim held, after so many batches of history were read again.
    pub(crate) fn claimed(&self, batches: usize, replay: Duration) {
        self.0.shard_claimed(batches, replay);
    }

    /// The first batch of a term is committed, so long after the shard became this node's turn.
    pub(crate) fn taken_over(&self, after: Duration) {
        self.0.shard_taken_over(after);
    }

    /// A term of ownership ended early.
    pub(crate) fn fenced(&self) {
        self.0.shard_reclaimed();
    }

    /// Pending tasks were sent again after a take-over.
    pub(crate) fn redispatched(&self, tasks: usize) {
        self.0.tasks_redispatched(tasks);
    }

    /// Lifecycle events could not be sent in time, and some of them will not be.
    pub(crate) fn lifecycle_late(&self, late: usize, lost: usize) {
        if late > 0 {
            self.0.lifecycle_late(late, lost);
        }
    }

    pub(crate) fn batch(&self, decisions: usize, bytes: usize) {
        self.0.batch(decisions, bytes);
    }

    /// The log acknowledged a batch.
    pub(crate) fn committed(&self, took: Duration) {
        self.0.committed(took);
    }

    pub(crate) fn gap_checked(&self) {
        self.0.history_gap();
    }

    /// An input changed nothing.
    pub(crate) fn ignored(&self, reason: &'static str) {
        self.0.input_ignored(reason);
    }

    /// A transition is committed: its events, and the state after them.
    pub(crate) fn observe(&self, events: &[Event], after: &Execution) {
        for event in events {
            match event {
                Event::Started(_) => self.of_flow(after, |flow| flow.started()),
                Event::Completed(end) => self.ended(after, Ending::Completed, end.at),
                Event::Faulted(end) => self.ended(after, Ending::Faulted, end.at),
                Event::Cancelled(end) => self.ended(after, Ending::Cancelled, end.at),
                Event::TaskScheduled(task) => self.0.task_scheduled(task.task_type.as_str()),
                Event::AttemptFailed(_) => self.0.task_retried(),
                Event::TaskRedispatched(_) => self.0.tasks_redispatched(1),
                Event::NodeCompleted(_)
                | Event::NodeSkipped(_)
                | Event::NodeBranched(_)
                | Event::ContextSet(_)
                | Event::NodeFailed(_)
                | Event::ScopeEntered(_)
                | Event::FrameOpened(_)
                | Event::FrameClosed(_)
                | Event::ScopeDelayed(_)
                | Event::ScopeCompleted(_)
                | Event::TaskStarted(_)
                | Event::TaskCompleted(_)
                | Event::TaskPostponed(_)
                | Event::TaskRescheduled(_)
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
                | Event::InputKept(_) => {}
            }
        }
    }

    fn of_flow(
        &self,
        execution: &Execution,
        note: impl FnOnce(&flowmill_telemetry::metrics::FlowFigures),
    ) {
        if let Some((version, _)) = execution.flow() {
            note(&self.0.flow(&version.flow.to_string()));
        }
    }

    fn ended(&self, execution: &Execution, how: Ending, at: Timestamp) {
        let after = at.since(execution.started_at().unwrap_or(at));
        self.of_flow(execution, |flow| flow.ended(how, after));
    }
}
