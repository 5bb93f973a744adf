//! Suspend: running tasks finish, their results are kept, nothing starts.

use flowmill_model::command::Control;
use flowmill_model::event::Suspended;

use super::unexpected;
use crate::draft::Draft;
use crate::rejection::{Rejection, Unexpected};

pub(super) fn decide(draft: &mut Draft<'_>, control: &Control) -> Result<(), Rejection> {
    draft.admit(control)?;
    if draft.state.suspension.is_some() {
        return Err(unexpected(Unexpected::AlreadySuspended));
    }
    let (command, reason) = (control.id, control.reason.clone());
    draft.record(Suspended { command, reason, at: draft.moment.now });
    Ok(())
}
