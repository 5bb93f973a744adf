//! `wait`: holds a token until a time; one that has passed holds nothing up.

use flowmill_flow::Wait;
use flowmill_model::event::{Value, WaitCompleted, WaitStarted};
use flowmill_model::{Activation, Problem, TimerId};

use super::{Run, faulty};
use crate::draft::Draft;

pub(super) fn run(draft: &mut Draft<'_>, run: &Run, wait: &Wait) -> Result<(), Problem> {
    let now = draft.moment.now;
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let due = wait.until(now, &value, &scope).map_err(|fault| faulty(&fault))?;
    if due <= now {
        let port = draft.out(run.activation);
        draft.pass(run, Some(port));
        return Ok(());
    }
    let (activation, consumed) = (run.activation, vec![run.connection]);
    let timer = draft.timer(0, due);
    draft.record(WaitStarted { activation, consumed, timer, at: now, frame: run.frame });
    Ok(())
}

impl Draft<'_> {
    /// Lets the token of a wait go on: its time has come.
    pub(crate) fn end_wait(&mut self, activation: Activation, fired: TimerId) {
        let port = self.out(activation);
        let frame = self.state.frame_of(activation);
        let emission = self.emission(frame, activation.node, port, Value::Same);
        self.record(WaitCompleted { activation, cleared: vec![fired], emission });
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Whereabouts;
    use crate::driver::{Driver, EPOCH, around, names, run, run_faulting};
    use crate::execution::{PendingReason, Status, TimerKind};
    use crate::rejection::Rejection;

    const FOR: &str = "{ id: n, type: wait, parameters: { for: PT5S } }";

    fn until(expression: &str) -> flowmill_flow::Flow {
        around(&format!("{{ id: n, type: wait, parameters: {{ until: '{expression}' }} }}"))
    }

    #[test]
    fn a_token_goes_on_when_the_time_has_come_and_not_before() {
        let mut driver = Driver::started(around(FOR), "{\"a\":1}");
        assert_eq!(driver.status(), Status::Waiting);
        let timer = driver.timer(TimerKind::Wait);
        assert_eq!(timer.due.as_millis(), EPOCH + 5_000);
        driver.now = EPOCH + 4_999;
        let early = driver.fire(timer, Whereabouts::NotATask);
        assert_eq!(early, Err(Rejection::Early(timer.due)));
        driver.now = EPOCH + 5_000;
        let events = driver.fire(timer, Whereabouts::NotATask).expect("it is due");
        assert_eq!(names(&events), ["wait-completed", "node-completed", "completed"]);
        assert_eq!(driver.output(), "{\"a\":1}");
        assert_eq!(driver.fire(timer, Whereabouts::NotATask), Err(Rejection::Stale));
    }

    #[test]
    fn a_wait_is_shown_as_pending_until_its_time() {
        let driver = Driver::started(around(FOR), "1");
        let [pending] = driver.execution.pending()[..] else { panic!("one thing is pending") };
        assert_eq!((pending.node, pending.reason), (driver.index("n"), PendingReason::Wait));
        assert_eq!(pending.until.map(|until| until.as_millis()), Some(EPOCH + 5_000));
    }

    #[test]
    fn a_time_that_has_passed_holds_nothing_up() {
        assert_eq!(run(around("{ id: n, type: wait, parameters: { for: PT0S } }"), "1"), "1");
        assert_eq!(run(until("\"2020-01-01T00:00:00Z\""), "2"), "2");
        assert_eq!(run(until("$input.at"), "{\"at\":0}"), "{\"at\":0}");
    }

    #[test]
    fn a_time_that_is_none_is_a_fault() {
        let problem = run_faulting(until("\"tomorrow\""), "1");
        assert!(problem.kind.ends_with("/expression"), "{problem:?}");
    }
}
