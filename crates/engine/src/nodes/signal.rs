//! `signal`: takes the first buffered signal of its name, or waits for one.

use std::time::Duration;

use flowmill_model::event::{Emission, SignalAwaited, SignalDelivered, Value};
use flowmill_model::{
    Activation, CommandId, ConnectionIndex, ErrorCode, FrameId, Payload, PortIndex, Problem, Queue,
};

use super::{Run, unreadable};
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
    /// Hands a signal to a node: one that a command brings, or the first buffered one. A content
    /// that does not fit the node's schema is taken, too, goes nowhere, and fails the node.
    pub(crate) fn deliver(
        &mut self,
        (frame, activation): (FrameId, Activation),
        name: &Queue,
        consumed: Vec<ConnectionIndex>,
        brought: Option<(CommandId, Payload)>,
    ) {
        let content = brought.as_ref().map(|(_, payload)| payload).or_else(|| self.buffered(name));
        let problem = content.cloned().and_then(|content| self.misfit(activation, &content));
        let (command, value) = match brought {
            Some((command, payload)) => (Some(command), Value::New(payload)),
            None => (None, Value::Same),
        };
        let cleared = self.timers_of(activation);
        let port = self.out(activation);
        let emission = match problem {
            Some(_) => nowhere(port, value),
            None => self.emission(frame, activation.node, port, value),
        };
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
        if let Some(problem) = problem {
            self.fail_run(frame, activation, Vec::new(), problem);
        }
    }

    /// The content of the first buffered signal of a name.
    fn buffered(&self, name: &Queue) -> Option<&Payload> {
        let mut signals = self.state.signals.iter();
        signals.find(|signal| signal.name == *name).map(|signal| &signal.payload)
    }

    /// Why a signal's content is none for the node that takes it.
    fn misfit(&mut self, activation: Activation, content: &Payload) -> Option<Problem> {
        self.flow.node(activation.node).schemas.output.as_ref()?;
        let value = self.values.parse(content).map_err(|error| unreadable(&error));
        value.and_then(|value| self.check_made(activation.node, &value)).err()
    }
}

/// What leads nowhere.
const fn nowhere(port: PortIndex, value: Value) -> Emission {
    Emission { value, port, connections: Vec::new(), keep: false, result: None }
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
