//! Tells the gateway what came of a task, until it is durable or nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use flowmill_model::task::{Failure, Outcome};
use flowmill_model::{Problem, limits};
use flowmill_proto::v1;
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};

use super::Client;

/// Gives one sign of life.
pub(crate) type Sign = Arc<dyn Fn() + Send + Sync>;

/// Pause before the first repeat; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between repeats.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Tells the outcome of an attempt, again and again.
pub(super) async fn give(client: Client, token: String, outcome: Outcome) {
    match timeout(limits::RESULT_REPEATS, until_known(client, &token, &outcome)).await {
        Ok(Ok(())) => {}
        Ok(Err(status)) if status.code() == Code::FailedPrecondition => {
            tracing::debug!(detail = status.message(), "nobody waits for a task's result any more");
        }
        Ok(Err(status)) => {
            let (code, detail) = (status.code(), status.message());
            tracing::error!(%code, detail, "the result of a task was refused");
        }
        Err(_) => tracing::error!("the result of a task could not be told in time"),
    }
}

async fn until_known(mut client: Client, token: &str, outcome: &Outcome) -> Result<(), Status> {
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(status) = say(&mut client, token.to_owned(), outcome.clone()).await else {
            return Ok(());
        };
        if is_final(status.code()) {
            return Err(status);
        }
        tracing::debug!(code = %status.code(), "a result is not taken yet");
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

async fn say(client: &mut Client, token: String, outcome: Outcome) -> Result<(), Status> {
    match outcome {
        Outcome::Running => drop(client.heartbeat(v1::HeartbeatRequest { token }).await?),
        Outcome::Completed(output) => {
            let output = output.as_bytes().clone();
            drop(client.complete(v1::CompleteRequest { token, output }).await?);
        }
        Outcome::Later(delay_ms) => {
            drop(client.postpone(v1::PostponeRequest { token, delay_ms }).await?);
        }
        Outcome::Failed(Failure { problem, retryable: true, retry_after_ms }) => {
            let (problem, retry_after_ms) = (Some(told(problem)), retry_after_ms.unwrap_or(0));
            drop(client.fail(v1::FailRequest { token, problem, retry_after_ms }).await?);
        }
        Outcome::Failed(Failure { problem, retryable: false, .. }) => {
            let problem = Some(told(problem));
            drop(client.throw(v1::ThrowRequest { token, problem }).await?);
        }
    }
    Ok(())
}

fn told(problem: Problem) -> v1::TaskProblem {
    let Problem { kind, status, title, detail, instance: _ } = problem;
    let status = u32::from(status);
    v1::TaskProblem { r#type: kind, status, title, detail: detail.unwrap_or_default() }
}

/// Says once that an attempt is alive. Another sign follows.
pub(super) async fn beat(mut client: Client, token: String) {
    if let Err(status) = client.heartbeat(v1::HeartbeatRequest { token }).await {
        tracing::debug!(code = %status.code(), "a sign of life was not taken");
    }
}

/// Whether the same call would end the same way.
const fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::NotFound
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
            | Code::PermissionDenied
    )
}
