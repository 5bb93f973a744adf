//! Signal: goes to the first node that waits for it, or is kept until one does.

use flowmill_flow::{Json, NodeKind};
use flowmill_model::command::Signal;
use flowmill_model::event::SignalBuffered;
use flowmill_model::{Activation, limits};

use super::unexpected;
use crate::draft::Draft;
use crate::execution::{Active, SignalWait};
use crate::rejection::{Rejection, Unexpected};

pub(super) fn decide(draft: &mut Draft<'_>, signal: &Signal) -> Result<(), Rejection> {
    if draft.state.has_applied(signal.id) {
        return Err(Rejection::Duplicate(signal.id));
    }
    draft.admit_running()?;
    check(draft, signal)?;
    if let Some(activation) = waiting(draft, signal) {
        let brought = Some((signal.id, signal.payload.clone()));
        let frame = draft.state.frame_of(activation);
        draft.deliver((frame, activation), &signal.name, Vec::new(), brought);
        draft.drain();
        return Ok(());
    }
    if draft.state.signals.len() >= limits::BUFFERED_SIGNALS {
        return Err(Rejection::TooManySignals);
    }
    let (command, name) = (signal.id, signal.name.clone());
    draft.record(SignalBuffered { command, name, payload: signal.payload.clone() });
    Ok(())
}

fn check(draft: &Draft<'_>, signal: &Signal) -> Result<(), Rejection> {
    let takes =
        |kind: &NodeKind| matches!(kind, NodeKind::Signal { name, .. } if *name == signal.name);
    if !draft.flow.nodes().iter().any(|node| takes(&node.kind)) {
        return Err(unexpected(Unexpected::Signal(signal.name.to_string())));
    }
    if draft.state.is_quarantined() {
        return Err(Rejection::Quarantined);
    }
    if signal.payload.len() > limits::PAYLOAD_BYTES {
        return Err(Rejection::PayloadTooLarge(signal.payload.len()));
    }
    let not_json = |error: flowmill_flow::JsonError| Rejection::NotJson(error.to_string());
    Json::parse(signal.payload.as_bytes()).map(|_| ()).map_err(not_json)
}

/// The run that has waited longest for the signal. One whose time-out has fired, which acts only
/// after a suspension, waits no longer.
fn waiting(draft: &Draft<'_>, signal: &Signal) -> Option<Activation> {
    let is_over = |wait: &SignalWait| {
        let timer = wait.timer.and_then(|timer| draft.state.timers.get(&timer));
        timer.is_some_and(|timer| timer.held)
    };
    let waits = draft.state.active.iter().filter_map(|(activation, active)| match active {
        Active::Signal(wait) if wait.name == signal.name && !is_over(wait) => {
            Some((wait.since, *activation))
        }
        Active::Signal(_) | Active::Task(_) | Active::Wait(_) | Active::Owner(_) => None,
    });
    waits.min().map(|(_, activation)| activation)
}

#[cfg(test)]
mod tests {
    use flowmill_model::limits;

    use crate::command::Whereabouts;
    use crate::driver::{Driver, around, flow, names, text};
    use crate::execution::{Status, TimerKind};
    use crate::rejection::{Rejection, Unexpected};

    /// Two signals of one name after each other, behind a wait.
    fn two() -> Driver {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: w, type: wait, parameters: { for: PT1S } }",
            "{ id: one, type: signal, parameters: { name: go } }",
            "{ id: two, type: signal, parameters: { name: go } }",
            "{ id: m, type: map, parameters: { expression: '[$nodes.one, $nodes.two]' } }",
        ];
        let connections =
            ["s.out -> w.in", "w.out -> one.in", "one.out -> two.in", "two.out -> m.in"];
        Driver::started(flow(&nodes, &connections), "1")
    }

    #[test]
    fn signals_that_come_before_their_nodes_are_taken_in_order() {
        let mut driver = two();
        assert_eq!(names(&driver.signal("go", "1").expect("kept")), ["signal-buffered"]);
        driver.signal("go", "2").expect("kept");
        driver.signal("go", "3").expect("kept");
        driver.fire_due(TimerKind::Wait, Whereabouts::NotATask);
        assert_eq!(driver.output(), "[1,2]");
    }

    #[test]
    fn the_same_command_is_applied_once() {
        let mut driver = two();
        let command = driver.signal_command("go", "1");
        driver.apply(&command).expect("kept");
        assert!(matches!(driver.apply(&command), Err(Rejection::Duplicate(_))));
        driver.fire_due(TimerKind::Wait, Whereabouts::NotATask);
        assert!(matches!(driver.apply(&command), Err(Rejection::Duplicate(_))));
        driver.signal("go", "2").expect("it waits");
        assert_eq!(driver.output(), "[1,2]");
        assert!(
            matches!(driver.apply(&command), Err(Rejection::Duplicate(_))),
            "also after its end"
        );
    }

    #[test]
    fn signals_are_kept_up_to_a_number() {
        let mut driver = two();
        for _ in 0..limits::BUFFERED_SIGNALS {
            driver.signal("go", "1").expect("kept");
        }
        assert_eq!(driver.signal("go", "1"), Err(Rejection::TooManySignals));
    }

    #[test]
    fn what_the_execution_cannot_take_is_refused() {
        let mut driver = two();
        let unknown = Unexpected::Signal("stop".to_owned());
        assert_eq!(driver.signal("stop", "1"), Err(Rejection::NotExpected(unknown)));
        assert!(matches!(driver.signal("go", "{"), Err(Rejection::NotJson(_))));
        let large = format!("\"{}\"", "x".repeat(limits::PAYLOAD_BYTES));
        assert!(matches!(driver.signal("go", &large), Err(Rejection::PayloadTooLarge(_))));
        driver.cancel().expect("it runs");
        assert_eq!(driver.signal("go", "1"), Err(Rejection::AlreadyEnded));
    }

    #[test]
    fn a_signal_that_comes_after_the_time_out_of_a_suspended_wait_is_kept() {
        let node = "{ id: n, type: signal, parameters: { name: go, timeout: PT1S } }";
        let mut driver = Driver::started(around(node), "1");
        driver.suspend().expect("it runs");
        driver.fire_due(TimerKind::Signal, Whereabouts::NotATask);
        assert_eq!(names(&driver.signal("go", "1").expect("kept")), ["signal-buffered"]);
        driver.resume().expect("it is suspended");
        driver.fire_due(TimerKind::Signal, Whereabouts::NotATask);
        assert_eq!(driver.status(), Status::Faulted);
    }

    #[test]
    fn a_signal_reaches_a_suspended_execution_and_moves_it_afterwards() {
        let mut driver =
            Driver::started(around("{ id: n, type: signal, parameters: { name: go } }"), "1");
        driver.suspend().expect("it runs");
        assert_eq!(names(&driver.signal("go", "2").expect("it waits")), ["signal-delivered"]);
        assert_eq!(driver.status(), Status::Suspended);
        driver.resume().expect("it is suspended");
        assert_eq!(driver.execution.output().map(text).as_deref(), Some("2"));
    }
}
