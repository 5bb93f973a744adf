//! Which nodes an expression looks at.

use flowmill_jq::Program;

use super::Names;

/// One `$nodes.<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeReference {
    pub(crate) id: String,
    /// Where the id stands in the expression, in bytes.
    pub(crate) offset: usize,
}

#[derive(Default)]
pub(super) struct References {
    /// Each node once, in alphabetical order.
    pub(super) nodes: Vec<NodeReference>,
    /// Whether `$nodes` is used other than as `$nodes.<id>`.
    pub(super) every_node: bool,
}

/// Collects what a program refers to: nothing where another value is bound to `$nodes`.
pub(super) fn of(program: &Program, names: &Names) -> References {
    if names.binds("nodes") {
        return References::default();
    }
    let mut nodes = Vec::new();
    let mut every_node = false;
    for used in program.variables().iter().filter(|used| used.name == "nodes") {
        match &used.field {
            Some((id, offset)) => nodes.push(NodeReference { id: id.clone(), offset: *offset }),
            None => every_node = true,
        }
    }
    nodes.sort();
    nodes.dedup_by(|later, earlier| later.id == earlier.id);
    References { nodes, every_node }
}
