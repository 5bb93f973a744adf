//! Types on their way through the graph: what each connection gives, and whether it fits.
//!
//! **Invariant:** a value that leaves a port is of the port's type. It rests on these checks of the
//! engine: an execution's input against the flow's schema; what a node makes against the node's
//! `output.schema`; what a node takes against its `input.schema`, unless every value fits. What is
//! not known, or takes too many steps to find out, is any value, and is checked.
//!
//! Not here: the types of what blocks are run for, and give. Nor those of expressions. What a `map` gives is what its document says, or any value.

use flowmill_model::{BlockIndex, NodeIndex, limits};
use flowmill_types::{Doubt, Effort, Fault, Misfit, Type, TypeError, Verdict, relate_with};

use super::build::Edge;
use super::{Connection, Fit, Flow, MergeMode, Node, NodeKind, known, once};
use crate::diagnostic::{DiagnosticCode, Finding, Report};
use crate::schema::Schema;

/// The schemas that a node has for its ports.
#[derive(Clone, Debug, Default)]
pub struct PortSchemas {
    /// What the node takes. Values on connections that are not in doubt fit it anyway.
    pub input: Option<Schema>,
    /// What leaves the ordinary port is made to fit it.
    pub output: Option<Schema>,
}

/// The flow with a verdict on each connection.
pub(super) fn typed(mut flow: Flow) -> Flow {
    let fits = Typing::new(&flow).judge();
    for (connection, fit) in flow.connections.iter_mut().zip(fits) {
        connection.fit = fit;
    }
    // What is known of a node type matters as soon as a verdict can save a check.
    if flow.nodes.iter().any(|node| node.schemas.input.is_some()) {
        for node in &mut flow.nodes {
            let declared = node.schemas.output.take();
            node.schemas.output = declared.or_else(|| known::output_schema(&node.kind));
        }
    }
    flow
}

/// Reports the connections by which nothing can pass; `edges` are those of the flow, in order.
pub(super) fn refuse(flow: &Flow, edges: &[Edge], report: &mut Report) {
    for (connection, edge) in flow.connections.iter().zip(edges) {
        if let Verdict::Incompatible { misfit } = &connection.fit.verdict {
            let finding = incompatible(flow, connection, misfit);
            report.add(finding.at(edge.place, &edge.pointer));
        }
    }
}

fn incompatible(flow: &Flow, connection: &Connection, misfit: &Misfit) -> Finding {
    let (source, target) = (flow.source_of(connection), flow.target_of(connection));
    let why = connection.fit.why().unwrap_or_default();
    let code = DiagnosticCode::IncompatibleTypes;
    if matches!(misfit, Misfit::Denied { .. }) {
        let message = format!("`{target}` does not take what `{source}` gives: {why}");
        return Finding::new(code, message, "connect it to another node");
    }
    let given = connection.fit.given.describe();
    let taken = connection.fit.taken.as_ref().map(Type::describe).unwrap_or_default();
    let message = format!(
        "nothing that `{source}` gives fits `{target}`: it gives {given}, and {taken} is taken; {why}"
    );
    let node = flow.node(connection.to);
    let declared = match node.schemas.input {
        Some(_) => format!("the `input.schema` of `{}`", node.id),
        None => "the flow's `output.schema`".to_owned(),
    };
    let help = format!("put a map between the two that makes what is taken, or correct {declared}");
    Finding::new(code, message, help)
}

/// Types on their way, nodes in topological order.
struct Typing<'a> {
    flow: &'a Flow,
    effort: Effort,
    /// What each node gives by its ports other than `error`, as far as it was come to.
    given: Vec<Type>,
    fits: Vec<Fit>,
}

/// What a port takes, in the words of its schema.
struct Target {
    value: Type,
    /// Why no more is known of it.
    doubt: Option<Doubt>,
}

/// What comes to a node, by each of its connections.
struct Arrival {
    /// What is on them.
    came: Vec<Type>,
    /// What the node then has.
    taken: Vec<Type>,
}

impl<'a> Typing<'a> {
    fn new(flow: &'a Flow) -> Self {
        Self {
            flow,
            effort: Effort::new(limits::FLOW_TYPE_STEPS),
            given: vec![Type::any(); flow.nodes.len()],
            fits: vec![Fit::default(); flow.connections.len()],
        }
    }

    fn judge(mut self) -> Vec<Fit> {
        let flow = self.flow;
        let ends_once = flow.output_schema.is_some() && once::reaches_end(flow);
        for &index in &flow.order {
            let node = &flow.nodes[index.index()];
            let of_end = flow.output_schema.as_ref();
            let of_end = of_end.filter(|_| ends_once && is_end(node));
            let arrival = self.arrive(node, node.schemas.input.as_ref().or(of_end));
            self.give(index, &arrival);
        }
        self.fits
    }

