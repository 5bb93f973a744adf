//! What follows a failed or handed-back attempt: another one, or the node's failure.

use std::time::Duration;

use flowmill_model::event::{AttemptFailed, TaskPostponed, TaskRescheduled};
use flowmill_model::task::Failure;
use flowmill_model::{Activation, ErrorCode, Problem, TimerId, Timestamp, limits};

use crate::draft::Draft;
use crate::execution::{Phase, Task};
use crate::seed::{self, Use};

impl Draft<'_> {
    /// Ends an attempt that failed: another one follows if the policy and the failure allow it.
    pub(crate) fn attempt_failed(&mut self, activation: Activation, failure: Failure) {
        let Some(task) = self.task(activation) else { return };
        let (attempt, deadline, phase) = (task.attempt, task.deadline, task.phase);
        let policy = &self.flow.node(activation.node).retry;
        let next = attempt.saturating_add(1);
        let jitter = seed::derive(self.moment.seed, Use::Jitter, activation, attempt);
        let asked = Duration::from_millis(failure.retry_after_ms.unwrap_or_default());
        let delay = policy.delay_before(next, jitter).max(asked.min(limits::RETRY_AFTER_MAX));
        let due = self.moment.now.after(delay);
        let in_time = self.due(deadline).is_none_or(|deadline| due < deadline);
        if !failure.retryable || attempt >= policy.attempts || !in_time {
            return self.fail_active(activation, failure.problem);
        }
        let retry = self.timer(0, due);
        let problem = self.bounded(failure.problem, activation.node);
        let cleared = vec![phase.timer()];
        self.record(AttemptFailed { activation, attempt, problem, cleared, retry });
    }

    /// Puts off an attempt that a worker handed back untried. No attempt is counted, but one
    /// that was handed back for too long has failed.
    pub(crate) fn postpone(&mut self, activation: Activation, millis: u64) {
        let Some(task) = self.task(activation) else { return };
        let (attempt, phase, since) = (task.attempt, task.phase, task.attempt_since);
        if self.moment.now.since(since) >= limits::POSTPONED_FOR {
            return self.attempt_failed(activation, postponed_too_long());
        }
        let delay = Duration::from_millis(millis).clamp(limits::LATER_MIN, limits::LATER_MAX);
        let until = self.timer(0, self.moment.now.after(delay));
        let cleared = vec![phase.timer()];
        self.record(TaskPostponed { activation, attempt, cleared, until });
    }

    /// Sends the next attempt, or one that was handed back once more, under a new token: a late
    /// word on an earlier sending must not be taken for one on this.
    pub(crate) fn send_again(&mut self, activation: Activation, fired: TimerId) {
        let Some(task) = self.task(activation) else { return };
        let attempt = match task.phase {
            Phase::Retrying { .. } => task.attempt.saturating_add(1),
            Phase::Postponed { .. } => task.attempt,
            Phase::Sent { .. } => return,
        };
        let timer = self.timer(0, self.moment.now.after(task.timeout()));
        let token = seed::token(self.moment.seed, activation, attempt);
        let (cleared, at) = (vec![fired], self.moment.now);
        self.record(TaskRescheduled { activation, attempt, token, cleared, timer, at });
    }

    fn due(&self, timer: Option<TimerId>) -> Option<Timestamp> {
        timer.and_then(|id| self.state.timers.get(&id)).map(|timer| timer.due)
    }
}

impl Phase {
    /// The timer that moves the phase on.
    pub(crate) const fn timer(self) -> TimerId {
        match self {
            Self::Sent { timer, .. } | Self::Retrying { timer } | Self::Postponed { timer } => {
                timer
            }
        }
    }
}

/// The failure of an attempt that ran for longer than it may.
pub(crate) fn timed_out(task: &Task) -> Failure {
    let detail = format!(
        "attempt {} was not finished {} ms after a worker took it; raise the node's `timeout`, or \
         let the worker report that it is alive",
        task.attempt, task.timeout_ms,
    );
    let problem = Problem::of(ErrorCode::Timeout, detail);
    Failure { problem, retryable: true, retry_after_ms: None }
}

fn postponed_too_long() -> Failure {
    let hours = limits::POSTPONED_FOR.as_secs() / 3_600;
    let detail = format!("workers handed the task back untried for {hours} hours");
    let problem = Problem::of(ErrorCode::TaskFailed, detail);
    Failure { problem, retryable: true, retry_after_ms: None }
}

#[cfg(test)]
mod tests {
    use flowmill_model::event::Event;
    use flowmill_model::task::{Failure, Outcome};
    use flowmill_model::{Timestamp, limits};

    use crate::command::Whereabouts;
    use crate::driver::{Driver, EPOCH, around, around_with_errors, failure, names};
    use crate::execution::{PendingReason, Status, TimerKind};
    use crate::rejection::Rejection;

    const NODE: &str = "{ id: n, type: task, parameters: { type: t }, retry: { delay: PT2S, \
                        backoff: exponential, limit: { attempts: 3 } } }";
    const LIMITED: &str = "{ id: n, type: task, parameters: { type: t }, retry: { delay: PT2S, \
                           backoff: constant, limit: { attempts: 100, duration: PT5S } } }";

