//! Takes the typed values out of a checked document.
//!
//! The shape of every value has been checked, and what is wrong with it reported; a value that
//! does not fit is left out here without another word. What is reported here is what a shape
//! cannot say: expressions, schemas, names that occur twice.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_model::{BlockIndex, Name, Version, limits};

use crate::diagnostic::{DiagnosticCode, Finding, Report};
use crate::duration;
use crate::expression::{Expression, Names, SyntaxFault, Variable};
use crate::graph::{
    Document, DraftBlock, DraftBody, DraftConnections, DraftNet, DraftNode, DraftReference, Header,
    NodeKind, PortSchemas, Role,
};
use crate::retry::{Backoff, Jitter, RetryPolicy};
use crate::source::{Item, ItemValue, Source};
use crate::template::mentions_secrets;
use crate::trigger::Trigger;

use super::schemas::{self, schema};
use super::shape::{is_identifier, report_at, report_within};
use super::{connection, parameters, tables, triggers};

/// A document's parts.
pub(super) struct Decoded {
    /// `None` if a part of it is wrong.
    pub(super) header: Option<Header>,
    pub(super) net: DraftNet,
    pub(super) triggers: Vec<Trigger>,
}

/// What the decoding of one node's values needs and gathers.
pub(super) struct Context<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) report: &'a mut Report,
    /// What the node's expressions may name.
    pub(super) names: Names,
    references: Vec<DraftReference>,
    references_every_node: bool,
}

/// Decodes the whole document.
pub(super) fn document(source: &Source<'_>, report: &mut Report) -> Decoded {
    let root = &source.root;
    let header = header(root, report);
    let triggers = triggers::triggers(root, source, report);
    let mut net = Net { source, report, seen: BTreeMap::new(), drafts: DraftNet::default() };
    let block = net.reserve(None, root, String::new());
    net.block(block, root, &Names::of(Variable::OF_NODES));
    Decoded { header, net: net.drafts, triggers }
}

fn header(root: &Item, report: &mut Report) -> Option<Header> {
    let input_schema = schema(root, "input", "", report);
    let output_schema = schema(root, "output", "", report);
    let document = root.get("document")?;
    let text = |field| document.get(field).and_then(Item::text);
    Some(Header {
        document: Document {
            namespace: Name::new(text("namespace")?).ok()?,
            name: Name::new(text("name")?).ok()?,
            version: Version::new(text("version")?).ok()?,
            title: text("title").map(str::to_owned),
        },
        input_schema,
        output_schema,
        timeout: span(root, "timeout"),
    })
}

/// The nodes of all blocks in the making. Those of a block that a node owns follow that node.
struct Net<'a> {
    source: &'a Source<'a>,
    report: &'a mut Report,
    /// Where each id stands first.
    seen: BTreeMap<&'a str, String>,
    drafts: DraftNet,
}

impl<'a> Net<'a> {
    /// A place for a block in the list of them.
    fn reserve(&mut self, owner: Option<usize>, item: &Item, pointer: String) -> BlockIndex {
        let index = u16::try_from(self.drafts.blocks.len()).unwrap_or(u16::MAX);
        self.drafts.blocks.push(DraftBlock {
            owner,
            place: item.place,
            pointer,
            connections: DraftConnections { list: Vec::new(), complete: true },
        });
        BlockIndex::new(index)
    }

    /// Decodes a block, which begins a nest of further ones. A definition's depth is bounded.
    fn block(&mut self, block: BlockIndex, item: &'a Item, names: &Names) {
        let pointer = self.drafts.blocks[block.index()].pointer.clone();
        let list = item.get("nodes").map(Item::items).unwrap_or_default();
        for (index, item) in list.iter().enumerate() {
            if self.drafts.nodes.len() >= limits::FLOW_NODES {
                return self.too_many(item, &pointer);
            }
            self.node(block, item, format!("{pointer}/nodes/{index}"), names);
        }
        let items = item.get("connections").map(Item::items).unwrap_or_default();
        let room = limits::FLOW_CONNECTIONS.saturating_sub(self.drafts.connections());
        let items = &items[..items.len().min(room)];
        let read = items.iter().enumerate().filter_map(|(index, item)| {
            connection::decode(item, &format!("{pointer}/connections/{index}"), self.report)
        });
        let list: Vec<_> = read.collect();
        let complete = list.len() == items.len();
        self.drafts.blocks[block.index()].connections = DraftConnections { list, complete };
    }

    fn too_many(&mut self, item: &Item, pointer: &str) {
        let message = format!("the flow has more than {} nodes in all", limits::FLOW_NODES);
        let finding = Finding::new(DiagnosticCode::TooLarge, message, "split the flow");
        report_at(item, &format!("{pointer}/nodes"), finding, self.report);
    }

