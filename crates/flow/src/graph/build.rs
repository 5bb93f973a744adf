//! From what a document says to a graph by index.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use flowmill_model::{BlockIndex, ConnectionIndex, ContentHash, NodeIndex, PortIndex};
use sha2::{Digest, Sha256};

use crate::diagnostic::{DiagnosticCode, Finding, Place, Report, excerpt, suggest};
use crate::expression::Expression;
use crate::json::Json;
use crate::nearest::nearest;
use crate::retry::RetryPolicy;
use crate::schema::Schema;

use super::{
    Block, Connection, Document, Fit, Flow, Node, NodeKind, OutputPort, PortSchemas, check, typing,
};

/// The name of the only input port there is.
pub(crate) const INPUT_PORT: &str = "in";

/// A node as its document has it; what could not be compiled is missing.
pub(crate) struct DraftNode {
    pub(crate) id: String,
    pub(crate) block: BlockIndex,
    pub(crate) place: Place,
    pub(crate) pointer: String,
    /// Its output ports; `None` when its type is not known.
    pub(crate) ports: Option<Vec<String>>,
    pub(crate) role: Role,
    pub(crate) body: Option<DraftBody>,
    pub(crate) compensation: Option<BlockIndex>,
    pub(crate) references: Vec<DraftReference>,
    pub(crate) references_every_node: bool,
}

impl DraftNode {
    /// What it does, as far as that could be compiled.
    pub(crate) fn kind(&self) -> Option<&NodeKind> {
        self.body.as_ref().map(|body| &body.kind)
    }
}

/// What a node's type means for the graph's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Start,
    End,
    Inner,
}

pub(crate) struct DraftBody {
    pub(crate) kind: NodeKind,
    pub(crate) condition: Option<Expression>,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Duration,
    pub(crate) schemas: PortSchemas,
}

/// A `$nodes.<id>` in one of a node's expressions.
pub(crate) struct DraftReference {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) pointer: String,
}

pub(crate) struct DraftConnection {
    pub(crate) from: String,
    pub(crate) port: String,
    pub(crate) to: String,
    pub(crate) to_port: String,
    pub(crate) place: Place,
    pub(crate) pointer: String,
}

/// A document's connections.
pub(crate) struct DraftConnections {
    pub(crate) list: Vec<DraftConnection>,
    /// Whether all of them could be read.
    pub(crate) complete: bool,
}

/// A block, and the connections in it. Its nodes are those that name it.
pub(crate) struct DraftBlock {
    /// The node that owns it, by its place among all nodes; `None` for the flow itself.
    pub(crate) owner: Option<usize>,
    pub(crate) place: Place,
    pub(crate) pointer: String,
    pub(crate) connections: DraftConnections,
}

/// A document's nodes and blocks. A node stands before those that it owns.
#[derive(Default)]
pub(crate) struct DraftNet {
    pub(crate) nodes: Vec<DraftNode>,
    pub(crate) blocks: Vec<DraftBlock>,
}

impl DraftNet {
    /// The connections, each with the block that it is in.
    fn placed_connections(&self) -> impl Iterator<Item = (BlockIndex, &DraftConnection)> {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(index, block)| {
            block.connections.list.iter().map(move |connection| (block_index(index), connection))
        })
    }

    /// How many connections have been read.
    pub(crate) fn connections(&self) -> usize {
        self.blocks.iter().map(|block| block.connections.list.len()).sum()
    }
}

/// What a document says besides its nodes and connections.
pub(crate) struct Header {
    pub(crate) document: Document,
    pub(crate) input_schema: Option<Schema>,
    pub(crate) output_schema: Option<Schema>,
    pub(crate) timeout: Option<Duration>,
}

/// A connection by index, and where it stands.
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) port: usize,
    pub(super) to: usize,
    pub(super) place: Place,
    pub(super) pointer: String,
}

/// The graph's form, as far as it could be made out.
pub(super) struct Form<'a> {
    pub(super) nodes: &'a [DraftNode],
    pub(super) blocks: &'a [DraftBlock],
    pub(super) edges: Vec<Edge>,
    /// Nodes that need no connection of their own: some connection was meant for them, although
    /// it is wrong, or they share their id with an earlier node.
    pub(super) meant: BTreeSet<usize>,
    /// Whether a connection is missing from `edges` because it is wrong.
    pub(super) partial: bool,
    /// Whether a connection could not even be read.
    pub(super) unread: bool,
}

