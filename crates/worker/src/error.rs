//! Why a handler gives no output.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use flowmill_model::task::{Failure, Outcome};
use flowmill_model::{ErrorCode, Problem, limits};

/// What a handler gives instead of an output.
///
/// Any error turns into a retryable one with `?`. Say [`TaskError::fatal`] where another attempt
/// cannot help. The texts inside become part of the execution's history: no secrets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskError(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Failed(Box<Failure>),
    Later(Duration),
}

impl TaskError {
    /// The attempt failed, another one may succeed; the node's `retry` decides when and whether.
    pub fn retryable(problem: Problem) -> Self {
        Self::failed(Failure { problem, retryable: true, retry_after_ms: None })
    }

    /// The task failed, and another attempt would, too.
    pub fn fatal(problem: Problem) -> Self {
        Self::failed(Failure { problem, retryable: false, retry_after_ms: None })
    }

    fn failed(failure: Failure) -> Self {
        Self(Kind::Failed(Box::new(failure)))
    }

    /// The task was not tried and is to come again after `delay`; no attempt is counted.
    pub const fn later(delay: Duration) -> Self {
        Self(Kind::Later(delay))
    }

    /// Asks that the next attempt comes no earlier than after `delay`, at most
    /// [`limits::RETRY_AFTER_MAX`]. Changes nothing but [`TaskError::retryable`].
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        match &mut self.0 {
            Kind::Failed(failure) if failure.retryable => {
                failure.retry_after_ms = Some(millis(delay.min(limits::RETRY_AFTER_MAX)));
            }
            Kind::Failed(_) | Kind::Later(_) => {}
        }
        self
    }

    /// Whether another attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        match &self.0 {
            Kind::Failed(failure) => failure.retryable,
            Kind::Later(_) => true,
        }
    }

    pub(crate) fn into_outcome(self) -> Outcome {
        match self.0 {
            Kind::Failed(failure) => Outcome::Failed(*failure),
            Kind::Later(delay) => Outcome::Later(millis(delay)),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Failed(failure) => failure.problem.fmt(f),
            Kind::Later(delay) => write!(f, "handed back for {delay:?}"),
        }
    }
}

impl<E: Error> From<E> for TaskError {
    /// A retryable failure that says what the error says, its sources included.
    fn from(error: E) -> Self {
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            detail = format!("{detail}: {cause}");
            source = cause.source();
        }
        Self::retryable(Problem::of(ErrorCode::TaskFailed, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem::of(ErrorCode::TaskFailed, "it broke")
    }

    #[test]
    fn a_delay_is_asked_for_only_where_another_attempt_may_come() {
        let check = |error: TaskError, expect: Option<u64>| {
            let Outcome::Failed(failure) = error.into_outcome() else { panic!("a failure") };
            assert_eq!(failure.retry_after_ms, expect);
        };
        let second = Duration::from_secs(1);
        check(TaskError::retryable(problem()), None);
        check(TaskError::retryable(problem()).retry_after(second), Some(1_000));
        check(TaskError::fatal(problem()).retry_after(second), None);
        let day = Some(86_400_000);
        check(TaskError::retryable(problem()).retry_after(Duration::MAX), day);
    }

    #[test]
    fn an_error_of_another_kind_is_told_with_its_sources() {
        let inner = std::io::Error::other("disk gone");
        let error = TaskError::from(std::io::Error::other(inner));
        assert!(error.is_retryable());
        assert!(error.to_string().contains("disk gone"), "{error}");
    }

    #[test]
    fn a_task_is_handed_back_with_its_delay() {
        let later = TaskError::later(Duration::from_millis(1_500));
        assert_eq!(later.into_outcome(), Outcome::Later(1_500));
    }
}
