//! A timer fires: never early, and once.
//!
//! While the execution is suspended a timer is remembered and acts afterwards; only the look at a
//! sent attempt goes on, since running tasks finish. In a quarantine that rests, too: the result
//! of the attempt may be among the inputs kept.

use std::time::Duration;

use flowmill_model::event::{TaskRedispatched, TaskTimerMoved, TimerHeld};
use flowmill_model::{Activation, ErrorCode, Problem, TimerId, Timestamp};

use crate::command::Whereabouts;
use crate::draft::Draft;
use crate::execution::{Active, Phase, Timer, TimerKind};
use crate::rejection::Rejection;
use crate::{nodes, retry};

pub(super) fn decide(
    draft: &mut Draft<'_>,
    id: TimerId,
    whereabouts: Whereabouts,
) -> Result<(), Rejection> {
    match draft.admit_running() {
        Ok(()) => {}
        Err(Rejection::AlreadyEnded) => return Err(Rejection::Stale),
        Err(other) => return Err(other),
    }
    let timer = *draft.state.timers.get(&id).ok_or(Rejection::Stale)?;
    if timer.held {
        return Err(Rejection::Stale);
    }
    if draft.moment.now < timer.due {
        return Err(Rejection::Early(timer.due));
    }
    if must_rest(draft, &timer) {
        draft.record(TimerHeld { timer: id });
        return Ok(());
    }
    act(draft, id, &timer, whereabouts);
    draft.drain();
    Ok(())
}

fn must_rest(draft: &Draft<'_>, timer: &Timer) -> bool {
    let looks_at_attempt = timer.kind == TimerKind::Attempt;
    draft.state.is_quarantined() || (draft.state.suspension.is_some() && !looks_at_attempt)
}

fn act(draft: &mut Draft<'_>, id: TimerId, timer: &Timer, whereabouts: Whereabouts) {
    let Some(activation) = timer.activation else {
        return draft.fault(None, out_of_time());
    };
    match timer.kind {
        TimerKind::Attempt => look_at(draft, id, activation, whereabouts),
        TimerKind::Retry => draft.send_again(activation, id),
        TimerKind::TaskDeadline => draft.fail_active(activation, nodes::overdue()),
        TimerKind::Wait => draft.end_wait(activation, id),
        TimerKind::Signal => give_up(draft, activation),
        TimerKind::Block => draft.go_on(activation, id),
        TimerKind::Deadline => draft.fault(None, out_of_time()),
    }
}

fn give_up(draft: &mut Draft<'_>, activation: Activation) {
    let Some(Active::Signal(wait)) = draft.state.active.get(&activation) else { return };
    let problem = nodes::missed(&wait.name);
    draft.fail_active(activation, problem);
}

/// Looks at a sent attempt: its time runs only while a worker has it.
fn look_at(draft: &mut Draft<'_>, id: TimerId, activation: Activation, whereabouts: Whereabouts) {
    let Some(task) = draft.task(activation) else { return };
    let Phase::Sent { started, .. } = task.phase else { return };
    let now = draft.moment.now;
    let picked_up = match whereabouts {
        // Not before this attempt, and not in the future.
        Whereabouts::PickedUp { at } => Some(at.max(task.attempt_since).min(now)),
        Whereabouts::NotATask | Whereabouts::NotSent | Whereabouts::Queued => None,
    };
    let timeout = task.timeout();
    match started.max(picked_up) {
        Some(at) if at.after(timeout) <= now => {
            let failure = retry::timed_out(task);
            draft.attempt_failed(activation, failure);
        }
        Some(at) => draft.look_later(id, activation, Some(at), at.after(timeout)),
        None if whereabouts == Whereabouts::NotSent => {
            draft.dispatch_again(id, activation, timeout)
        }
        None => draft.look_later(id, activation, None, now.after(timeout)),
    }
}

impl Draft<'_> {
    fn look_later(
        &mut self,
        fired: TimerId,
        activation: Activation,
        started: Option<Timestamp>,
        due: Timestamp,
    ) {
        let Some(attempt) = self.task(activation).map(|task| task.attempt) else { return };
        let (cleared, timer) = (vec![fired], self.timer(0, due));
        self.record(TaskTimerMoved { activation, attempt, started, cleared, timer });
    }

    /// Has the same attempt sent once more, under the same token: whichever copy is run counts.
    fn dispatch_again(&mut self, fired: TimerId, activation: Activation, timeout: Duration) {
        let Some(task) = self.task(activation) else { return };
        let Phase::Sent { token, .. } = task.phase else { return };
        let (attempt, cleared) = (task.attempt, vec![fired]);
        let timer = self.timer(0, self.moment.now.after(timeout));
        self.record(TaskRedispatched { activation, attempt, token, cleared, timer });
    }
}

