//! What expressions see beside their input: `$input`, `$workflow`, `$task`, `$nodes` and so on,
//! as the Open Workflow Specification names them.
//!
//! Made only for nodes whose expressions use a variable at all, and with only those outputs in
//! `$nodes` that they name.

use flowmill_flow::{Expression, Json, Scope};
use flowmill_model::{Activation, NodeIndex, Problem, Timestamp};

use crate::draft::Draft;
use crate::nodes::unreadable;

/// The part of a scope that is the same for every node of a decision.
#[derive(Default)]
pub(crate) struct Scopes {
    base: Option<Scope>,
}

impl Draft<'_> {
    /// The scope of a run of a node.
    pub(crate) fn scope(&mut self, activation: Activation) -> Result<Scope, Problem> {
        let flow = self.flow;
        let expressions = flow.node(activation.node).expressions();
        // Variables cannot be named without a dollar sign.
        if !expressions.iter().any(|expression| expression.source().contains('$')) {
            return Ok(Scope::default());
        }
        let base = match self.scopes.base.take() {
            Some(base) => base,
            None => self.base_scope()?,
        };
        let nodes = self.outputs(&expressions)?;
        let task = self.describe(activation);
        self.scopes.base = Some(base.clone());
        Ok(Scope { task, nodes, ..base })
    }

    fn base_scope(&mut self) -> Result<Scope, Problem> {
        let input = match self.state.input().cloned() {
            Some(input) => self.values.parse(&input).map_err(|error| unreadable(&error))?,
            None => Json::null(),
        };
        let workflow = self.workflow(&input);
        let runtime = Json::object([
            ("name", Json::string("flowmill")),
            ("version", Json::string(env!("CARGO_PKG_VERSION"))),
        ]);
        let context = self.context()?;
        Ok(Scope { input, context, workflow, runtime, ..Scope::default() })
    }

    /// The execution's context; an empty object while it was never set.
    pub(crate) fn context(&mut self) -> Result<Json, Problem> {
        match self.state.context.0.clone() {
            Some(context) => self.values.parse(&context).map_err(|error| unreadable(&error)),
            None => Ok(Json::object::<&str>([])),
        }
    }

    fn workflow(&self, input: &Json) -> Json {
        let document = &self.flow.document;
        let definition = Json::object([
            ("namespace", Json::string(document.namespace.as_str())),
            ("name", Json::string(document.name.as_str())),
            ("version", Json::string(document.version.as_str())),
        ]);
        let started_at = self.state.started_at().unwrap_or_default();
        Json::object([
            ("id", Json::string(self.state.id().to_string())),
            ("definition", definition),
            ("input", input.clone()),
            ("startedAt", date_time(started_at)),
        ])
    }

    fn describe(&self, activation: Activation) -> Json {
        let Activation { node, iteration } = activation;
        Json::object([
            ("name", Json::string(&self.flow.node(node).id)),
            ("reference", Json::string(format!("/nodes/{node}"))),
            ("iteration", Json::from(u64::from(iteration))),
            ("startedAt", date_time(self.moment.now)),
        ])
    }

    /// The outputs so far of the nodes that the expressions name, by id.
    fn outputs(&mut self, expressions: &[&Expression]) -> Result<Json, Problem> {
        let flow = self.flow;
        let every = expressions.iter().any(|expression| expression.references_every_node());
        let mut wanted: Vec<NodeIndex> = if every {
            self.state.outputs.keys().copied().collect()
        } else {
            let ids = expressions.iter().flat_map(|expression| expression.nodes_referenced());
            ids.filter_map(|id| flow.node_index(id)).collect()
        };
        wanted.sort_unstable();
        wanted.dedup();
        let mut entries = Vec::with_capacity(wanted.len());
        for node in wanted {
            let Some(output) = self.state.outputs.get(&node).cloned() else { continue };
            let value = self.values.parse(&output).map_err(|error| unreadable(&error))?;
            entries.push((&flow.node(node).id, value));
        }
        Ok(Json::object(entries))
    }
}

/// A point in time as the specification describes one.
fn date_time(at: Timestamp) -> Json {
    let millis = at.as_millis();
    let epoch = Json::object([
        ("seconds", Json::from(millis / 1_000)),
        ("milliseconds", Json::from(millis)),
    ]);
    Json::object([("iso8601", Json::string(at.to_string())), ("epoch", epoch)])
}
