//! Resume: what rests on the connections goes on; timers that fired meanwhile are pending again
//! and, being overdue, fire next.

use flowmill_model::command::Control;
use flowmill_model::event::Resumed;

use super::{start, unexpected};
use crate::draft::Draft;
use crate::rejection::{Rejection, Unexpected};

pub(super) fn decide(draft: &mut Draft<'_>, control: &Control) -> Result<(), Rejection> {
    draft.admit(control)?;
    if draft.state.suspension.is_none() {
        return Err(unexpected(Unexpected::NotSuspended));
    }
    draft.record(Resumed { command: control.id, reason: control.reason.clone() });
    // The start itself could not be decided, so nobody has looked at the input.
    let undecided = draft.state.runs.is_empty();
    match if undecided { start::admit(draft) } else { Ok(()) } {
        Err(problem) => draft.fault(None, problem),
        Ok(()) => draft.drain(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use flowmill_model::task::Outcome;

    use crate::command::Whereabouts;
    use crate::driver::{Driver, around, failure, flow, names};
    use crate::execution::{Status, TimerKind};
    use crate::rejection::{Rejection, Unexpected};

    /// A task and, after it, a map.
    fn task_then_map() -> Driver {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: t, type: task, parameters: { type: t } }",
            "{ id: m, type: map, parameters: { expression: '[.]' } }",
        ];
        Driver::started(flow(&nodes, &["s.out -> t.in", "t.out -> m.in"]), "1")
    }

    #[test]
    fn running_tasks_finish_and_their_results_rest_until_it_goes_on() {
        let mut driver = task_then_map();
        assert_eq!(names(&driver.suspend().expect("it runs")), ["suspended"]);
        assert_eq!(driver.status(), Status::Suspended);
        assert_eq!(names(&driver.complete("t", "5")), ["task-completed"]);
        assert_eq!(driver.status(), Status::Suspended);
        let events = driver.resume().expect("it is suspended");
        assert_eq!(names(&events), ["resumed", "node-completed", "completed"]);
        assert_eq!(driver.output(), "[5]");
    }

    #[test]
    fn a_retry_that_falls_due_meanwhile_comes_afterwards() {
        let mut driver = task_then_map();
        driver.suspend().expect("it runs");
        driver.fail("t", failure(true));
        let timer = driver.timer(TimerKind::Retry);
        let held = driver.fire_due(TimerKind::Retry, Whereabouts::NotATask);
        assert_eq!(names(&held), ["timer-held"]);
        assert_eq!(driver.execution.timers().count(), 0);
        assert_eq!(driver.fire(timer, Whereabouts::NotATask), Err(Rejection::Stale));
        assert_eq!(names(&driver.resume().expect("it is suspended")), ["resumed"]);
        let events = driver.fire(timer, Whereabouts::NotATask).expect("it is pending again");
        assert_eq!(names(&events), ["task-rescheduled"]);
    }

    #[test]
    fn a_wait_that_ends_meanwhile_goes_on_afterwards() {
        let node = "{ id: n, type: wait, parameters: { for: PT1S } }";
        let mut driver = Driver::started(around(node), "1");
        driver.suspend().expect("it runs");
        driver.fire_due(TimerKind::Wait, Whereabouts::NotATask);
        assert_eq!(driver.status(), Status::Suspended);
        driver.resume().expect("it is suspended");
        driver.fire_due(TimerKind::Wait, Whereabouts::NotATask);
        assert_eq!(driver.output(), "1");
    }

    #[test]
    fn a_lost_task_of_a_suspended_execution_is_still_looked_after() {
        let mut driver = task_then_map();
        driver.suspend().expect("it runs");
        let events = driver.fire_due(TimerKind::Attempt, Whereabouts::NotSent);
        assert_eq!(names(&events), ["task-redispatched"]);
    }

    #[test]
    fn suspending_twice_and_resuming_what_runs_are_refused() {
        let mut driver = task_then_map();
        let refused = Err(Rejection::NotExpected(Unexpected::NotSuspended));
        assert_eq!(driver.resume(), refused);
        driver.suspend().expect("it runs");
        let refused = Err(Rejection::NotExpected(Unexpected::AlreadySuspended));
        assert_eq!(driver.suspend(), refused);
    }

    #[test]
    fn a_final_failure_ends_a_suspended_execution() {
        let mut driver = task_then_map();
        driver.suspend().expect("it runs");
        driver.fail("t", failure(false));
        assert_eq!(driver.status(), Status::Faulted);
    }

    #[test]
    fn a_cancelled_execution_takes_no_results() {
        let mut driver = task_then_map();
        let task = driver.task("t");
        driver.suspend().expect("it runs");
        assert_eq!(names(&driver.cancel().expect("it has not ended")), ["cancelled"]);
        assert_eq!(driver.status(), Status::Cancelled);
        assert_eq!(driver.report(&task, Outcome::Running), Err(Rejection::Stale));
        assert_eq!(driver.cancel(), Err(Rejection::AlreadyEnded));
        assert_eq!(driver.resume(), Err(Rejection::AlreadyEnded));
    }
}
