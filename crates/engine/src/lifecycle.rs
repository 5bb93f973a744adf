//! Steps in the life of an execution and its nodes, for whoever listens.
//!
//! Derived from an event alone, so that a new owner derives the same steps again. Some of them
//! are told to the outside world ([`Lifecycle::event_type`]); the others would be as many as the
//! tasks themselves.

use flowmill_model::Activation;
use flowmill_model::event::Event;

/// A step in the life of an execution or one of its nodes, in the words of the Open Workflow
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
    /// A node failed for good: its error port took the problem, or the execution faulted.
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

    /// The type of the CloudEvent that tells the outside world; `None` for a step that is not
    /// told. A type never changes what it means.
    pub const fn event_type(&self) -> Option<&'static str> {
        match self {
            Self::Started => Some("io.flowmill.execution.started.v1"),
            Self::Suspended => Some("io.flowmill.execution.suspended.v1"),
            Self::Resumed => Some("io.flowmill.execution.resumed.v1"),
            Self::Completed => Some("io.flowmill.execution.completed.v1"),
            Self::Faulted => Some("io.flowmill.execution.faulted.v1"),
            Self::Cancelled => Some("io.flowmill.execution.cancelled.v1"),
            Self::TaskFaulted(_) => Some("io.flowmill.task.faulted.v1"),
            Self::TaskCreated(_)
            | Self::TaskStarted { .. }
            | Self::TaskRetried { .. }
            | Self::TaskCompleted(_) => None,
        }
    }
}

/// The steps that an event is, in order: a failed node before the execution that it faults.
pub fn lifecycle(event: &Event) -> impl Iterator<Item = Lifecycle> + use<> {
    let (first, second) = match event {
        Event::Started(_) => (Some(Lifecycle::Started), None),
        Event::Suspended(_) | Event::Quarantined(_) => (Some(Lifecycle::Suspended), None),
        Event::Resumed(_) => (Some(Lifecycle::Resumed), None),
        Event::Completed(_) => (Some(Lifecycle::Completed), None),
        Event::Faulted(event) => {
            (event.activation.map(Lifecycle::TaskFaulted), Some(Lifecycle::Faulted))
        }
        Event::Cancelled(_) => (Some(Lifecycle::Cancelled), None),
        Event::TaskScheduled(event) => (Some(Lifecycle::TaskCreated(event.activation)), None),
        Event::TaskStarted(event) if event.first => {
            let (activation, attempt) = (event.activation, event.attempt);
            (Some(Lifecycle::TaskStarted { activation, attempt }), None)
        }
        Event::AttemptFailed(event) => {
            let (activation, attempt) = (event.activation, event.attempt);
            (Some(Lifecycle::TaskRetried { activation, attempt }), None)
        }
        Event::TaskCompleted(event) => (Some(Lifecycle::TaskCompleted(event.activation)), None),
        Event::NodeFailed(event) => (Some(Lifecycle::TaskFaulted(event.activation)), None),
        Event::FrameClosed(event) => (event.failed_run().map(Lifecycle::TaskFaulted), None),
        Event::NodeCompleted(_)
        | Event::NodeSkipped(_)
        | Event::NodeBranched(_)
        | Event::ContextSet(_)
        | Event::ScopeEntered(_)
        | Event::FrameOpened(_)
        | Event::ScopeDelayed(_)
        | Event::ScopeCompleted(_)
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
        | Event::InputKept(_) => (None, None),
    };
    first.into_iter().chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Driver, around, around_with_errors};

    const MAP: &str = "{ id: n, type: map, parameters: { expression: error } }";

    fn told(flow: flowmill_flow::Flow) -> Vec<&'static str> {
        let mut driver = Driver::new(flow);
        let events = driver.start("1").expect("a start");
        events.iter().flat_map(lifecycle).filter_map(|step| step.event_type()).collect()
    }

    #[test]
    fn a_node_that_faults_the_execution_is_told_before_the_end() {
        let expect = [
            "io.flowmill.execution.started.v1",
            "io.flowmill.task.faulted.v1",
            "io.flowmill.execution.faulted.v1",
        ];
        assert_eq!(told(around(MAP)), expect);
    }

    #[test]
    fn a_failure_that_is_handled_is_told_and_the_end_is_an_end() {
        let expect = [
            "io.flowmill.execution.started.v1",
            "io.flowmill.task.faulted.v1",
            "io.flowmill.execution.completed.v1",
        ];
        assert_eq!(told(around_with_errors(MAP)), expect);
    }
}
