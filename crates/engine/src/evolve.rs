//! Folding: what each event does to the state.
//!
//! Total: an event that names something that is not there changes the rest and fails nowhere. It
//! needs neither flow nor clock, since events carry what they change.

mod lifecycle;
mod node;
mod scope;
mod task;

use std::sync::Arc;

use flowmill_model::event::{Emission, Event, ResultPlace, TimerSet, Value};
use flowmill_model::{
    Activation, CommandId, ConnectionIndex, FrameId, NodeIndex, Payload, TimerId, limits,
};

use crate::execution::{Arrival, Execution, Timer, TimerKind};

/// Folds one event into the state.
pub fn evolve(execution: &mut Execution, event: &Event) {
    execution.sequence = execution.sequence.next();
    match event {
        Event::Started(event) => execution.on_started(event),
        Event::NodeCompleted(event) => execution.on_node_completed(event),
        Event::NodeFailed(event) => execution.on_node_failed(event),
        Event::NodeSkipped(event) => execution.on_node_skipped(event),
        Event::NodeBranched(event) => execution.on_node_branched(event),
        Event::ContextSet(event) => execution.on_context_set(event),
        Event::TaskScheduled(event) => execution.on_task_scheduled(event),
        Event::TaskStarted(event) => execution.on_task_started(event),
        Event::TaskCompleted(event) => execution.on_task_completed(event),
        Event::AttemptFailed(event) => execution.on_attempt_failed(event),
        Event::TaskPostponed(event) => execution.on_task_postponed(event),
        Event::TaskRescheduled(event) => execution.on_task_rescheduled(event),
        Event::TaskRedispatched(event) => execution.on_task_redispatched(event),
        Event::TaskTimerMoved(event) => execution.on_task_timer_moved(event),
        Event::WaitStarted(event) => execution.on_wait_started(event),
        Event::WaitCompleted(event) => execution.on_wait_completed(event),
        Event::SignalAwaited(event) => execution.on_signal_awaited(event),
        Event::SignalBuffered(event) => execution.on_signal_buffered(event),
        Event::SignalDelivered(event) => execution.on_signal_delivered(event),
        Event::ScopeEntered(event) => execution.on_scope_entered(event),
        Event::FrameOpened(event) => execution.on_frame_opened(event),
        Event::FrameClosed(event) => execution.on_frame_closed(event),
        Event::ScopeDelayed(event) => execution.on_scope_delayed(event),
        Event::ScopeCompleted(event) => execution.on_scope_completed(event),
        Event::TimerHeld(event) => execution.on_timer_held(event),
        Event::Suspended(event) => execution.on_suspended(event),
        Event::Resumed(event) => execution.on_resumed(event),
        Event::Quarantined(event) => execution.on_quarantined(event),
        Event::InputKept(event) => execution.on_input_kept(event),
        Event::Completed(event) => execution.on_completed(event),
        Event::Faulted(event) => execution.on_faulted(event),
        Event::Cancelled(event) => execution.on_cancelled(event),
    }
}

impl Execution {
    /// Counts a run of a node as begun.
    fn begin(&mut self, activation: Activation, frame: FrameId) {
        let runs = self.runs.entry(activation.node).or_default();
        *runs = (*runs).max(activation.iteration.saturating_add(1));
        if let Some(frame) = self.frame_mut(frame) {
            let runs = frame.runs.entry(activation.node).or_default();
            *runs = runs.saturating_add(1);
        }
    }

    /// Takes one token from each connection; gives the first one's value.
    fn consume(&mut self, frame: FrameId, connections: &[ConnectionIndex]) -> Option<Payload> {
        let tokens = self.tokens_mut(frame)?;
        let mut first = None;
        for connection in connections {
            let Some(queue) = tokens.get_mut(connection) else { continue };
            let token = queue.pop_front();
            if queue.is_empty() {
                tokens.remove(connection);
            }
            first = first.or(token);
        }
        first
    }

    /// Puts out what an emission says; `same` is what [`Value::Same`] stands for.
    fn emit(
        &mut self,
        frame: FrameId,
        node: NodeIndex,
        emission: &Emission,
        same: Option<Payload>,
    ) {
        let value = match &emission.value {
            Value::Same => same.unwrap_or_else(Payload::null),
            Value::New(value) => value.clone(),
        };
        self.put_out(frame, &emission.connections, &value);
        self.keep(frame, node, (emission.keep, emission.result), value);
    }

    fn put_out(&mut self, frame: FrameId, connections: &[ConnectionIndex], value: &Payload) {
        let Some(tokens) = self.tokens_mut(frame) else { return };
        for connection in connections {
            tokens.entry(*connection).or_default().push_back(value.clone());
        }
    }

    /// Remembers what a node put out, where it is asked for later.
    fn keep(
        &mut self,
        frame: FrameId,
        node: NodeIndex,
        (keep, result): (bool, Option<ResultPlace>),
        value: Payload,
    ) {
        let (outputs, arrivals) = match self.frames.0.open.get_mut(&frame).map(Arc::make_mut) {
            Some(frame) => {
                if keep {
                    frame.done.push((node, value.clone()));
                }
                (&mut frame.outputs, &mut frame.arrivals)
            }
            None if frame == FrameId::ROOT => (&mut self.outputs, &mut self.arrivals),
            None => return,
        };
        if keep {
            outputs.insert(node, value.clone());
        }
        if let Some(place) = result {
            arrivals.push(Arrival { node, place, value });
        }
    }

    fn set_timer(&mut self, set: TimerSet, kind: TimerKind, activation: Option<Activation>) {
        let timer = Timer { due: set.due, kind, activation, held: false };
        self.timers.insert(set.id, timer);
        self.next_timer = self.next_timer.max(set.id.next());
    }

    fn clear_timers(&mut self, cleared: &[TimerId]) {
        for id in cleared {
            self.timers.remove(id);
        }
    }

    fn remember(&mut self, command: CommandId) {
        self.commands.push_back(command);
        while self.commands.len() > limits::REMEMBERED_COMMANDS {
            self.commands.pop_front();
        }
    }
}
