//! `signal`: takes the first buffered signal of its name, or waits for one.

use std::time::Duration;

use flowmill_model::event::{SignalAwaited, SignalDelivered, Value};
use flowmill_model::{
    Activation, CommandId, ConnectionIndex, ErrorCode, FrameId, Payload, Problem, Queue,
};

use super::Run;
use crate::draft::Draft;

pub(super) fn run(
    draft: &mut Draft<'_>,
    run: &Run,
    name: &Queue,
    timeout: Option<Duration>,
) -> Result<(), Problem> {
    let (activation, consumed, frame) = (run.activation, vec![run.connection], run.frame);
    if draft.state.signals.iter().any(|signal| signal.name == *name) {
        draft.deliver((frame, activation), name, consumed, None);
        return Ok(());
    }
    let at = draft.moment.now;
    let timer = timeout.map(|timeout| draft.timer(0, at.after(timeout)));
    draft.record(SignalAwaited { activation, consumed, name: name.clone(), timer, at, frame });
    Ok(())
}

impl Draft<'_> {
    /// Hands a signal to a node: one that a command brings, or the first buffered one.
    pub(crate) fn deliver(
        &mut self,
        (frame, activation): (FrameId, Activation),
        name: &Queue,
        consumed: Vec<ConnectionIndex>,
        brought: Option<(CommandId, Payload)>,
    ) {
        let (command, value) = match brought {
            Some((command, payload)) => (Some(command), Value::New(payload)),
            None => (None, Value::Same),
        };
        let cleared = self.timers_of(activation);
        let port = self.out(activation);
        let emission = self.emission(frame, activation.node, port, value);
        let name = name.clone();
        self.record(SignalDelivered {
            activation,
            command,
            name,
            consumed,
            cleared,
            emission,
            frame,
        });
    }
}

/// The problem of a signal that did not come in time.
pub(crate) fn missed(name: &Queue) -> Problem {
    Problem::of(ErrorCode::Timeout, format!("the signal `{name}` did not come in time"))
}

#[cfg(test)]
mod tests {
    use crate::command::Whereabouts;
    use crate::driver::{Driver, EPOCH, around, around_with_errors, names};
    use crate::execution::{PendingReason, Status, TimerKind};

    const SIGNAL: &str = "{ id: n, type: signal, parameters: { name: go, timeout: PT1M } }";

    #[test]
    fn the_content_of_a_signal_is_the_output_of_its_node() {
        let mut driver = Driver::started(around(SIGNAL), "1");
        assert_eq!(driver.status(), Status::Waiting);
        assert_eq!(driver.execution.pending()[0].reason, PendingReason::Signal);
        let events = driver.signal("go", "{\"a\":1}").expect("it waits");
        assert_eq!(names(&events), ["signal-delivered", "node-completed", "completed"]);
        assert_eq!(driver.output(), "{\"a\":1}");
    }

    #[test]
    fn a_signal_that_does_not_come_in_time_fails_its_node() {
        let mut driver = Driver::started(around_with_errors(SIGNAL), "1");
        assert_eq!(driver.timer(TimerKind::Signal).due.as_millis(), EPOCH + 60_000);
        driver.fire_due(TimerKind::Signal, Whereabouts::NotATask);
        assert!(driver.output().contains("/errors/timeout"), "{}", driver.output());
        let mut driver = Driver::started(around(SIGNAL), "1");
        driver.fire_due(TimerKind::Signal, Whereabouts::NotATask);
        assert_eq!(driver.status(), Status::Faulted);
    }
}