    fn node(&mut self, block: BlockIndex, item: &'a Item, pointer: String, names: &Names) {
        let Some(id) = item.get("id").and_then(Item::text).filter(|id| is_identifier(id)) else {
            return;
        };
        if let Some(first) = self.seen.get(id) {
            let message = format!("there are two nodes `{id}`");
            let help = format!("rename one; the other is at {first}");
            let finding = Finding::new(DiagnosticCode::DuplicateName, message, help);
            let at = item.get("id").unwrap_or(item);
            report_at(at, &format!("{pointer}/id"), finding, self.report);
        } else {
            self.seen.insert(id, pointer.clone());
        }
        let owner = self.drafts.nodes.len();
        let node_type = item.get("type").and_then(Item::text).and_then(tables::node_type);
        let given = node_type.into_iter().flat_map(|node_type| node_type.blocks);
        let blocks: Vec<(&str, &Item, BlockIndex)> = given
            .filter_map(|(name, _)| {
                let item = item.get(name).filter(|item| matches!(item.value, ItemValue::Map(_)))?;
                Some((*name, item, self.reserve(Some(owner), item, format!("{pointer}/{name}"))))
            })
            .collect();
        let compensation = self.compensation(block, item, &pointer);
        let index: Blocks = blocks.iter().map(|(name, _, index)| (*name, *index)).collect();
        let context = Context::new(self.source, self.report, names.clone());
        let mut node = node(item, id, block, pointer, &index, context);
        node.compensation = compensation.map(|(_, index)| index);
        let inside = match node.kind() {
            Some(kind) => kind.bound_names().fold(names.clone(), |names, name| names.with(name)),
            // Whatever its expressions name may be bound by what could not be read.
            None => names.with("item").with("index"),
        };
        self.drafts.nodes.push(node);
        for (_, item, index) in blocks {
            self.block(index, item, &inside);
        }
        if let Some((item, index)) = compensation {
            self.block(index, item, names);
        }
    }

    /// What undoes a node, and a place for it: the `try` around the node runs it.
    fn compensation(
        &mut self,
        block: BlockIndex,
        item: &'a Item,
        pointer: &str,
    ) -> Option<(&'a Item, BlockIndex)> {
        let node_type = item.get("type").and_then(Item::text).and_then(tables::node_type)?;
        let item = item.get("compensate").filter(|item| matches!(item.value, ItemValue::Map(_)))?;
        if !node_type.has("compensate") {
            return None;
        }
        let pointer = format!("{pointer}/compensate");
        let owner = self.drafts.blocks[block.index()].owner.filter(|owner| {
            let node = &self.drafts.nodes[*owner];
            // What is wrong with the owner has been reported.
            node.kind().is_none_or(|kind| kind.runs_attempts_of(block))
        });
        if owner.is_none() {
            let message = "only a node in the body of a try can be undone";
            let help = "put the node and those that depend on it into the body of a try node";
            let finding = Finding::new(DiagnosticCode::UnknownField, message, help);
            report_at(item, &pointer, finding, self.report);
        }
        Some((item, self.reserve(owner, item, pointer)))
    }
}

/// The blocks that a node owns, by name.
pub(super) type Blocks = BTreeMap<&'static str, BlockIndex>;

fn node(
    item: &Item,
    id: &str,
    block: BlockIndex,
    pointer: String,
    blocks: &Blocks,
    mut context: Context<'_>,
) -> DraftNode {
    let node_type = item.get("type").and_then(Item::text).and_then(tables::node_type);
    let none = Item { place: item.place, value: ItemValue::Map(Vec::new()) };
    let given = item.get("parameters").filter(|item| item.value != ItemValue::Null);
    let given = given.unwrap_or(&none);
    let path = format!("{pointer}/parameters");
    let ports = node_type.map(|node_type| parameters::ports(node_type.name, given));
    let condition = item.get("if").filter(|item| item.value != ItemValue::Null);
    let condition = condition.map(|item| context.expression(item, &format!("{pointer}/if")));
    let kind = node_type.and_then(|node_type| {
        parameters::Parameters { item: given, pointer: &path, blocks, context: &mut context }
            .decode(node_type.name)
    });
    let role = match node_type.map(|node_type| node_type.name) {
        Some("start") => Role::Start,
        Some("end") => Role::End,
        _ => Role::Inner,
    };
    let is_tried = node_type.is_some_and(|node_type| node_type.has("retry"));
    let none = RetryPolicy::never();
    let retry = if is_tried { retry(item, &pointer, node_type, context.report) } else { none };
    let timeout = span(item, "timeout").unwrap_or(limits::DEFAULT_TASK_TIMEOUT);
    let schemas = schemas::of_ports(item, &pointer, context.report);
    DraftNode {
        id: id.to_owned(),
        block,
        place: item.place,
        pointer,
        ports,
        role,
        body: body(kind, condition, retry, timeout, schemas),
        compensation: None,
        references: context.references,
        references_every_node: context.references_every_node,
    }
}

