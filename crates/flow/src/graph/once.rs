//! Whether exactly one value reaches the end.
//!
//! Said only where it is certain: not behind a filter, a switch, a node whose failures go a way of
//! their own, or where paths meet without a merge.

use super::typing::is_end;
use super::{Flow, MergeMode, Node, NodeKind};

/// Whether exactly one value reaches the flow's `end`, whenever an execution completes.
pub(super) fn reaches_end(flow: &Flow) -> bool {
    let mut certain = vec![false; flow.nodes.len()];
    for &index in &flow.order {
        let node = &flow.nodes[index.index()];
        let one_comes = comes_once(flow, node, &certain);
        if is_end(node) {
            return one_comes;
        }
        certain[index.index()] = one_comes && passes_each(node);
    }
    false
}

/// Whether a node runs exactly once, or as a merge passes on exactly one value, if those before it
/// that are certain do.
fn comes_once(flow: &Flow, node: &Node, certain: &[bool]) -> bool {
    let mut incoming = node.incoming.iter();
    let is_certain = |index: &flowmill_model::ConnectionIndex| {
        certain[flow.connections[index.index()].from.index()]
    };
    match &node.kind {
        NodeKind::Start => true,
        NodeKind::Merge { mode: MergeMode::All } => incoming.all(is_certain),
        NodeKind::Merge { mode: MergeMode::Any | MergeMode::Count(_) } => incoming.any(is_certain),
        NodeKind::End
        | NodeKind::Filter { .. }
        | NodeKind::Map { .. }
        | NodeKind::Set { .. }
        | NodeKind::Switch { .. }
        | NodeKind::Wait(_)
        | NodeKind::Signal { .. }
        | NodeKind::ForEach { .. }
        | NodeKind::While { .. }
        | NodeKind::Try { .. }
        | NodeKind::Race { .. }
        | NodeKind::Fail { .. }
        | NodeKind::Task { .. }
        | NodeKind::HttpRequest { .. }
        | NodeKind::KafkaProduce { .. } => node.incoming.len() == 1 && incoming.all(is_certain),
    }
}

/// Whether a run of a node passes a value on by `out`, or ends the execution.
fn passes_each(node: &Node) -> bool {
    let fails_aside = |port: flowmill_model::PortIndex| {
        node.ports.get(port.index()).is_some_and(|port| !port.connections.is_empty())
    };
    let chooses = matches!(
        node.kind,
        NodeKind::Filter { .. } | NodeKind::Switch { .. } | NodeKind::Fail { .. }
    );
    !chooses && !node.error_port.is_some_and(fails_aside)
}
