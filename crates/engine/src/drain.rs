//! Runs what can run, until everything waits for a worker, a time, a signal, or has ended.
//!
//! A node runs once per token that reaches it, in the order of nodes; a `merge` of mode `all`
//! runs when each connection into it has a token or is closed, and one has a token; a `merge` of so
//! many branches when so many have one, or no more will. A connection
//! is closed when no token can ever come by it again: that follows from the state, so skipped
//! branches need no events of their own.

use std::collections::BTreeMap;

use flowmill_flow::{MergeMode, NodeKind};
use flowmill_model::event::Completed;
use flowmill_model::{
    BlockIndex, ConnectionIndex, ErrorCode, FrameId, NodeIndex, Payload, Problem, limits,
};

use crate::draft::Draft;
use crate::nodes::{self, Run};
use crate::output;

impl Draft<'_> {
    /// Runs what can run. Nothing does in an execution that is suspended or has ended.
    pub(crate) fn drain(&mut self) {
        if self.stands_still() {
            return;
        }
        if self.state.runs.is_empty() {
            nodes::start(self, FrameId::ROOT);
        }
        for frame in self.frames() {
            let flow = self.flow;
            let targets = self.state.tokens(frame).into_iter().flat_map(BTreeMap::keys);
            self.ready.extend(targets.map(|index| (frame, flow.connection(*index).to)));
        }
        self.owners.extend(self.state.owners());
        while !self.stands_still() {
            if let Some(frame) = self.decided() {
                self.close(frame);
            } else if let Some((frame, node)) = self.ready.pop_first() {
                self.run_tokens(frame, node);
            } else if let Some((frame, node, wanted)) = self.joinable() {
                self.join(frame, node, wanted);
            } else if let Some(frame) = self.finished() {
                self.close(frame);
            } else if let Some(owner) = self.owners.pop_first() {
                self.advance(owner);
            } else if self.state.active.is_empty() {
                return self.complete();
            } else {
                return;
            }
        }
    }

    /// Every frame, that of the flow itself first.
    fn frames(&self) -> Vec<FrameId> {
        let open = self.state.frames.0.open.keys().copied();
        std::iter::once(FrameId::ROOT).chain(open).collect()
    }

    fn stands_still(&self) -> bool {
        self.state.is_ended() || self.state.suspension.is_some()
    }

    /// Runs a node once per token in front of it.
    fn run_tokens(&mut self, frame: FrameId, node: NodeIndex) {
        let flow = self.flow;
        if self.joins(frame, node).is_some() {
            return;
        }
        for connection in &flow.node(node).incoming {
            while let Some(token) = self.token(frame, *connection).cloned() {
                if self.state.is_ended() || !self.may_go_on() {
                    return;
                }
                let activation = self.next_run(node);
                nodes::run(self, &Run { activation, frame, connection: *connection, token });
            }
        }
    }

    /// How many branches a `merge` that joins them waits for; nothing of other nodes, and of one
    /// that has waited for some and passes no more.
    fn joins(&self, frame: FrameId, node: NodeIndex) -> Option<usize> {
        let NodeKind::Merge { mode } = self.flow.node(node).kind else { return None };
        match mode {
            MergeMode::Any => None,
            MergeMode::All => Some(self.flow.node(node).incoming.len()),
            MergeMode::Count(count) => {
                (self.state.runs_in(frame, node) == 0).then_some(count.get())
            }
        }
    }

    /// Takes one token from each connection into a `merge` that has one, up to as many as it joins.
    fn join(&mut self, frame: FrameId, node: NodeIndex, wanted: usize) {
        if !self.may_go_on() {
            return;
        }
        let flow = self.flow;
        let incoming = flow.node(node).incoming.iter().copied();
        let tokens = incoming.filter_map(|index| Some((index, self.token(frame, index)?.clone())));
        let tokens: Vec<(ConnectionIndex, Payload)> = tokens.take(wanted).collect();
        let needed = if self.joins_all(node) { 1 } else { wanted };
        nodes::join(self, frame, self.next_run(node), &tokens, needed);
        // What came besides ends there.
        self.ready.insert((frame, node));
    }

    fn joins_all(&self, node: NodeIndex) -> bool {
        matches!(self.flow.node(node).kind, NodeKind::Merge { mode: MergeMode::All })
    }

    /// Whether this decision is within its bounds; if not, the execution faults.
    fn may_go_on(&mut self) -> bool {
        let detail = if self.events.len() >= limits::RUNS_PER_DECISION {
            let runs = limits::RUNS_PER_DECISION;
            format!("one input made more than {runs} nodes run; join parted paths with a `merge`")
        } else if self.bytes > limits::DECISION_BYTES {
            too_much()
        } else {
            return true;
        };
        self.fault(None, Problem::of(ErrorCode::TooLarge, detail));
        false
    }

    /// The first `merge` that joins branches and can run, in which frame, and how many it joins at
    /// most.
    fn joinable(&self) -> Option<(FrameId, NodeIndex, usize)> {
        self.frames().into_iter().find_map(|frame| {
            let (node, wanted) = self.joinable_in(frame)?;
            Some((frame, node, wanted))
        })
    }

    fn joinable_in(&self, frame: FrameId) -> Option<(NodeIndex, usize)> {
        let flow = self.flow;
        let tokens = self.state.tokens(frame)?;
        if tokens.is_empty() {
            return None;
        }
        let mut targets: Vec<NodeIndex> =
            tokens.keys().map(|index| flow.connection(*index).to).collect();
        targets.sort_unstable();
        targets.dedup();
        let mut exhausted = Exhausted { draft: self, frame, known: Vec::new() };
        targets.into_iter().find_map(|node| {
            let wanted = self.joins(frame, node)?;
            let incoming = &flow.node(node).incoming;
            let came = |index: &&ConnectionIndex| self.token(frame, **index).is_some();
            let count = incoming.iter().filter(came).count();
            let mut rest = incoming.iter().filter(|index| !came(index));
            (count >= wanted || rest.all(|index| exhausted.closes(*index)))
                .then_some((node, wanted))
        })
    }

    /// Ends the execution: nothing is left that could move.
    fn complete(&mut self) {
        let output = output::of(self.flow, BlockIndex::ROOT, &self.state.arrivals);
        if let Err(problem) = output::check(self, &output) {
            return self.fault(None, problem);
        }
        let (cleared, at) = (self.all_timers(), self.moment.now);
        self.record(Completed { output, cleared, at });
    }
}

