//! Events as people read them in a history: one flat shape for all kinds.
//!
//! Payloads stay raw JSON text; nothing here depends on a serialisation.

use flowmill_flow::Flow;
use flowmill_model::event::{Branch, Event, Value};
use flowmill_model::{Activation, FrameId, Payload, PortIndex, Problem, Timestamp};

/// One event of a history. What a kind does not have is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventView<'a> {
    /// The kind, such as `task-scheduled`.
    pub name: &'static str,
    /// The node's id.
    pub node: Option<&'a str>,
    /// Which of the node's runs, from 0.
    pub iteration: Option<u32>,
    /// The attempt, from 1.
    pub attempt: Option<u32>,
    /// The output port that was taken.
    pub port: Option<&'a str>,
    /// The output ports that were taken, where they were several.
    pub branches: &'a [Branch],
    /// The value that came in: the execution's input, a task's, a signal's.
    pub input: Option<&'a Payload>,
    /// The value that was put out, unless it is the one that came in.
    pub output: Option<&'a Payload>,
    /// The context from then on.
    pub context: Option<&'a Payload>,
    /// What went wrong.
    pub problem: Option<&'a Problem>,
    /// The queue that carries the task.
    pub queue: Option<&'a str>,
    /// The task type.
    pub task_type: Option<&'a str>,
    /// The signal's name.
    pub signal: Option<&'a str>,
    /// Why, in the caller's words.
    pub reason: Option<&'a str>,
    /// When it goes on by itself.
    pub until: Option<Timestamp>,
    /// The name of the block within its node.
    pub block: Option<&'a str>,
    /// Which item, round or attempt the run of a block is for, from 0.
    pub index: Option<u32>,
    /// The number of the run of a block that it is about, or that its node is in.
    pub frame: Option<FrameId>,
}

/// How `event` reads, of an execution of `flow`.
pub fn view<'a>(event: &'a Event, flow: &'a Flow) -> EventView<'a> {
    let view = EventView { name: event.name(), ..details(event) };
    let Some(activation) = activation(event) else { return view };
    let node = flow.nodes().get(activation.node.index());
    let port_name = |port: PortIndex| Some(node?.ports.get(port.index())?.name.as_str());
    EventView {
        block: block(event, flow),
        frame: frame(event).filter(|frame| *frame != FrameId::ROOT),
        node: node.map(|node| node.id.as_str()),
        iteration: Some(activation.iteration),
        port: event.emission().and_then(|emission| port_name(emission.port)),
        ..view
    }
}

const fn activation(event: &Event) -> Option<Activation> {
    match event {
        Event::NodeCompleted(event) => Some(event.activation),
        Event::NodeFailed(event) => Some(event.activation),
        Event::NodeSkipped(event) => Some(event.activation),
        Event::NodeBranched(event) => Some(event.activation),
        Event::ContextSet(event) => Some(event.activation),
        Event::ScopeEntered(event) => Some(event.activation),
        Event::FrameOpened(event) => Some(event.activation),
        Event::FrameClosed(event) => Some(event.activation),
        Event::ScopeDelayed(event) => Some(event.activation),
        Event::ScopeCompleted(event) => Some(event.activation),
        Event::TaskScheduled(event) => Some(event.activation),
        Event::TaskStarted(event) => Some(event.activation),
        Event::TaskCompleted(event) => Some(event.activation),
        Event::AttemptFailed(event) => Some(event.activation),
        Event::TaskPostponed(event) => Some(event.activation),
        Event::TaskRescheduled(event) => Some(event.activation),
        Event::TaskRedispatched(event) => Some(event.activation),
        Event::TaskTimerMoved(event) => Some(event.activation),
        Event::WaitStarted(event) => Some(event.activation),
        Event::WaitCompleted(event) => Some(event.activation),
        Event::SignalAwaited(event) => Some(event.activation),
        Event::SignalDelivered(event) => Some(event.activation),
        Event::Faulted(event) => event.activation,
        Event::Started(_)
        | Event::SignalBuffered(_)
        | Event::TimerHeld(_)
        | Event::Suspended(_)
        | Event::Resumed(_)
        | Event::Quarantined(_)
        | Event::InputKept(_)
        | Event::Completed(_)
        | Event::Cancelled(_) => None,
    }
}

/// The name of the block that begins to run.
fn block<'a>(event: &Event, flow: &'a Flow) -> Option<&'a str> {
    let Event::FrameOpened(event) = event else { return None };
    flow.blocks().get(event.block.index())?.pointer.rsplit('/').next()
}

