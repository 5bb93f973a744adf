//! The compiled graph: what an engine runs.

mod build;
mod check;
mod fit;
mod kind;
mod known;
mod once;
mod point_in_time;
mod typing;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use flowmill_model::{
    BlockIndex, ConnectionIndex, ContentHash, FlowName, FlowVersion, Name, NodeIndex, PortIndex,
    Version,
};

pub(crate) use build::{
    DraftBlock, DraftBody, DraftConnection, DraftConnections, DraftNet, DraftNode, DraftReference,
    Header, INPUT_PORT, Role, build,
};
pub use fit::Fit;
pub use kind::{ErrorTemplate, Failures, MergeMode, NodeKind, SwitchCase, SwitchMode, Wait};
pub use typing::PortSchemas;

use crate::expression::Expression;
use crate::retry::RetryPolicy;
use crate::schema::Schema;
use crate::trigger::Trigger;

/// The name of the output port that takes a node's errors.
pub(crate) const ERROR_PORT: &str = "error";

/// The name of the output port of nodes that have one besides `error`.
pub(crate) const OUTPUT_PORT: &str = "out";

/// A checked and compiled flow version.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What the flow is called.
    pub document: Document,
    /// What an input must fit.
    pub input_schema: Option<Schema>,
    /// What an output must fit.
    pub output_schema: Option<Schema>,
    /// How long one execution may take.
    pub timeout: Option<Duration>,
    /// The hash of the canonical content: equal for equal documents, whatever their spelling.
    pub hash: ContentHash,
    nodes: Vec<Node>,
    connections: Vec<Connection>,
    blocks: Vec<Block>,
    by_id: BTreeMap<String, NodeIndex>,
    order: Vec<NodeIndex>,
    source: Bytes,
    triggers: Vec<Trigger>,
}

/// What a flow version is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The namespace.
    pub namespace: Name,
    /// The name within it.
    pub name: Name,
    /// The version.
    pub version: Version,
    /// The name for people.
    pub title: Option<String>,
}

/// One block: the flow itself, or nodes that another node runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The node that runs it; `None` for the flow itself.
    pub owner: Option<NodeIndex>,
    /// Where it stands in the document, as a JSON pointer; empty for the flow itself.
    pub pointer: String,
    /// Its `start` node.
    pub start: NodeIndex,
    /// Whether it has an `end` node, which says where its output comes from.
    pub has_end: bool,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node's id in its document.
    pub id: String,
    /// The block that it is in.
    pub block: BlockIndex,
    /// Where it stands in the document, as a JSON pointer.
    pub pointer: String,
    /// What it does.
    pub kind: NodeKind,
    /// When it does it; otherwise values go past it.
    pub condition: Option<Expression>,
    /// What undoes it when the `try` that it is in fails.
    pub compensation: Option<BlockIndex>,
    /// When a failed attempt is tried again; one attempt only for all but tasks.
    pub retry: RetryPolicy,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// What its ports take and give.
    pub schemas: PortSchemas,
    /// The connections into it, in the order of the document.
    pub incoming: Vec<ConnectionIndex>,
    /// What comes out of it.
    pub ports: Vec<OutputPort>,
    /// The port that takes its errors; `None` for nodes that cannot fail or end the execution
    /// when they do.
    pub error_port: Option<PortIndex>,
    /// Whether an expression downstream looks at its output.
    pub output_referenced: bool,
}

/// One output port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPort {
    /// Its name within the node.
    pub name: String,
    /// The connections out of it, in the order of the document.
    pub connections: Vec<ConnectionIndex>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The node it leaves.
    pub from: NodeIndex,
    /// The output port it leaves.
    pub port: PortIndex,
    /// The node it enters.
    pub to: NodeIndex,
    /// The input port it enters.
    pub to_port: String,
    /// Whether what it gives is taken there.
    pub fit: Fit,
}

impl Document {
    /// The flow, whatever its version.
    pub fn flow(&self) -> FlowName {
        FlowName { namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// The flow and its version.
    pub fn flow_version(&self) -> FlowVersion {
        FlowVersion { flow: self.flow(), version: self.version.clone() }
    }
}

impl Flow {
    /// The nodes, in the order of the document.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at `index`.
    ///
    /// # Panics
    /// When the index is not of this flow.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.index()]
    }

    /// The index of the node called `id`.
    pub fn node_index(&self, id: &str) -> Option<NodeIndex> {
        self.by_id.get(id).copied()
    }

    /// The connections, in the order of the document.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// The connection at `index`.
    ///
    /// # Panics
    /// When the index is not of this flow.
    pub fn connection(&self, index: ConnectionIndex) -> &Connection {
        &self.connections[index.index()]
    }

    /// The blocks, the flow itself first.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The block at `index`.
    ///
    /// # Panics
    /// When the index is not of this flow.
    pub fn block(&self, index: BlockIndex) -> &Block {
        &self.blocks[index.index()]
    }

    /// The flow's own `start` node.
    pub fn start(&self) -> NodeIndex {
        self.block(BlockIndex::ROOT).start
    }

    /// Every node after all nodes that lead to it.
    pub fn topological_order(&self) -> &[NodeIndex] {
        &self.order
    }

    /// What starts executions by itself, in the order of the document.
    pub fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    pub(crate) fn with_triggers(self, triggers: Vec<Trigger>) -> Self {
        Self { triggers, ..self }
    }

    /// The canonical document as JSON: what is stored, and compiles to the same flow.
    pub fn to_json(&self) -> Bytes {
        self.source.clone()
    }
}

impl Node {
    /// Whether no connection leaves the node.
    pub fn is_leaf(&self) -> bool {
        self.ports.iter().all(|port| port.connections.is_empty())
    }

    /// The expressions of what it does, and of when.
    pub fn expressions(&self) -> Vec<&Expression> {
        let mut expressions = self.kind.expressions();
        expressions.extend(&self.condition);
        expressions
    }

    /// The index of the output port called `name`.
    pub fn port(&self, name: &str) -> Option<PortIndex> {
        let found = self.ports.iter().position(|port| port.name == name)?;
        u8::try_from(found).ok().map(PortIndex::new)
    }
}