fn out_of_time() -> Problem {
    Problem::of(ErrorCode::Timeout, "the execution was not finished within the flow's `timeout`")
}

#[cfg(test)]
mod tests {
    use flowmill_model::Timestamp;
    use flowmill_model::event::Event;
    use flowmill_model::task::Outcome;

    use crate::command::Whereabouts;
    use crate::driver::{Driver, EPOCH, around, flow_with, names};
    use crate::effects::{Effect, effects};
    use crate::execution::{Status, TimerKind};

    /// A task whose attempts may take 45 s.
    fn sent() -> Driver {
        Driver::started(around("{ id: n, type: task, parameters: { type: t } }"), "1")
    }

    fn look(driver: &mut Driver, whereabouts: Whereabouts) -> Vec<Event> {
        driver.fire_due(TimerKind::Attempt, whereabouts)
    }

    #[test]
    fn the_time_of_an_attempt_does_not_run_while_it_waits_in_its_queue() {
        let mut driver = sent();
        for round in 1..=10 {
            assert_eq!(names(&look(&mut driver, Whereabouts::Queued)), ["task-timer-moved"]);
            assert_eq!(driver.now, EPOCH + round * 45_000);
        }
        driver.complete("n", "1");
        assert_eq!(driver.output(), "1");
    }

    #[test]
    fn an_attempt_that_is_not_known_as_sent_is_sent_again_the_same() {
        let mut driver = sent();
        let task = driver.task("n");
        let events = look(&mut driver, Whereabouts::NotSent);
        let [event @ Event::TaskRedispatched(_)] = &events[..] else { panic!("{events:?}") };
        let sent: Vec<_> = effects(&driver.execution, event);
        assert!(sent.contains(&Effect::Task(task.clone())), "{sent:?}");
        assert_eq!(driver.task("n"), task);
    }

    #[test]
    fn the_time_of_an_attempt_counts_from_its_pick_up() {
        let mut driver = sent();
        let at = Timestamp::from_millis(EPOCH + 30_000);
        assert_eq!(names(&look(&mut driver, Whereabouts::PickedUp { at })), ["task-timer-moved"]);
        assert_eq!(driver.timer(TimerKind::Attempt).due.as_millis(), EPOCH + 75_000);
        let events = look(&mut driver, Whereabouts::Queued);
        assert_eq!(names(&events), ["attempt-failed"], "the state knows of the pick-up");
        let Event::AttemptFailed(failed) = &events[0] else { panic!("just checked") };
        assert!(failed.problem.kind.ends_with("/timeout"));
    }

    #[test]
    fn a_word_of_the_worker_extends_the_time() {
        let mut driver = sent();
        driver.now = EPOCH + 10_000;
        let task = driver.task("n");
        let said = driver.report(&task, Outcome::Running).expect("it is pending");
        assert_eq!(names(&said), ["task-started"]);
        driver.now = EPOCH + 40_000;
        driver.report(&task, Outcome::Running).expect("it is pending");
        assert_eq!(names(&look(&mut driver, Whereabouts::NotSent)), ["task-timer-moved"]);
        assert_eq!(driver.timer(TimerKind::Attempt).due.as_millis(), EPOCH + 85_000);
        assert_eq!(names(&look(&mut driver, Whereabouts::NotSent)), ["attempt-failed"]);
    }

    #[test]
    fn an_execution_that_takes_too_long_faults() {
        let nodes = ["{ id: s, type: start }", "{ id: n, type: task, parameters: { type: t } }"];
        let flow = flow_with("timeout: PT20S", &nodes, &["s.out -> n.in"]);
        let mut driver = Driver::started(flow, "1");
        driver.fire_due(TimerKind::Deadline, Whereabouts::NotATask);
        assert_eq!(driver.status(), Status::Faulted);
        assert!(driver.problem().kind.ends_with("/timeout"));
        assert_eq!(driver.now, EPOCH + 20_000);
    }
}
