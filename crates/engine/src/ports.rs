//! What passes a node's ports, held against their schemas.
//!
//! What a node takes is looked at only where the verdict of the connection leaves it to run time;
//! what it makes is looked at always, because verdicts rest on it.

use flowmill_flow::{Json, Schema};
use flowmill_model::{ErrorCode, NodeIndex, Problem};

use crate::draft::Draft;
use crate::nodes::{Run, unreadable};
use crate::output;

impl Draft<'_> {
    /// Checks the token that a node is to take, unless every value of its connection fits.
    pub(crate) fn check_taken(&mut self, run: &Run) -> Result<(), Problem> {
        let flow = self.flow;
        let node = flow.node(run.activation.node);
        let Some(schema) = &node.schemas.input else { return Ok(()) };
        if !flow.connection(run.connection).fit.is_in_doubt() {
            return Ok(());
        }
        let value = self.values.parse(&run.token).map_err(|error| unreadable(&error))?;
        fits(schema, &value, ErrorCode::InvalidInput, || format!("what came to `{}`", node.id))
    }

    /// Checks the value that a node has made.
    pub(crate) fn check_made(&self, node: NodeIndex, value: &Json) -> Result<(), Problem> {
        let node = self.flow.node(node);
        let Some(schema) = &node.schemas.output else { return Ok(()) };
        fits(schema, value, ErrorCode::InvalidOutput, || format!("what `{}` made", node.id))
    }
}

fn fits(
    schema: &Schema,
    value: &Json,
    code: ErrorCode,
    what: impl FnOnce() -> String,
) -> Result<(), Problem> {
    output::fits(schema, value).map_err(|detail| {
        Problem::of(code, format!("{} does not fit its schema: {detail}", what()))
    })
}

#[cfg(test)]
mod tests;
