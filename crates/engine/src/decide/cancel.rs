//! Cancel: the execution ends now, whatever it does.

use flowmill_model::command::Control;
use flowmill_model::event::Cancelled;

use crate::draft::Draft;
use crate::rejection::Rejection;

pub(super) fn decide(draft: &mut Draft<'_>, control: &Control) -> Result<(), Rejection> {
    draft.admit(control)?;
    let (command, reason) = (control.id, control.reason.clone());
    let (cleared, at) = (draft.all_timers(), draft.moment.now);
    draft.record(Cancelled { command, reason, cleared, at });
    Ok(())
}
