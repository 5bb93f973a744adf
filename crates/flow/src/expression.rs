//! jq expressions: compiled once with a definition, evaluated as often as needed.
//!
//! The language is that of `flowmill-jq`: jq 1.8.1 without whatever looks outside the value it is
//! given. An expression gives exactly one value; none or several is a fault that says so. The
//! time, the memory and the stacks of an evaluation are bounded, and so are the size and the depth
//! of what it gives; over a bound it is a fault, too.

mod fault;
mod names;
mod references;
mod syntax;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flowmill_jq::{Failure, Limits, Program, Value};
use flowmill_model::limits;

pub use fault::{ExpressionFault, FaultKind};
pub use names::Names;
pub(crate) use references::NodeReference;
pub use syntax::{SyntaxFault, template_end};

use crate::json::{self, Json};

/// What one evaluation may use.
const LIMITS: Limits = Limits {
    steps: limits::EXPRESSION_STEPS,
    bytes: limits::EXPRESSION_MEMORY_BYTES,
    stack: limits::EXPRESSION_STACK,
    nesting: limits::EXPRESSION_VALUE_DEPTH,
};

/// A compiled expression. Cheap to clone.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    source: String,
    program: Program,
    names: Names,
    nodes: Vec<NodeReference>,
    every_node: bool,
}

/// The values behind an expression's variables.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// `$input`: the execution's input.
    pub input: Json,
    /// `$context`: the execution's context.
    pub context: Json,
    /// `$workflow`: the flow and the execution.
    pub workflow: Json,
    /// `$task`: the node and its run.
    pub task: Json,
    /// `$runtime`: the engine.
    pub runtime: Json,
    /// `$nodes`: an object of outputs by node id.
    pub nodes: Json,
    /// `$record`: the record that a trigger read; known in triggers only.
    pub record: Json,
    /// The values of bound names, without their `$`, the innermost last; a name that is not among
    /// them is `null`.
    pub bound: Vec<(Arc<str>, Json)>,
}

/// A variable that has a meaning of its own: a field of [`Scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// `$input`.
    Input,
    /// `$context`.
    Context,
    /// `$workflow`.
    Workflow,
    /// `$task`.
    Task,
    /// `$runtime`.
    Runtime,
    /// `$nodes`.
    Nodes,
    /// `$record`.
    Record,
}

impl Variable {
    /// What an expression of a node may name.
    pub(crate) const OF_NODES: &'static [Self] =
        &[Self::Input, Self::Context, Self::Workflow, Self::Task, Self::Runtime, Self::Nodes];

    /// What an expression of a trigger may name: there is no execution yet.
    pub(crate) const OF_TRIGGERS: &'static [Self] = &[Self::Record];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Input => "$input",
            Self::Context => "$context",
            Self::Workflow => "$workflow",
            Self::Task => "$task",
            Self::Runtime => "$runtime",
            Self::Nodes => "$nodes",
            Self::Record => "$record",
        }
    }

    /// The name without its `$`.
    pub(crate) fn bare_name(self) -> &'static str {
        self.name().trim_start_matches('$')
    }

    const fn of(self, scope: &Scope) -> &Json {
        match self {
            Self::Input => &scope.input,
            Self::Context => &scope.context,
            Self::Workflow => &scope.workflow,
            Self::Task => &scope.task,
            Self::Runtime => &scope.runtime,
            Self::Nodes => &scope.nodes,
            Self::Record => &scope.record,
        }
    }
}

impl Scope {
    /// The innermost value that is bound to a name.
    fn bound_value(&self, name: &str) -> Value {
        let found = self.bound.iter().rev().find(|(bound, _)| &**bound == name);
        found.map_or(Value::Null, |(_, value)| value.value().clone())
    }
}

impl Expression {
    /// Compiles an expression of a node.
    pub(crate) fn compile(source: &str) -> Result<Self, SyntaxFault> {
        Self::compile_with(source, Variable::OF_NODES)
    }

