//! What the worker itself says of an attempt, without or in spite of its handler.

use std::any::Any;

use flowmill_model::task::{Failure, Outcome};
use flowmill_model::{ErrorCode, Payload, Problem, Queue, limits};

const fn retryable(problem: Problem) -> Outcome {
    Outcome::Failed(Failure { problem, retryable: true, retry_after_ms: None })
}

/// The attempt took longer than it may.
pub(crate) fn timed_out(timeout_ms: u64) -> Outcome {
    let detail = format!("the attempt took longer than {timeout_ms} ms and was ended");
    retryable(Problem::of(ErrorCode::Timeout, detail))
}

/// The worker ended before the attempt did.
pub(crate) fn shut_down() -> Outcome {
    let detail = "the worker was shut down before the attempt ended";
    retryable(Problem::of(ErrorCode::Unavailable, detail))
}

/// The handler panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Outcome {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let detail = format!("the handler panicked: {}", text.unwrap_or("without a message"));
    retryable(Problem::of(ErrorCode::TaskFailed, detail).bounded())
}

/// The gateway's task has parts that this build cannot read.
pub(crate) fn unreadable() -> Outcome {
    let detail = "the worker cannot read the task; run one of the gateway's version";
    retryable(Problem::of(ErrorCode::Unavailable, detail))
}

/// No handler of this worker runs the type.
pub(crate) fn unknown_type<'a>(
    asked: &Queue,
    queue: &Queue,
    known: impl Iterator<Item = &'a Queue>,
) -> Outcome {
    let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
    let detail = format!(
        "a worker of the queue `{queue}` has no task type `{asked}`, only {}; \
         start a worker that has it, or name another queue in the flow",
        known.join(", ")
    );
    retryable(Problem::of(ErrorCode::Unavailable, detail).bounded())
}

/// The handler gave an output, which may be too large.
pub(crate) fn completed(output: Payload) -> Outcome {
    if output.len() <= limits::PAYLOAD_BYTES {
        return Outcome::Completed(output);
    }
    let (size, limit) = (output.len(), limits::PAYLOAD_BYTES);
    let detail = format!("the output has {size} bytes of JSON, the limit is {limit}");
    let problem = Problem::of(ErrorCode::TooLarge, detail);
    Outcome::Failed(Failure { problem, retryable: false, retry_after_ms: None })
}

/// An outcome whose texts fit into a record.
pub(crate) fn fitting(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed(failure) => {
            Outcome::Failed(Failure { problem: failure.problem.bounded(), ..failure })
        }
        Outcome::Running | Outcome::Completed(_) | Outcome::Later(_) => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_over_the_limit_fails_for_good() {
        let large = Payload::from(vec![b' '; limits::PAYLOAD_BYTES + 1]);
        let Outcome::Failed(failure) = completed(large) else { panic!("a failure") };
        assert!(!failure.retryable);
        assert_eq!(failure.problem.status, ErrorCode::TooLarge.status());
        let fits = Payload::from(vec![b' '; limits::PAYLOAD_BYTES]);
        assert_eq!(completed(fits.clone()), Outcome::Completed(fits));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "ä".repeat(limits::PROBLEM_DETAIL_CHARS + 1);
        let outcome = fitting(retryable(Problem::of(ErrorCode::TaskFailed, long)));
        let Outcome::Failed(failure) = outcome else { panic!("a failure") };
        let detail = failure.problem.detail.expect("a detail");
        assert_eq!(detail.chars().count(), limits::PROBLEM_DETAIL_CHARS);
    }
}
