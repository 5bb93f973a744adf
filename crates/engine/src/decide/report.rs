//! Report: a worker's word on an attempt. It counts only for the pending attempt with its token.

use flowmill_model::event::TaskStarted;
use flowmill_model::task::{Outcome, ResultRecord};

use crate::draft::Draft;
use crate::execution::Phase;
use crate::rejection::Rejection;

pub(super) fn decide(draft: &mut Draft<'_>, result: &ResultRecord) -> Result<(), Rejection> {
    match draft.admit_running() {
        Ok(()) => {}
        // Tasks that an end abandoned still report; to them there is no attempt pending.
        Err(Rejection::AlreadyEnded) => return Err(Rejection::Stale),
        Err(other) => return Err(other),
    }
    let (activation, attempt) = (result.id.activation, result.id.attempt);
    let task = draft.task(activation).ok_or(Rejection::Stale)?;
    let Phase::Sent { token, started, .. } = task.phase else { return Err(Rejection::Stale) };
    let ours = result.id.execution == draft.state.id();
    if !ours || task.attempt != attempt || token != result.token {
        return Err(Rejection::Stale);
    }
    if draft.state.is_quarantined() {
        return Err(Rejection::Quarantined);
    }
    match &result.outcome {
        Outcome::Running => {
            let (first, at) = (started.is_none(), draft.moment.now);
            draft.record(TaskStarted { activation, attempt, first, at });
        }
        Outcome::Completed(output) => draft.complete_task(activation, output),
        Outcome::Failed(failure) => draft.attempt_failed(activation, failure.clone()),
        Outcome::Later(millis) => draft.postpone(activation, *millis),
    }
    draft.drain();
    Ok(())
}
