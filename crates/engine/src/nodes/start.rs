//! `start`: puts the execution's input out, once.

use flowmill_model::event::{NodeCompleted, Value};
use flowmill_model::{Activation, Problem};

use super::Run;
use crate::draft::Draft;

/// Runs the flow's first node.
pub(crate) fn start(draft: &mut Draft<'_>) {
    let activation = Activation::new(draft.flow.start(), 0);
    let port = draft.out(activation);
    let emission = draft.emission(activation.node, port, Value::Same);
    draft.record(NodeCompleted { activation, consumed: Vec::new(), emission: Some(emission) });
}

/// No connection leads to a `start`; a token that is there all the same goes on.
pub(super) fn again(draft: &mut Draft<'_>, run: &Run) -> Result<(), Problem> {
    let port = draft.out(run.activation);
    draft.pass(run, Some(port));
    Ok(())
}