    /// Judges what comes to a node.
    fn arrive(&mut self, node: &Node, schema: Option<&Schema>) -> Arrival {
        let target = schema.map(|schema| self.target(schema));
        let (mut came, mut taken) = (Vec::new(), Vec::new());
        for index in &node.incoming {
            let given = self.on(&self.flow.connections[index.index()]);
            let fit = self.fit(given.clone(), target.as_ref());
            let checked = target.as_ref().filter(|_| fit.is_in_doubt());
            taken.push(checked.map_or_else(|| given.clone(), |target| target.value.clone()));
            came.push(given);
            self.fits[index.index()] = fit;
        }
        Arrival { came, taken }
    }

    /// The type of what is on a connection.
    fn on(&self, connection: &Connection) -> Type {
        let node = &self.flow.nodes[connection.from.index()];
        if node.error_port == Some(connection.port) {
            return known::problem();
        }
        self.given[connection.from.index()].clone()
    }

    fn target(&mut self, schema: &Schema) -> Target {
        match schema.read_type(&mut self.effort) {
            Ok(value) => Target { value, doubt: None },
            Err(error) => Target { value: Type::any(), doubt: Some(unread(&error)) },
        }
    }

    fn fit(&mut self, given: Type, target: Option<&Target>) -> Fit {
        let verdict = match target {
            None if given.is_any() => Verdict::Exact,
            None => Verdict::Subtype,
            Some(Target { doubt: Some(doubt), .. }) => {
                Verdict::RuntimeCheck { doubt: doubt.clone() }
            }
            // No node type has a matrix, so structure decides.
            Some(Target { value, doubt: None }) => {
                relate_with(&given, value, &mut self.effort).into()
            }
        };
        Fit { given, taken: target.map(|target| target.value.clone()), verdict }
    }

    /// Notes what a node gives.
    fn give(&mut self, index: NodeIndex, arrival: &Arrival) {
        let node = &self.flow.nodes[index.index()];
        let made = match &node.kind {
            NodeKind::Start if node.block == BlockIndex::ROOT => {
                self.declared(self.flow.input_schema.as_ref())
            }
            // An item, or the value of a round or an attempt.
            NodeKind::Start => Type::any(),
            NodeKind::ForEach { .. } => {
                Type::array_of(&Type::any(), 0, limits::FOR_EACH_ITEMS as u64)
            }
            NodeKind::While { .. } | NodeKind::Try { .. } | NodeKind::Race { .. } => Type::any(),
            NodeKind::Filter { .. }
            | NodeKind::Set { .. }
            | NodeKind::Switch { .. }
            | NodeKind::Wait(_)
            | NodeKind::Merge { mode: MergeMode::Any } => self.any_of(&arrival.taken),
            // Branches that ended are left out.
            NodeKind::Merge { mode: MergeMode::All } => {
                Type::array_of(&self.any_of(&arrival.taken), 1, node.incoming.len() as u64)
            }
            NodeKind::Merge { mode: MergeMode::Count(count) } => {
                let count = count.get() as u64;
                Type::array_of(&self.any_of(&arrival.taken), count, count)
            }
            NodeKind::Map { .. } | NodeKind::Signal { .. } | NodeKind::Task { .. } => {
                self.declared(node.schemas.output.as_ref())
            }
            NodeKind::HttpRequest { .. } | NodeKind::KafkaProduce { .. } => {
                match node.schemas.output.as_ref() {
                    Some(schema) => self.declared(Some(schema)),
                    None => known::output(&node.kind),
                }
            }
            NodeKind::End | NodeKind::Fail { .. } => Type::never(),
        };
        self.given[index.index()] = match node.condition {
            // A value for which it does not hold goes past the node as it came.
            Some(_) => {
                let came = self.any_of(&arrival.came);
                self.any_of(&[made, came])
            }
            None => made,
        };
    }

    fn any_of(&mut self, types: &[Type]) -> Type {
        Type::union_with(types, &mut self.effort)
    }

    /// The type of values that are of a schema; any if there is none, or it cannot be read.
    fn declared(&mut self, schema: Option<&Schema>) -> Type {
        let read = schema.map(|schema| schema.read_type(&mut self.effort));
        read.and_then(Result::ok).unwrap_or_else(Type::any)
    }
}

/// Whether a node takes the execution's output.
pub(super) fn is_end(node: &Node) -> bool {
    matches!(node.kind, NodeKind::End) && node.block == BlockIndex::ROOT
}

fn unread(error: &TypeError) -> Doubt {
    if matches!(error.fault, Fault::Excess(_)) { Doubt::TooComplex } else { Doubt::Undecided }
}

#[cfg(test)]
mod tests;