/// What to say of a decision whose events are too many bytes.
pub(crate) fn too_much() -> String {
    let bytes = limits::DECISION_BYTES;
    format!("one input led to more than {bytes} bytes of events; pass smaller values")
}

/// Which nodes can never put a token out again. Found once per node and look.
struct Exhausted<'a, 'f> {
    draft: &'a Draft<'f>,
    frame: FrameId,
    known: Vec<Option<bool>>,
}

impl Exhausted<'_, '_> {
    /// Whether a node passes one value only, and has.
    fn has_passed_all(&self, node: NodeIndex) -> bool {
        let once = match self.draft.flow.node(node).kind {
            NodeKind::Merge { mode: MergeMode::Any | MergeMode::Count(_) } => true,
            NodeKind::Merge { mode: MergeMode::All }
            | NodeKind::Start
            | NodeKind::End
            | NodeKind::Filter { .. }
            | NodeKind::Map { .. }
            | NodeKind::Set { .. }
            | NodeKind::Switch { .. }
            | NodeKind::Wait(_)
            | NodeKind::Signal { .. }
            | NodeKind::ForEach { .. }
            | NodeKind::While { .. }
            | NodeKind::Try { .. }
            | NodeKind::Race { .. }
            | NodeKind::Fail { .. }
            | NodeKind::Task { .. }
            | NodeKind::HttpRequest { .. }
            | NodeKind::KafkaProduce { .. } => false,
        };
        once && self.draft.state.runs_in(self.frame, node) > 0
    }

    /// Whether no token can come by the connection any more.
    fn closes(&mut self, connection: ConnectionIndex) -> bool {
        let from = self.draft.flow.connection(connection).from;
        self.known.resize(self.draft.flow.nodes().len(), None);
        self.is_exhausted(from)
    }

