//! Runs one attempt: its handler, within its time, whatever it does.

use std::panic::AssertUnwindSafe;
use std::pin::pin;

use flowmill_model::Payload;
use flowmill_model::task::Outcome;
use futures::FutureExt;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::context::{Alarm, TaskContext};
use crate::handler::Handler;
use crate::outcome;

/// Runs a handler until it answers, panics, is out of time or is abandoned.
pub(crate) async fn run(
    handler: Handler,
    context: TaskContext,
    input: Payload,
    abandon: &CancellationToken,
) -> Outcome {
    let running = {
        let context = context.clone();
        async move { handler(context, input).await }
    };
    let mut running = pin!(AssertUnwindSafe(running).catch_unwind());
    let mut abandoned = pin!(abandon.cancelled());
    let first = match context.alarm() {
        Alarm::TimedOut => Instant::now(),
        Alarm::Until(first) => first,
    };
    let mut alarm = pin!(sleep_until(first));
    loop {
        tokio::select! {
            biased;
            answer = &mut running => return match answer {
                Ok(Ok(output)) => outcome::completed(output),
                Ok(Err(error)) => outcome::fitting(error.into_outcome()),
                Err(panic) => outcome::panicked(&*panic),
            },
            () = &mut abandoned => return outcome::shut_down(),
            () = &mut alarm => match context.alarm() {
                Alarm::TimedOut => return outcome::timed_out(context.record().timeout_ms),
                Alarm::Until(next) => alarm.as_mut().reset(next),
            }
        }
    }
}