/// Joins nodes and connections to a flow; adds what is wrong with them to `report`. Gives `None`
/// if anything was found, here or before, but types that do not fit.
pub(crate) fn build(
    header: Option<Header>,
    net: DraftNet,
    source: &Json,
    report: &mut Report,
) -> Option<Flow> {
    let by_id = index(&net.nodes);
    let mut form = Form {
        nodes: &net.nodes,
        blocks: &net.blocks,
        edges: Vec::new(),
        meant: duplicates(&net.nodes, &by_id),
        partial: false,
        unread: net.blocks.iter().any(|block| !block.connections.complete),
    };
    let mut seen = BTreeSet::new();
    for (block, connection) in net.placed_connections() {
        match resolve(connection, block, &mut form, &by_id, report) {
            Some(edge) if seen.insert((edge.from, edge.port, edge.to)) => form.edges.push(edge),
            Some(edge) => {
                let message = "the connection is there already";
                let finding =
                    Finding::new(DiagnosticCode::DuplicateConnection, message, "remove it");
                report.add(finding.at(edge.place, edge.pointer));
            }
            None => form.partial = true,
        }
    }
    let order = check::check(&form, &by_id, report);
    let edges = form.edges;
    if !report.is_empty() {
        return None;
    }
    let flow = typing::typed(assemble(header?, net, &edges, by_id, order?, source)?);
    typing::refuse(&flow, &edges, report);
    Some(flow)
}

fn index(nodes: &[DraftNode]) -> BTreeMap<String, usize> {
    let mut by_id = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        by_id.entry(node.id.clone()).or_insert(index);
    }
    by_id
}

fn duplicates(nodes: &[DraftNode], by_id: &BTreeMap<String, usize>) -> BTreeSet<usize> {
    let later = |index: &usize| by_id.get(&nodes[*index].id) != Some(index);
    (0..nodes.len()).filter(later).collect()
}

fn resolve(
    connection: &DraftConnection,
    block: BlockIndex,
    form: &mut Form<'_>,
    by_id: &BTreeMap<String, usize>,
    report: &mut Report,
) -> Option<Edge> {
    let ids = || by_id.keys().map(String::as_str);
    let mut node = |id: &str| {
        let found = by_id.get(id).copied();
        if found.is_none() {
            let message = format!("there is no node `{}`", excerpt(id));
            let help = suggest(id, ids(), || "name a node from the list of nodes".to_owned());
            let finding = Finding::new(DiagnosticCode::UnknownNode, message, help);
            report.add(finding.at(connection.place, &connection.pointer));
        }
        found
    };
    let (from, to) = (node(&connection.from), node(&connection.to));
    let meant = to.or_else(|| by_id.get(nearest(&connection.to, ids())?).copied());
    form.meant.extend(meant);
    let (from, to) = (from?, to?);
    let stranger = [from, to].into_iter().find(|node| form.nodes[*node].block != block);
    if let Some(stranger) = stranger.map(|node| &form.nodes[node]) {
        // That two nodes have one id has been reported.
        let is_meant = |node: &DraftNode| node.id == stranger.id && node.block == block;
        if !form.nodes.iter().any(is_meant) {
            report.add(other_block(stranger).at(connection.place, &connection.pointer));
        }
        return None;
    }
    let input = input_port(connection, &form.nodes[to]);
    let output = output_port(connection, &form.nodes[from]);
    for finding in [input.as_ref().err(), output.as_ref().err()].into_iter().flatten() {
        report.add(finding.clone().at(connection.place, &connection.pointer));
    }
    let port = output.ok().filter(|_| input.is_ok())??;
    let (place, pointer) = (connection.place, connection.pointer.clone());
    Some(Edge { from, port, to, place, pointer })
}

/// The error of a connection that leads into a block, or out of one.
fn other_block(node: &DraftNode) -> Finding {
    let message = format!("`{}` is in another block", node.id);
    let help = "connect nodes of the same block; a value enters a block by its start and leaves it \
                by its end";
    Finding::new(DiagnosticCode::UnknownNode, message, help)
}

fn input_port(connection: &DraftConnection, node: &DraftNode) -> Result<(), Finding> {
    let name = &connection.to_port;
    if node.role == Role::Start {
        let message = format!("`{}` is a start node and has no input port", node.id);
        let help = "connect from it, not to it";
        return Err(Finding::new(DiagnosticCode::UnknownPort, message, help));
    }
    if name == INPUT_PORT {
        return Ok(());
    }
    let message = format!("`{}` has no input port `{}`", node.id, excerpt(name));
    Err(Finding::new(DiagnosticCode::UnknownPort, message, "the input port is called `in`"))
}

/// The port's index; nothing when the node's ports are not known.
fn output_port(connection: &DraftConnection, node: &DraftNode) -> Result<Option<usize>, Finding> {
    let Some(ports) = &node.ports else { return Ok(None) };
    let name = &connection.port;
    if let Some(port) = ports.iter().position(|port| port == name) {
        return Ok(Some(port));
    }
    let message = format!("`{}` has no output port `{}`", node.id, excerpt(name));
    let help = match &ports[..] {
        [] => "nothing can follow this node".to_owned(),
        ports => suggest(name, ports.iter().map(String::as_str), || {
            format!("its output ports are {}", ports.join(", "))
        }),
    };
    Err(Finding::new(DiagnosticCode::UnknownPort, message, help))
}

