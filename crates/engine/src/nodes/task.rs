//! `task`, `http.request` and `kafka.produce`: have a worker do something.

use std::sync::OnceLock;

use flowmill_flow::{ExpressionFault, Json, Scope};
use flowmill_model::event::{TaskCompleted, TaskScheduled, Value};
use flowmill_model::{Activation, ErrorCode, Payload, Problem, Queue};

use super::{Run, faulty, too_large};
use crate::draft::Draft;
use crate::seed;

pub(super) fn run(
    draft: &mut Draft<'_>,
    run: &Run,
    task_type: &Queue,
    queue: &Queue,
    render: impl FnOnce(&Json, &Scope) -> Result<Json, ExpressionFault>,
) -> Result<(), Problem> {
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let input = render(&value, &scope).map_err(|fault| faulty(&fault))?;
    let input = draft.text(input)?;
    let (activation, at) = (run.activation, draft.moment.now);
    let node = draft.flow.node(activation.node);
    let deadline = node.retry.limit.map(|limit| draft.timer(1, at.after(limit)));
    draft.record(TaskScheduled {
        activation,
        consumed: vec![run.connection],
        token: seed::token(draft.moment.seed, activation, 1),
        task_type: task_type.clone(),
        queue: queue.clone(),
        input,
        timeout_ms: u64::try_from(node.timeout.as_millis()).unwrap_or(u64::MAX),
        timer: draft.timer(0, at.after(node.timeout)),
        deadline,
        at,
        frame: run.frame,
    });
    Ok(())
}

/// The task type of `http.request` nodes.
pub(super) fn http_request() -> Queue {
    static NAME: OnceLock<Queue> = OnceLock::new();
    NAME.get_or_init(|| Queue::new("http.request").expect("it follows the rules of names")).clone()
}

impl Draft<'_> {
    /// Ends a task with its output, or fails it if that is none.
    pub(crate) fn complete_task(&mut self, activation: Activation, output: &Payload) {
        let Some(attempt) = self.task(activation).map(|task| task.attempt) else { return };
        if let Err(problem) = self.check_output(activation, output) {
            return self.fail_active(activation, problem);
        }
        let cleared = self.timers_of(activation);
        let port = self.out(activation);
        let value = Value::New(output.clone());
        let frame = self.state.frame_of(activation);
        let emission = Some(self.emission(frame, activation.node, port, value));
        self.record(TaskCompleted { activation, attempt, cleared, emission });
    }

    fn check_output(&mut self, activation: Activation, output: &Payload) -> Result<(), Problem> {
        if output.len() > flowmill_model::limits::PAYLOAD_BYTES {
            return Err(too_large(output.len()));
        }
        let not_json = |error| {
            let detail = format!("the worker's output is no JSON: {error}");
            Problem::of(ErrorCode::TaskFailed, detail)
        };
        let value = self.values.parse(output).map_err(not_json)?;
        self.check_made(activation.node, &value)
    }
}

/// The problem of a task that took too long, all its attempts together.
pub(crate) fn overdue() -> Problem {
    let detail =
        "the task was not finished within its `retry.limit.duration`, all attempts together";
    Problem::of(ErrorCode::Timeout, detail)
}

/// The task type of `kafka.produce` nodes.
pub(super) fn kafka_produce() -> Queue {
    static NAME: OnceLock<Queue> = OnceLock::new();
    NAME.get_or_init(|| Queue::new("kafka.produce").expect("it follows the rules of names")).clone()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flowmill_model::limits;
    use flowmill_model::task::Outcome;

    use crate::driver::{Driver, around, around_with_errors, names, payload, run_faulting, text};
    use crate::execution::{PendingReason, Status};
    use crate::rejection::Rejection;

    const TASK: &str = "{ id: n, type: task, parameters: { type: pick, queue: slow, \
                        input: { id: '${ .id }', note: 'no ${ .id }' } }, timeout: PT7S }";

    #[test]
    fn a_task_carries_what_its_node_says() {
        let driver = Driver::started(around(TASK), "{\"id\":5}");
        let task = driver.task("n");
        assert_eq!((task.task_type.as_str(), task.queue.as_str()), ("pick", "slow"));
        assert_eq!(text(&task.input), "{\"id\":5,\"note\":\"no 5\"}");
        assert_eq!((task.attempt, task.timeout), (1, Duration::from_secs(7)));
        assert_eq!(driver.status(), Status::Running);
        assert_eq!(driver.execution.pending()[0].reason, PendingReason::Task);
    }

    #[test]
    fn an_http_request_is_a_task_of_its_own_type() {
        let node = "{ id: n, type: http.request, parameters: { method: POST, \
                    url: 'http://127.0.0.1:9/', body: '${ . }' } }";
        let driver = Driver::started(around(node), "{\"id\":5}");
        let task = driver.task("n");
        assert_eq!(task.task_type.as_str(), "http.request");
        assert!(text(&task.input).contains("\"id\":5"), "{}", text(&task.input));
    }

    #[test]
    fn a_record_for_kafka_is_a_task_of_its_own_type() {
        let node = "{ id: n, type: kafka.produce, parameters: { topic: 'orders.${ .id }', \
                    key: '${ .id }', headers: { h: x } } }";
        let driver = Driver::started(around(node), "{\"id\":5}");
        let task = driver.task("n");
        assert_eq!((task.task_type.as_str(), task.queue.as_str()), ("kafka.produce", "kafka"));
        let record = r#"{"topic":"orders.5","key":5,"headers":{"h":"x"},"value":{"id":5}}"#;
        assert_eq!(text(&task.input), record);
    }

    #[test]
    fn the_output_of_a_task_goes_on_and_clears_its_timers() {
        let mut driver = Driver::started(around(TASK), "{\"id\":5}");
        let events = driver.complete("n", "[1]");
        assert_eq!(names(&events), ["task-completed", "node-completed", "completed"]);
        assert_eq!(driver.output(), "[1]");
        assert_eq!(driver.execution.timers().count(), 0);
    }

    #[test]
    fn a_result_counts_once_and_only_with_its_token() {
        let flow = around_with_errors(TASK);
        let mut driver = Driver::started(flow, "{\"id\":5}");
        let task = driver.task("n");
        let done = || Outcome::Completed(payload("1"));
        let mut forged = task.clone();
        forged.token = flowmill_model::TaskToken::new(task.token.get() ^ 1);
        assert_eq!(driver.report(&forged, done()), Err(Rejection::Stale));
        let mut other_attempt = task.clone();
        other_attempt.attempt = 2;
        assert_eq!(driver.report(&other_attempt, done()), Err(Rejection::Stale));
        driver.report(&task, done()).expect("the pending attempt");
        assert_eq!(driver.report(&task, done()), Err(Rejection::Stale));
    }

    #[test]
    fn an_output_that_is_none_fails_the_task() {
        let large = format!("\"{}\"", "x".repeat(limits::PAYLOAD_BYTES));
        for (output, expect) in
            [("{", "/task-failed"), ("", "/task-failed"), (&large, "-too-large")]
        {
            let mut driver = Driver::started(around(TASK), "{\"id\":5}");
            driver.complete("n", output);
            assert_eq!(driver.status(), Status::Faulted);
            assert!(driver.problem().kind.ends_with(expect), "{:?}", driver.problem());
        }
    }

    #[test]
    fn an_input_that_cannot_be_made_fails_the_task_before_it_is_sent() {
        let problem = run_faulting(around(TASK), "[1]");
        assert!(problem.kind.ends_with("/expression"), "{problem:?}");
    }
}