/// The run of a block that an event is about, or in which a node begins to run. That of other
/// events is the one in which their node's run began.
const fn frame(event: &Event) -> Option<FrameId> {
    match event {
        Event::NodeCompleted(event) => Some(event.frame),
        Event::NodeFailed(event) => Some(event.frame),
        Event::NodeSkipped(event) => Some(event.frame),
        Event::NodeBranched(event) => Some(event.frame),
        Event::ContextSet(event) => Some(event.frame),
        Event::TaskScheduled(event) => Some(event.frame),
        Event::WaitStarted(event) => Some(event.frame),
        Event::SignalAwaited(event) => Some(event.frame),
        Event::SignalDelivered(event) => Some(event.frame),
        Event::ScopeEntered(event) => Some(event.frame),
        Event::FrameOpened(event) => Some(event.frame),
        Event::FrameClosed(event) => Some(event.frame),
        Event::ScopeDelayed(_)
        | Event::ScopeCompleted(_)
        | Event::TaskStarted(_)
        | Event::TaskCompleted(_)
        | Event::AttemptFailed(_)
        | Event::TaskPostponed(_)
        | Event::TaskRescheduled(_)
        | Event::TaskRedispatched(_)
        | Event::TaskTimerMoved(_)
        | Event::WaitCompleted(_)
        | Event::Started(_)
        | Event::SignalBuffered(_)
        | Event::TimerHeld(_)
        | Event::Suspended(_)
        | Event::Resumed(_)
        | Event::Quarantined(_)
        | Event::InputKept(_)
        | Event::Completed(_)
        | Event::Faulted(_)
        | Event::Cancelled(_) => None,
    }
}

fn details(event: &Event) -> EventView<'_> {
    let plain = EventView::default();
    let until = |timer: flowmill_model::event::TimerSet| Some(timer.due);
    match event {
        Event::Started(event) => EventView { input: Some(&event.input), ..plain },
        Event::NodeCompleted(_)
        | Event::NodeFailed(_)
        | Event::NodeSkipped(_)
        | Event::ScopeCompleted(_)
        | Event::WaitCompleted(_) => EventView { output: event.payload(), ..plain },
        Event::ContextSet(event) => EventView { context: Some(&event.context), ..plain },
        Event::NodeBranched(event) => EventView { branches: &event.branches, ..plain },
        Event::TaskScheduled(event) => EventView {
            attempt: Some(1),
            input: Some(&event.input),
            queue: Some(event.queue.as_str()),
            task_type: Some(event.task_type.as_str()),
            ..plain
        },
        Event::TaskStarted(event) => attempt(event.attempt),
        Event::TaskCompleted(task) => {
            EventView { output: event.payload(), ..attempt(task.attempt) }
        }
        Event::AttemptFailed(event) => EventView {
            problem: Some(&event.problem),
            until: until(event.retry),
            ..attempt(event.attempt)
        },
        Event::TaskPostponed(event) => {
            EventView { until: until(event.until), ..attempt(event.attempt) }
        }
        Event::TaskRescheduled(event) => attempt(event.attempt),
        Event::TaskRedispatched(event) => attempt(event.attempt),
        Event::TaskTimerMoved(event) => {
            EventView { until: until(event.timer), ..attempt(event.attempt) }
        }
        Event::WaitStarted(event) => EventView { until: until(event.timer), ..plain },
        Event::SignalAwaited(event) => EventView {
            signal: Some(event.name.as_str()),
            until: event.timer.and_then(until),
            ..plain
        },
        Event::SignalBuffered(event) => {
            EventView { signal: Some(event.name.as_str()), input: Some(&event.payload), ..plain }
        }
        Event::SignalDelivered(signal) => {
            EventView { signal: Some(signal.name.as_str()), output: event.payload(), ..plain }
        }
        Event::Suspended(event) => EventView { reason: event.reason.as_deref(), ..plain },
        Event::Resumed(event) => EventView { reason: event.reason.as_deref(), ..plain },
        Event::Cancelled(event) => EventView { reason: event.reason.as_deref(), ..plain },
        Event::Quarantined(event) => EventView { problem: Some(&event.problem), ..plain },
        Event::Faulted(event) => EventView { problem: Some(&event.problem), ..plain },
        Event::Completed(event) => EventView {
            output: match &event.output {
                Value::New(output) => Some(output),
                Value::Same => None,
            },
            ..plain
        },
        Event::FrameOpened(event) => EventView { index: Some(event.index), ..plain },
        Event::FrameClosed(closed) => {
            EventView { output: event.payload(), problem: closed.problem(), ..plain }
        }
        Event::ScopeDelayed(event) => EventView { until: until(event.timer), ..plain },
        Event::ScopeEntered(_) | Event::TimerHeld(_) | Event::InputKept(_) => plain,
    }
}

fn attempt(attempt: u32) -> EventView<'static> {
    EventView { attempt: Some(attempt), ..EventView::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Driver, around, failure, text};

    #[test]
    fn a_history_reads_in_the_definitions_own_names() {
        let node = "{ id: n, type: task, parameters: { type: pick, queue: slow, input: 7 } }";
        let mut driver = Driver::started(around(node), "1");
        driver.fail("n", failure(true));
        let flow = driver.flow.clone();
        let views: Vec<_> = driver.events.iter().map(|event| view(event, &flow)).collect();
        let names: Vec<_> = views.iter().map(|view| (view.name, view.node, view.port)).collect();
        let expect = [
            ("started", None, None),
            ("node-completed", Some("s"), Some("out")),
            ("task-scheduled", Some("n"), None),
            ("attempt-failed", Some("n"), None),
        ];
        assert_eq!(names, expect);
        assert_eq!((views[2].queue, views[2].task_type), (Some("slow"), Some("pick")));
        assert_eq!(views[2].input.map(text).as_deref(), Some("7"));
        assert_eq!((views[3].attempt, views[3].iteration), (Some(1), Some(0)));
        assert!(views[3].problem.is_some() && views[3].until.is_some());
    }
}