/// Makes the flow of parts that have no fault.
fn assemble(
    header: Header,
    net: DraftNet,
    edges: &[Edge],
    by_id: BTreeMap<String, usize>,
    order: Vec<usize>,
    source: &Json,
) -> Option<Flow> {
    let blocks = blocks(&net)?;
    let referenced = referenced(&net, edges, &by_id, &order);
    let drafts = net.nodes;
    let mut nodes = Vec::with_capacity(drafts.len());
    for (draft, output_referenced) in drafts.into_iter().zip(referenced) {
        nodes.push(node(draft, output_referenced)?);
    }
    let mut connections = Vec::with_capacity(edges.len());
    for (number, edge) in edges.iter().enumerate() {
        let connection = ConnectionIndex::new(u16::try_from(number).ok()?);
        nodes[edge.from].ports[edge.port].connections.push(connection);
        nodes[edge.to].incoming.push(connection);
        connections.push(Connection {
            from: node_index(edge.from),
            port: port_index(edge.port),
            to: node_index(edge.to),
            to_port: INPUT_PORT.to_owned(),
            fit: Fit::default(),
        });
    }
    let source = source.to_canonical_bytes();
    Some(Flow {
        document: header.document,
        input_schema: header.input_schema,
        output_schema: header.output_schema,
        timeout: header.timeout,
        hash: hash(&source),
        nodes,
        connections,
        by_id: by_id.into_iter().map(|(id, index)| (id, node_index(index))).collect(),
        blocks,
        order: order.into_iter().map(node_index).collect(),
        source,
        triggers: Vec::new(),
    })
}

/// The blocks, whose form has been checked.
fn blocks(net: &DraftNet) -> Option<Vec<Block>> {
    let blocks = net.blocks.iter().enumerate().map(|(index, block)| {
        let inside = |role| {
            let own = |node: &DraftNode| node.block == block_index(index) && node.role == role;
            net.nodes.iter().position(own)
        };
        Some(Block {
            owner: block.owner.map(node_index),
            pointer: block.pointer.clone(),
            start: node_index(inside(Role::Start)?),
            has_end: inside(Role::End).is_some(),
        })
    });
    blocks.collect()
}

fn node(draft: DraftNode, output_referenced: bool) -> Option<Node> {
    let body = draft.body?;
    let names = draft.ports?;
    let error_port = names.iter().position(|name| name == super::ERROR_PORT).map(port_index);
    let port = |name| OutputPort { name, connections: Vec::new() };
    Some(Node {
        id: draft.id,
        block: draft.block,
        pointer: draft.pointer,
        kind: body.kind,
        condition: body.condition,
        compensation: draft.compensation,
        retry: body.retry,
        timeout: body.timeout,
        schemas: body.schemas,
        incoming: Vec::new(),
        ports: names.into_iter().map(port).collect(),
        error_port,
        output_referenced: output_referenced || draft.compensation.is_some(),
    })
}

/// Which nodes' outputs an expression somewhere looks at.
fn referenced(
    net: &DraftNet,
    edges: &[Edge],
    by_id: &BTreeMap<String, usize>,
    order: &[usize],
) -> Vec<bool> {
    let nodes = &net.nodes;
    let mut referenced = vec![false; nodes.len()];
    for index in nodes.iter().flat_map(|node| &node.references).filter_map(|r| by_id.get(&r.id)) {
        referenced[*index] = true;
    }
    // Who owns one that looks at every node looks as well, for that sees what comes before both.
    let mut looks: Vec<bool> = nodes.iter().map(|node| node.references_every_node).collect();
    for (index, node) in nodes.iter().enumerate().rev() {
        if let (true, Some(owner)) = (looks[index], net.blocks[node.block.index()].owner) {
            looks[owner] = true;
        }
    }
    let mut before_such = vec![false; nodes.len()];
    for &index in order.iter().rev() {
        let leads_to = |edge: &&Edge| edge.from == index;
        before_such[index] =
            edges.iter().filter(leads_to).any(|edge| looks[edge.to] || before_such[edge.to]);
        referenced[index] |= before_such[index];
    }
    referenced
}

fn block_index(index: usize) -> BlockIndex {
    BlockIndex::new(u16::try_from(index).expect("a node owns few blocks"))
}

fn node_index(index: usize) -> NodeIndex {
    NodeIndex::new(u16::try_from(index).expect("a flow has at most FLOW_NODES nodes"))
}

pub(super) fn port_index(index: usize) -> PortIndex {
    PortIndex::new(u8::try_from(index).expect("a switch has at most SWITCH_CASES cases"))
}

fn hash(source: &Bytes) -> ContentHash {
    ContentHash::new(Sha256::digest(source).into())
}
