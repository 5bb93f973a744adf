//! A decision in the making: the state as it will be, and the events that lead there.
//!
//! **Invariant:** the state changes only by [`Draft::record`], which folds what it records. So the
//! state of a finished draft is the fold of its events.

use std::collections::BTreeSet;

use flowmill_flow::Flow;
use flowmill_model::event::{Emission, Event, Faulted, NodeFailed, ResultPlace, TimerSet, Value};
use flowmill_model::{
    Activation, ConnectionIndex, FrameId, NodeIndex, Payload, PortIndex, Problem, TimerId,
    Timestamp,
};

use crate::command::Moment;
use crate::evolve::evolve;
use crate::execution::{Active, Execution, Task};
use crate::incident;
use crate::scope::Scopes;
use crate::values::Values;

/// A decision in the making.
pub(crate) struct Draft<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) moment: &'a Moment,
    pub(crate) state: Execution,
    pub(crate) events: Vec<Event>,
    pub(crate) values: Values,
    pub(crate) scopes: Scopes,
    /// Nodes that a token has reached, each in a frame.
    pub(crate) ready: BTreeSet<(FrameId, NodeIndex)>,
    /// Nodes that own blocks and may go on with them.
    pub(crate) owners: BTreeSet<Activation>,
    /// At most how many bytes the events take.
    pub(crate) bytes: usize,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(flow: &'a Flow, execution: &Execution, moment: &'a Moment) -> Self {
        Self {
            flow,
            moment,
            state: execution.clone(),
            events: Vec::with_capacity(4),
            values: Values::default(),
            scopes: Scopes::default(),
            ready: BTreeSet::new(),
            owners: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Adds an event and folds it into the state.
    pub(crate) fn record(&mut self, event: impl Into<Event>) {
        let event = event.into();
        evolve(&mut self.state, &event);
        self.bytes = self.bytes.saturating_add(event.size_bound());
        self.events.push(event);
    }

    /// A new timer. `place` tells the timers of one event apart.
    pub(crate) fn timer(&self, place: u32, due: Timestamp) -> TimerSet {
        let id = TimerId::new(self.state.next_timer.get().saturating_add(place));
        TimerSet { id, due }
    }

    /// What `node` puts out on `port`, an ordinary one.
    pub(crate) fn emission(
        &mut self,
        frame: FrameId,
        node: NodeIndex,
        port: PortIndex,
        value: Value,
    ) -> Emission {
        let connections = self.connections(frame, node, port);
        let (keep, result) = self.kept(node, !connections.is_empty());
        Emission { value, port, connections, keep, result }
    }

    /// Whether later expressions look at what `node` puts out, and whether it is part of its block's
    /// output: what leads nowhere is, in a block without an `end`.
    pub(crate) fn kept(&self, node: NodeIndex, leads_on: bool) -> (bool, Option<ResultPlace>) {
        let node = self.flow.node(node);
        let is_leaf = !leads_on && !self.flow.block(node.block).has_end;
        (node.output_referenced, is_leaf.then_some(0))
    }

    pub(crate) fn connections(
        &mut self,
        frame: FrameId,
        node: NodeIndex,
        port: PortIndex,
    ) -> Vec<ConnectionIndex> {
        let ports = &self.flow.node(node).ports;
        let connections = ports.get(port.index()).map_or(&[][..], |port| &port.connections);
        let connections = connections.to_vec();
        let targets = connections.iter().map(|index| (frame, self.flow.connection(*index).to));
        self.ready.extend(targets);
        connections
    }

    /// Fails a run that holds no activation: its tokens are still on their connections.
    pub(crate) fn fail_run(
        &mut self,
        frame: FrameId,
        activation: Activation,
        consumed: Vec<ConnectionIndex>,
        problem: Problem,
    ) {
        self.fail(frame, activation, (consumed, Vec::new()), problem);
    }

    /// Fails an activation: a task, a wait for a signal, a node that owns blocks.
    pub(crate) fn fail_active(&mut self, activation: Activation, problem: Problem) {
        let beneath = self.state.beneath(activation);
        let mut cleared = self.timers_of(activation);
        cleared.extend(self.timers_of_all(&beneath));
        let frame = self.state.frame_of(activation);
        self.fail(frame, activation, (Vec::new(), cleared), problem);
    }

    fn fail(
        &mut self,
        frame: FrameId,
        activation: Activation,
        (consumed, cleared): (Vec<ConnectionIndex>, Vec<TimerId>),
        problem: Problem,
    ) {
        let node = activation.node;
        let problem = self.bounded(problem, node);
        let Some(port) = self.flow.node(node).error_port else {
            return self.raise(frame, activation, problem);
        };
        let connections = self.connections(frame, node, port);
        if connections.is_empty() {
            return self.raise(frame, activation, problem);
        }
        let value = Value::New(self.values.write(incident::json(&problem)));
        let emission = Emission { value, port, connections, keep: false, result: None };
        self.record(NodeFailed { activation, consumed, cleared, emission, frame });
    }

    /// Ends the frame by an error of a run in it, or the execution if it is that of the flow.
    pub(crate) fn raise(&mut self, frame: FrameId, activation: Activation, problem: Problem) {
        match frame {
            FrameId::ROOT => self.fault(Some(activation), problem),
            frame => self.fail_frame(frame, Some(activation), problem),
        }
    }

    /// Ends the execution by an error.
    pub(crate) fn fault(&mut self, activation: Option<Activation>, problem: Problem) {
        let (cleared, at) = (self.all_timers(), self.moment.now);
        self.record(Faulted { problem, activation, cleared, at });
    }

    /// The problem with its place in the definition, its texts cut to their limits.
    pub(crate) fn bounded(&self, problem: Problem, node: NodeIndex) -> Problem {
        let node = self.flow.node(node);
        // An error of a node inside has its place already.
        if node.kind.body().is_some() && problem.instance.is_some() {
            return incident::bounded(problem);
        }
        incident::bounded(problem.with_instance(&node.pointer))
    }

    pub(crate) fn timers_of(&self, activation: Activation) -> Vec<TimerId> {
        let own = |timer: &&crate::execution::Timer| timer.activation == Some(activation);
        let timers = self.state.timers.iter();
        timers.filter(|(_, timer)| own(timer)).map(|(id, _)| *id).collect()
    }

    /// The timers of these activations.
    pub(crate) fn timers_of_all(&self, activations: &[Activation]) -> Vec<TimerId> {
        let timers = self.state.timers.iter();
        let own =
            timers.filter(|(_, timer)| timer.activation.is_some_and(|a| activations.contains(&a)));
        own.map(|(id, _)| *id).collect()
    }

    pub(crate) fn all_timers(&self) -> Vec<TimerId> {
        self.state.timers.keys().copied().collect()
    }

    pub(crate) fn task(&self, activation: Activation) -> Option<&Task> {
        match self.state.active.get(&activation)? {
            Active::Task(task) => Some(task),
            Active::Wait(_) | Active::Signal(_) | Active::Owner(_) => None,
        }
    }

    /// The name of a node's next run.
    pub(crate) fn next_run(&self, node: NodeIndex) -> Activation {
        Activation::new(node, self.state.runs_of(node))
    }

    /// The oldest token on a connection.
    pub(crate) fn token(&self, frame: FrameId, connection: ConnectionIndex) -> Option<&Payload> {
        self.state.tokens(frame)?.get(&connection)?.front()
    }
}
