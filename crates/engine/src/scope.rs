//! What expressions see beside their input: `$input`, `$workflow`, `$task`, `$nodes` and so on,
//! as the Open Workflow Specification names them.
//!
//! Made only for nodes whose expressions use a variable at all, and with only those outputs in
//! `$nodes` that they name.

use std::collections::BTreeMap;

use flowmill_flow::{Expression, Json, Scope};
use flowmill_model::{Activation, FrameId, NodeIndex, Payload, Problem, Timestamp};

use crate::draft::Draft;
use crate::nodes::{Run, unreadable};

/// The part of a scope that is the same for every node of a decision.
#[derive(Default)]
pub(crate) struct Scopes {
    base: Option<Scope>,
}

impl Draft<'_> {
    /// The scope of a run of a node.
    pub(crate) fn scope(&mut self, run: &Run) -> Result<Scope, Problem> {
        self.scope_at(run.activation, run.frame)
    }

    /// The scope of a run of a node in this frame.
    pub(crate) fn scope_at(
        &mut self,
        activation: Activation,
        frame: FrameId,
    ) -> Result<Scope, Problem> {
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
        let nodes = self.outputs(&expressions, frame)?;
        let task = self.describe(activation);
        self.scopes.base = Some(base.clone());
        let mut scope = Scope { task, nodes, ..base };
        self.bind(&mut scope, frame)?;
        Ok(scope)
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
            ("reference", Json::string(&self.flow.node(node).pointer)),
            ("iteration", Json::from(u64::from(iteration))),
            ("startedAt", date_time(self.moment.now)),
        ])
    }

    /// The outputs so far of the nodes that the expressions name, by id: those of this frame and of
    /// the frames around it.
    fn outputs(&mut self, expressions: &[&Expression], frame: FrameId) -> Result<Json, Problem> {
        let flow = self.flow;
        let every = expressions.iter().any(|expression| expression.references_every_node());
        let ids = expressions.iter().flat_map(|expression| expression.nodes_referenced());
        let named: Vec<NodeIndex> = ids.filter_map(|id| flow.node_index(id)).collect();
        let mut found: BTreeMap<NodeIndex, Payload> = BTreeMap::new();
        for frame in self.around(frame) {
            let outputs = self.state.outputs_in(frame).into_iter().flatten();
            let wanted = outputs.filter(|(node, _)| every || named.contains(node));
            found.extend(wanted.map(|(node, output)| (*node, output.clone())));
        }
        let mut entries = Vec::with_capacity(found.len());
        for (node, output) in found {
            let value = self.values.parse(&output).map_err(|error| unreadable(&error))?;
            entries.push((&flow.node(node).id, value));
        }
        Ok(Json::object(entries))
    }

    /// A frame and those around it, to that of the flow itself.
    fn around(&self, frame: FrameId) -> Vec<FrameId> {
        let outer = |frame: &FrameId| Some(self.state.frame_of(self.state.frame(*frame)?.owner));
        std::iter::successors(Some(frame), outer).collect()
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
