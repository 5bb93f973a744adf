//! jq expressions: compiled once with a definition, evaluated as often as needed.
//!
//! The language is jq as `jaq` implements it, without whatever looks outside the value it is
//! given: no clock, no environment, no further input, no files, no modules, no way to end the
//! process. An expression gives exactly one value; none or several is a fault that says so. What
//! it gives is bounded in size and depth.
//!
//! This does not bound the time or the memory that an evaluation takes. Functions that call
//! themselves are refused, because they can exhaust the stack.

mod fault;
mod library;
mod references;
mod syntax;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Exn, Vars, data};
use jaq_json::Val;

pub use fault::{ExpressionFault, FaultKind};
pub(crate) use references::NodeReference;
pub(crate) use syntax::{SyntaxFault, template_end};

use crate::json::{self, Json};
use library::Library;

/// The data an expression runs on: values, and nothing global.
type Kind = data::JustLut<Val>;

/// A compiled expression. Cheap to clone.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    source: String,
    filter: jaq_core::Filter<Kind>,
    variables: Vec<Variable>,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variable {
    Input,
    Context,
    Workflow,
    Task,
    Runtime,
    Nodes,
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
        let term = syntax::parse(source)?;
        let references = references::of(source, &term)?;
        let library = Library::get();
        let needed = library.needed_by(&references.calls);
        let variables: Vec<_> = known
            .iter()
            .copied()
            .filter(|variable| references.variables.contains(variable.name()))
            .collect();
        let arena = Arena::default();
        let file = File { code: source, path: () };
        let modules = Loader::new(needed.definitions).load(&arena, file).map_err(|_| {
            SyntaxFault::new(0, "the expression cannot be read", "check its syntax")
        })?;
        let filter = Compiler::default()
            .with_funs(needed.natives)
            .with_global_vars(variables.iter().map(|variable| variable.name()))
            .compile(modules)
            .map_err(|errors| syntax::undefined(source, &errors, library, known))?;
        Ok(Self(Arc::new(Compiled {
            source: source.to_owned(),
            filter,
            variables,
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
        value.map(Json::from_val).map_err(|kind| self.fault(kind))
    }

    /// Whether the expression holds for `input`: no value, `null` and `false` mean it does not.
    pub fn condition(&self, input: &Json, scope: &Scope) -> Result<bool, ExpressionFault> {
        let value = self.one(input, scope).map_err(|kind| self.fault(kind))?;
        Ok(!matches!(value, None | Some(Val::Null | Val::Bool(false))))
    }

    /// The only value that the expression gives, or none.
    ///
    /// A panic of the interpreter, which some absurd numbers bring about, is a fault like others:
    /// it leaves nothing behind, because an evaluation shares only values that never change.
    fn one(&self, input: &Json, scope: &Scope) -> Result<Option<Val>, FaultKind> {
        let run = || {
            let mut values = self.run(input, scope);
            let Some(first) = values.next().transpose()? else { return Ok(None) };
            let unfit = json::check_fit(&first).err().map(FaultKind::from);
            let more = match values.next() {
                None => None,
                Some(Ok(second)) => {
                    json::dismantle(second);
                    Some(FaultKind::SeveralValues)
                }
                Some(Err(fault)) => Some(fault),
            };
            match more.or(unfit) {
                None => Ok(Some(first)),
                Some(fault) => {
                    json::dismantle(first);
                    Err(fault)
                }
            }
        };
        catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|_| Err(FaultKind::Raised("it is beyond the interpreter".to_owned())))
    }

    pub(crate) fn fault(&self, kind: FaultKind) -> ExpressionFault {
        ExpressionFault::new(&self.0.source, kind)
    }

    fn run<'a>(
        &'a self,
        input: &Json,
        scope: &Scope,
    ) -> impl Iterator<Item = Result<Val, FaultKind>> + 'a {
        let values = self.0.variables.iter().map(|variable| variable.of(scope).val().clone());
        let context = Ctx::<Kind>::new(&self.0.filter.lut, Vars::new(values));
        let outputs = self.0.filter.id.run((context, input.val().clone()));
        outputs.map(|output| output.map_err(raised))
    }
}

/// Turns what ended an evaluation into a fault; nothing of it may reach the process.
fn raised(exception: Exn<'_, Val>) -> FaultKind {
    match exception.get_err() {
        Ok(error) => FaultKind::raised(&Json::from_val(error.into_val())),
        Err(_) => FaultKind::Raised("a `break` or `halt` left the expression".to_owned()),
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