    /// Compiles an expression that may name these variables.
    pub(crate) fn compile_with(
        source: &str,
        known: &'static [Variable],
    ) -> Result<Self, SyntaxFault> {
        Self::compile_within(source, &Names::of(known))
    }

    /// Compiles an expression that may name these variables and bound names.
    ///
    /// # Errors
    /// When the text is no expression, or names something else.
    pub fn compile_within(source: &str, names: &Names) -> Result<Self, SyntaxFault> {
        let program = syntax::compile(source, names)?;
        let references = references::of(&program, names);
        Ok(Self(Arc::new(Compiled {
            source: source.to_owned(),
            program,
            names: names.clone(),
            nodes: references.nodes,
            every_node: references.every_node,
        })))
    }

    /// The expression's text.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The ids that occur as `$nodes.<id>`, each once, in alphabetical order. An expression that
    /// uses `$nodes` in another way may look at every node; see
    /// [`references_every_node`](Self::references_every_node).
    pub fn nodes_referenced(&self) -> impl Iterator<Item = &str> {
        self.0.nodes.iter().map(|node| node.id.as_str())
    }

    /// Whether `$nodes` is used other than as `$nodes.<id>`.
    pub fn references_every_node(&self) -> bool {
        self.0.every_node
    }

    pub(crate) fn node_references(&self) -> &[NodeReference] {
        &self.0.nodes
    }

    /// The one value that the expression gives for `input`.
    pub fn evaluate(&self, input: &Json, scope: &Scope) -> Result<Json, ExpressionFault> {
        let value = self.one(input, scope).and_then(|value| value.ok_or(FaultKind::NoValue));
        value.map(Json::from_value).map_err(|kind| self.fault(kind))
    }

    /// Whether the expression holds for `input`: no value, `null` and `false` mean it does not.
    pub fn condition(&self, input: &Json, scope: &Scope) -> Result<bool, ExpressionFault> {
        let value = self.one(input, scope).map_err(|kind| self.fault(kind))?;
        Ok(!matches!(value, None | Some(Value::Null | Value::Bool(false))))
    }

    /// The only value that the expression gives, or none.
    ///
    /// A panic of the evaluator would be a mistake of ours. It must not take a trigger or a shard
    /// with it, and leaves nothing behind: an evaluation shares only values that never change.
    fn one(&self, input: &Json, scope: &Scope) -> Result<Option<Value>, FaultKind> {
        catch_unwind(AssertUnwindSafe(|| self.outputs(input, scope)))
            .unwrap_or_else(|_| Err(FaultKind::Raised("it is beyond the evaluator".to_owned())))
    }

    fn outputs(&self, input: &Json, scope: &Scope) -> Result<Option<Value>, FaultKind> {
        let Names { known, bound } = &self.0.names;
        let known = known.iter().map(|variable| variable.of(scope).value().clone());
        let values = known.chain(bound.iter().map(|name| scope.bound_value(name))).collect();
        let mut values = self.0.program.run(input.value().clone(), values, LIMITS);
        let Some(first) = values.next().transpose().map_err(failed)? else { return Ok(None) };
        match values.next() {
            None => {}
            Some(Ok(_)) => return Err(FaultKind::SeveralValues),
            Some(Err(failure)) => return Err(failed(failure)),
        }
        json::check_fit(&first)?;
        Ok(Some(first))
    }

    pub(crate) fn fault(&self, kind: FaultKind) -> ExpressionFault {
        ExpressionFault::new(&self.0.source, kind)
    }
}

/// What ended an evaluation, as a fault.
fn failed(failure: Failure) -> FaultKind {
    match failure {
        Failure::Raised(error) => FaultKind::raised(&Json::from_value(error)),
        Failure::Fault(fault) => fault.into(),
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.0.source)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

#[cfg(test)]
mod tests;
