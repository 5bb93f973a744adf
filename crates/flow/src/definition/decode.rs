//! Takes the typed values out of a checked document.
//!
//! The shape of every value has been checked, and what is wrong with it reported; a value that
//! does not fit is left out here without another word. What is reported here is what a shape
//! cannot say: expressions, schemas, names that occur twice.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_model::{Name, Version, limits};

use crate::diagnostic::{DiagnosticCode, Finding, Report};
use crate::duration;
use crate::expression::{Expression, SyntaxFault, Variable};
use crate::graph::{
    Document, DraftBody, DraftConnections, DraftNode, DraftReference, Header, NodeKind,
    PortSchemas, Role,
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
    pub(super) nodes: Vec<DraftNode>,
    pub(super) connections: DraftConnections,
    pub(super) triggers: Vec<Trigger>,
}

/// What the decoding of one node's values needs and gathers.
pub(super) struct Context<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) report: &'a mut Report,
    references: Vec<DraftReference>,
    references_every_node: bool,
}

/// Decodes the whole document.
pub(super) fn document(source: &Source<'_>, report: &mut Report) -> Decoded {
    let root = &source.root;
    let header = header(root, report);
    let triggers = triggers::triggers(root, source, report);
    let nodes = root.get("nodes").map(|item| nodes(item, source, report)).unwrap_or_default();
    let items = root.get("connections").map(Item::items).unwrap_or_default();
    let items = &items[..items.len().min(limits::FLOW_CONNECTIONS)];
    let read = items.iter().enumerate().filter_map(|(index, item)| {
        connection::decode(item, &format!("/connections/{index}"), report)
    });
    let list: Vec<_> = read.collect();
    let complete = list.len() == items.len();
    Decoded { header, nodes, connections: DraftConnections { list, complete }, triggers }
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

fn nodes(list: &Item, source: &Source<'_>, report: &mut Report) -> Vec<DraftNode> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (index, item) in list.items().iter().take(limits::FLOW_NODES).enumerate() {
        let pointer = format!("/nodes/{index}");
        let Some(id) = item.get("id").and_then(Item::text).filter(|id| is_identifier(id)) else {
            continue;
        };
        if let Some(first) = seen.insert(id, index) {
            let message = format!("there are two nodes `{id}`");
            let help = format!("rename one; the other is at /nodes/{first}");
            let finding = Finding::new(DiagnosticCode::DuplicateName, message, help);
            let at = item.get("id").unwrap_or(item);
            report_at(at, &format!("{pointer}/id"), finding, report);
        }
        nodes.push(node(item, id, pointer, Context::new(source, report)));
    }
    nodes
}

fn node(item: &Item, id: &str, pointer: String, mut context: Context<'_>) -> DraftNode {
    let node_type = item.get("type").and_then(Item::text).and_then(tables::node_type);
    let none = Item { place: item.place, value: ItemValue::Map(Vec::new()) };
    let given = item.get("parameters").filter(|item| item.value != ItemValue::Null);
    let given = given.unwrap_or(&none);
    let path = format!("{pointer}/parameters");
    let ports = node_type.map(|node_type| parameters::ports(node_type.name, given));
    let condition = item.get("if").filter(|item| item.value != ItemValue::Null);
    let condition = condition.map(|item| context.expression(item, &format!("{pointer}/if")));
    let kind = node_type.and_then(|node_type| {
        parameters::Parameters { item: given, pointer: &path, context: &mut context }
            .decode(node_type.name)
    });
    let role = match node_type.map(|node_type| node_type.name) {
        Some("start") => Role::Start,
        Some("end") => Role::End,
        _ => Role::Inner,
    };
    let is_task = node_type.is_some_and(|node_type| node_type.is_task);
    let retry = if is_task { retry(item, &pointer, context.report) } else { RetryPolicy::never() };
    let timeout = span(item, "timeout").unwrap_or(limits::DEFAULT_TASK_TIMEOUT);
    let schemas = schemas::of_ports(item, &pointer, context.report);
    DraftNode {
        id: id.to_owned(),
        place: item.place,
        pointer,
        ports,
        role,
        body: body(kind, condition, retry, timeout, schemas),
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

fn retry(node: &Item, pointer: &str, report: &mut Report) -> RetryPolicy {
    let standard = RetryPolicy::standard();
    let Some(item) = node.get("retry") else { return standard };
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
    pub(super) fn new(source: &'a Source<'a>, report: &'a mut Report) -> Self {
        Self { source, report, references: Vec::new(), references_every_node: false }
    }

    /// Compiles the expression of a node that `item` is.
    pub(super) fn expression(&mut self, item: &Item, pointer: &str) -> Option<Expression> {
        self.compiled(item, pointer, Variable::OF_NODES)
    }

    /// Compiles the expression that `item` is, which may name these variables.
    pub(super) fn compiled(
        &mut self,
        item: &Item,
        pointer: &str,
        known: &'static [Variable],
    ) -> Option<Expression> {
        let text = item.text()?;
        if mentions_secrets(text) {
            let finding = parameters::misplaced_secret(false);
            report_at(item, pointer, finding, self.report);
            return None;
        }
        match Expression::compile_with(text, known) {
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