    /// Whether a node runs nothing and nothing can reach it. The graph has no cycle and a bounded
    /// number of nodes, so this ends and does not go deep.
    fn is_exhausted(&mut self, node: NodeIndex) -> bool {
        if let Some(known) = self.known[node.index()] {
            return known;
        }
        let flow = self.draft.flow;
        if self.has_passed_all(node) {
            self.known[node.index()] = Some(true);
            return true;
        }
        let state = &self.draft.state;
        let runs = |activation: &flowmill_model::Activation| {
            activation.node == node && state.frame_of(*activation) == self.frame
        };
        let exhausted = !state.active.keys().any(runs)
            && flow.node(node).incoming.iter().all(|index| {
                self.draft.token(self.frame, *index).is_none()
                    && self.is_exhausted(flow.connection(*index).from)
            });
        self.known[node.index()] = Some(exhausted);
        exhausted
    }
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, flow, payload};
    use crate::execution::Status;
    use flowmill_model::task::Outcome;

    #[test]
    fn paths_that_double_their_tokens_without_end_are_a_fault() {
        let map =
            |id: String| format!("{{ id: {id}, type: map, parameters: {{ expression: . }} }}");
        let mut nodes = vec!["{ id: n0, type: start }".to_owned()];
        let mut connections = Vec::new();
        for stage in 1..30 {
            nodes.extend([map(format!("l{stage}")), map(format!("r{stage}"))]);
            nodes.push(map(format!("n{stage}")));
            for side in ["l", "r"] {
                connections.push(format!("n{}.out -> {side}{stage}.in", stage - 1));
                connections.push(format!("{side}{stage}.out -> n{stage}.in"));
            }
        }
        let nodes: Vec<_> = nodes.iter().map(String::as_str).collect();
        let connections: Vec<_> = connections.iter().map(String::as_str).collect();
        let driver = Driver::started(flow(&nodes, &connections), "1");
        assert_eq!(driver.status(), Status::Faulted);
        let detail = driver.problem().detail.unwrap_or_default();
        assert!(detail.contains("merge"), "{detail}");
    }

    /// `start` and so many tasks beside each other, each with the whole input.
    fn fan_out(tasks: usize, input: &str) -> flowmill_flow::Flow {
        let task = |id| {
            format!("{{ id: t{id}, type: task, parameters: {{ type: t, input: '{input}' }} }}")
        };
        let tasks: Vec<String> = (0..tasks).map(task).collect();
        let connections: Vec<_> = (0..tasks.len()).map(|id| format!("s.out -> t{id}.in")).collect();
        let mut nodes = vec!["{ id: s, type: start }"];
        nodes.extend(tasks.iter().map(String::as_str));
        flow(&nodes, &connections.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn a_decision_of_too_many_bytes_is_a_fault_and_nothing_else() {
        let input = format!("\"{}\"", "x".repeat(900_000));
        let driver = Driver::started(fan_out(5, "${ . }"), &input);
        assert_eq!(driver.status(), Status::Faulted);
        assert!(driver.problem().kind.ends_with("/payload-too-large"), "{:?}", driver.problem());
        assert!(driver.events.len() < 10);
    }

    #[test]
    fn a_state_of_too_many_bytes_is_a_fault() {
        let mut driver = Driver::started(fan_out(6, "${ 1 }"), "1");
        for task in 0..6 {
            if driver.execution.is_ended() {
                break;
            }
            let output = format!("\"{task}{}\"", "x".repeat(900_000));
            let spec = driver.task(&format!("t{task}"));
            driver.report(&spec, Outcome::Completed(payload(&output))).expect("it is pending");
        }
        assert_eq!(driver.status(), Status::Faulted);
        assert!(driver.problem().kind.ends_with("/state-too-large"), "{:?}", driver.problem());
    }

    #[test]
    fn one_large_value_in_many_places_is_stored_once() {
        let input = format!("\"{}\"", "x".repeat(900_000));
        let nodes: Vec<_> = (0..10)
            .map(|id| format!("{{ id: w{id}, type: wait, parameters: {{ for: PT1S }} }}"))
            .collect();
        let connections: Vec<_> = (0..10).map(|id| format!("s.out -> w{id}.in")).collect();
        let mut all = vec!["{ id: s, type: start }"];
        all.extend(nodes.iter().map(String::as_str));
        let connections: Vec<_> = connections.iter().map(String::as_str).collect();
        let driver = Driver::started(flow(&all, &connections), &input);
        assert_eq!(driver.status(), Status::Waiting);
        assert!(driver.execution.encode().len() < 1_000_000);
    }
}