/// What is known of a node, if all of it could be compiled.
fn body(
    kind: Option<NodeKind>,
    condition: Option<Option<Expression>>,
    retry: RetryPolicy,
    timeout: Duration,
    schemas: PortSchemas,
) -> Option<DraftBody> {
    let condition = condition.map_or(Some(None), |compiled| compiled.map(Some))?;
    Some(DraftBody { kind: kind?, condition, retry, timeout, schemas })
}

/// The duration under `field`.
pub(super) fn span(item: &Item, field: &str) -> Option<Duration> {
    duration::read(item.get(field)?).ok()
}

fn retry(
    node: &Item,
    pointer: &str,
    node_type: Option<&tables::NodeType>,
    report: &mut Report,
) -> RetryPolicy {
    let standard = RetryPolicy::standard();
    let Some(item) = node.get("retry").filter(|item| item.value != ItemValue::Null) else {
        // What its body does is tried again by itself; all of it is only if it says so.
        let is_task = node_type.is_some_and(|node_type| node_type.is_task);
        return if is_task { standard } else { RetryPolicy::never() };
    };
    let limit = item.get("limit");
    let attempts = limit.and_then(|limit| number(limit, "attempts"));
    let delay = span(item, "delay").unwrap_or(standard.delay);
    let multiplier = number(item, "multiplier").unwrap_or(2.0);
    let backoff = match item.get("backoff").and_then(Item::text) {
        Some("constant") => Backoff::Constant,
        Some("linear") => Backoff::Linear,
        _ => Backoff::Exponential { multiplier },
    };
    if let (Some(given), Backoff::Constant | Backoff::Linear) = (item.get("multiplier"), backoff) {
        let message = "only an exponential delay has a multiplier";
        let help = "remove it, or set `backoff: exponential`";
        let finding = Finding::new(DiagnosticCode::InvalidValue, message, help);
        report_at(given, &format!("{pointer}/retry/multiplier"), finding, report);
    }
    RetryPolicy {
        attempts: attempts.unwrap_or(standard.attempts),
        delay,
        backoff,
        max_delay: span(item, "maxDelay").unwrap_or(standard.max_delay.max(delay)),
        jitter: item.get("jitter").and_then(|item| jitter(item, pointer, report)),
        limit: limit.and_then(|limit| span(limit, "duration")),
    }
}

fn jitter(item: &Item, pointer: &str, report: &mut Report) -> Option<Jitter> {
    let from = span(item, "from").unwrap_or_default();
    let to = span(item, "to")?;
    if from > to {
        let message = "the least jitter is larger than the most";
        let finding = Finding::new(DiagnosticCode::InvalidValue, message, "swap `from` and `to`");
        report_at(item, &format!("{pointer}/retry/jitter"), finding, report);
    }
    Some(Jitter { from, to })
}

pub(super) fn number<T: std::str::FromStr>(item: &Item, field: &str) -> Option<T> {
    let ItemValue::Number(text) = &item.get(field)?.value else { return None };
    text.parse().ok()
}

impl<'a> Context<'a> {
    /// Begins with nothing gathered.
    pub(super) fn new(source: &'a Source<'a>, report: &'a mut Report, names: Names) -> Self {
        Self { source, report, names, references: Vec::new(), references_every_node: false }
    }

    /// Compiles the expression that `item` is.
    pub(super) fn expression(&mut self, item: &Item, pointer: &str) -> Option<Expression> {
        let text = item.text()?;
        if mentions_secrets(text) {
            let finding = parameters::misplaced_secret(false);
            report_at(item, pointer, finding, self.report);
            return None;
        }
        match Expression::compile_within(text, &self.names) {
            Ok(expression) => {
                self.note(&expression, item, 0, pointer);
                Some(expression)
            }
            Err(fault) => {
                self.syntax(&fault, item, pointer);
                None
            }
        }
    }

    /// Reports an error in an expression inside `item`.
    pub(super) fn syntax(&mut self, fault: &SyntaxFault, item: &Item, pointer: &str) {
        let place = self.source.place_within(item, fault.offset);
        let help = fault.help.as_str();
        let finding = Finding::new(DiagnosticCode::InvalidExpression, &fault.message, help);
        report_within(place, pointer, finding, self.report);
    }

    /// Remembers which nodes an expression, `offset` bytes into `item`, refers to.
    pub(super) fn note(
        &mut self,
        expression: &Expression,
        item: &Item,
        offset: usize,
        pointer: &str,
    ) {
        self.references_every_node |= expression.references_every_node();
        for reference in expression.node_references() {
            self.references.push(DraftReference {
                id: reference.id.clone(),
                place: self.source.place_within(item, offset + reference.offset),
                pointer: pointer.to_owned(),
            });
        }
    }
}
