//! `start`: puts the execution's input out, once.

use flowmill_model::event::{NodeCompleted, Value};
use flowmill_model::{BlockIndex, FrameId, Problem};

use super::Run;
use crate::draft::Draft;

/// Runs the first node of the block that a frame is for.
pub(crate) fn start(draft: &mut Draft<'_>, frame: FrameId) {
    let block = draft.state.frame(frame).map_or(BlockIndex::ROOT, |frame| frame.block);
    let activation = draft.next_run(draft.flow.block(block).start);
    let port = draft.out(activation);
    let emission = Some(draft.emission(frame, activation.node, port, Value::Same));
    draft.record(NodeCompleted { activation, consumed: Vec::new(), emission, frame });
}

/// No connection leads to a `start`; a token that is there all the same goes on.
pub(super) fn again(draft: &mut Draft<'_>, run: &Run) -> Result<(), Problem> {
    let port = draft.out(run.activation);
    draft.pass(run, Some(port));
    Ok(())
}