    fn retry(driver: &mut Driver) -> Vec<Event> {
        driver.fire_due(TimerKind::Retry, Whereabouts::NotATask)
    }

    #[test]
    fn attempts_follow_each_other_until_there_are_no_more() {
        let mut driver = Driver::started(around(NODE), "1");
        let first = driver.task("n");
        assert_eq!(names(&driver.fail("n", failure(true))), ["attempt-failed"]);
        assert_eq!(driver.status(), Status::Waiting);
        let pending = driver.execution.pending()[0];
        assert_eq!((pending.reason, pending.attempt), (PendingReason::Retry, Some(2)));
        assert_eq!(pending.until, Some(Timestamp::from_millis(EPOCH + 2_000)));
        assert_eq!(names(&retry(&mut driver)), ["task-rescheduled"]);
        let second = driver.task("n");
        assert_eq!((second.attempt, &second.input), (2, &first.input));
        assert_ne!(second.token, first.token);
        driver.fail("n", failure(true));
        assert_eq!(driver.timer(TimerKind::Retry).due.as_millis(), EPOCH + 6_000);
        retry(&mut driver);
        assert_eq!(names(&driver.fail("n", failure(true))), ["faulted"]);
        assert!(driver.problem().kind.ends_with("/task-failed"));
        assert_eq!(driver.problem().instance.as_deref(), Some("/nodes/1"));
    }

    #[test]
    fn a_late_result_of_a_failed_attempt_is_stale() {
        let mut driver = Driver::started(around(NODE), "1");
        let first = driver.task("n");
        driver.fail("n", failure(true));
        assert_eq!(driver.report(&first, Outcome::Running), Err(Rejection::Stale));
        retry(&mut driver);
        assert_eq!(driver.report(&first, Outcome::Running), Err(Rejection::Stale));
    }

    #[test]
    fn a_final_failure_is_not_tried_again() {
        let mut driver = Driver::started(around(NODE), "1");
        assert_eq!(names(&driver.fail("n", failure(false))), ["faulted"]);
        let mut driver = Driver::started(around_with_errors(NODE), "1");
        let events = driver.fail("n", failure(false));
        assert_eq!(names(&events), ["node-failed", "node-completed", "completed"]);
    }

    #[test]
    fn what_the_other_side_asks_for_is_the_least_delay_up_to_a_bound() {
        let check = |asked: u64, expect: u64| {
            let mut driver = Driver::started(around(NODE), "1");
            driver.fail("n", Failure { retry_after_ms: Some(asked), ..failure(true) });
            assert_eq!(driver.timer(TimerKind::Retry).due.as_millis() - EPOCH, expect, "{asked}");
        };
        check(1, 2_000);
        check(9_000, 9_000);
        check(u64::MAX, limits::RETRY_AFTER_MAX.as_millis() as u64);
    }

    #[test]
    fn no_attempt_is_planned_beyond_the_total_time() {
        let mut driver = Driver::started(around(LIMITED), "1");
        for _ in 0..2 {
            driver.fail("n", failure(true));
            retry(&mut driver);
        }
        assert_eq!(driver.now, EPOCH + 4_000);
        assert_eq!(names(&driver.fail("n", failure(true))), ["faulted"]);
    }

    #[test]
    fn the_total_time_ends_a_task_whatever_it_does() {
        let mut driver = Driver::started(around_with_errors(LIMITED), "1");
        let task = driver.task("n");
        driver.fire_due(TimerKind::TaskDeadline, Whereabouts::NotATask);
        assert!(driver.output().contains("/errors/timeout"), "{}", driver.output());
        assert_eq!(driver.report(&task, Outcome::Running), Err(Rejection::Stale));
    }

    #[test]
    fn an_attempt_handed_back_is_sent_again_under_a_new_token_and_not_counted() {
        let mut driver = Driver::started(around(NODE), "1");
        let first = driver.task("n");
        driver.report(&first, Outcome::Later(1_500)).expect("it is pending");
        assert_eq!(driver.status(), Status::Waiting);
        assert_eq!(driver.timer(TimerKind::Retry).due.as_millis(), EPOCH + 1_500);
        assert_eq!(driver.report(&first, Outcome::Later(1)), Err(Rejection::Stale));
        retry(&mut driver);
        let again = driver.task("n");
        assert_eq!(again.attempt, 1);
        assert_ne!(again.token, first.token);
        assert_eq!(driver.report(&first, Outcome::Later(1)), Err(Rejection::Stale));
        driver.complete("n", "1");
        assert_eq!(driver.output(), "1");
    }

    #[test]
    fn handing_back_is_bounded_in_rate_and_time() {
        let mut driver = Driver::started(around(NODE), "1");
        let task = driver.task("n");
        driver.report(&task, Outcome::Later(0)).expect("it is pending");
        let least = driver.timer(TimerKind::Retry).due.as_millis() - EPOCH;
        assert_eq!(least, limits::LATER_MIN.as_millis() as u64);
        driver.now = EPOCH + limits::POSTPONED_FOR.as_millis() as u64;
        retry(&mut driver);
        let task = driver.task("n");
        let events = driver.report(&task, Outcome::Later(0)).expect("it is pending");
        assert_eq!(names(&events), ["attempt-failed"]);
    }
}
