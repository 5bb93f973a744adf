//! Folding events of nodes that run within the engine.

use flowmill_model::event::{
    ContextSet, NodeBranched, NodeCompleted, NodeFailed, NodeSkipped, SignalAwaited,
    SignalBuffered, SignalDelivered, WaitCompleted, WaitStarted,
};
use flowmill_model::{Payload, Queue};

use crate::execution::{Active, Buffered, Execution, SignalWait, TimerKind, Wait};

impl Execution {
    pub(super) fn on_node_completed(&mut self, event: &NodeCompleted) {
        self.begin(event.activation, event.frame);
        let token = self.consume(event.frame, &event.consumed);
        let Some(emission) = &event.emission else { return };
        let same = token.or_else(|| match self.frame(event.frame) {
            Some(frame) => Some(frame.input.clone()),
            None => self.input().cloned(),
        });
        self.emit(event.frame, event.activation.node, emission, same);
    }

    pub(super) fn on_node_skipped(&mut self, event: &NodeSkipped) {
        self.begin(event.activation, event.frame);
        let token = self.consume(event.frame, &event.consumed);
        let Some(emission) = &event.emission else { return };
        self.emit(event.frame, event.activation.node, emission, token);
    }

    pub(super) fn on_node_branched(&mut self, event: &NodeBranched) {
        self.begin(event.activation, event.frame);
        let token = self.consume(event.frame, &event.consumed).unwrap_or_else(Payload::null);
        for branch in &event.branches {
            self.put_out(event.frame, &branch.connections, &token);
        }
        self.keep(event.frame, event.activation.node, (event.keep, event.result), token);
    }

    pub(super) fn on_context_set(&mut self, event: &ContextSet) {
        self.begin(event.activation, event.frame);
        let token = self.consume(event.frame, &event.consumed);
        self.context.0 = Some(event.context.clone());
        self.emit(event.frame, event.activation.node, &event.emission, token);
    }

    pub(super) fn on_node_failed(&mut self, event: &NodeFailed) {
        self.begin(event.activation, event.frame);
        self.deactivate(event.activation);
        self.clear_timers(&event.cleared);
        let token = self.consume(event.frame, &event.consumed);
        self.emit(event.frame, event.activation.node, &event.emission, token);
    }

    pub(super) fn on_wait_started(&mut self, event: &WaitStarted) {
        self.begin(event.activation, event.frame);
        let input = self.consume(event.frame, &event.consumed).unwrap_or_else(Payload::null);
        let wait = Wait { input, since: event.at, timer: event.timer.id };
        self.activate(event.activation, event.frame, Active::Wait(wait));
        self.set_timer(event.timer, TimerKind::Wait, Some(event.activation));
    }

    pub(super) fn on_wait_completed(&mut self, event: &WaitCompleted) {
        self.clear_timers(&event.cleared);
        let (frame, active) = self.deactivate(event.activation);
        let input = match active {
            Some(Active::Wait(wait)) => Some(wait.input),
            Some(Active::Task(_) | Active::Signal(_) | Active::Owner(_)) | None => None,
        };
        self.emit(frame, event.activation.node, &event.emission, input);
    }

    pub(super) fn on_signal_awaited(&mut self, event: &SignalAwaited) {
        self.begin(event.activation, event.frame);
        self.consume(event.frame, &event.consumed);
        let timer = event.timer.map(|timer| timer.id);
        let wait = SignalWait { name: event.name.clone(), since: event.at, timer };
        self.activate(event.activation, event.frame, Active::Signal(wait));
        if let Some(timer) = event.timer {
            self.set_timer(timer, TimerKind::Signal, Some(event.activation));
        }
    }

    pub(super) fn on_signal_buffered(&mut self, event: &SignalBuffered) {
        self.remember(event.command);
        let (name, payload) = (event.name.clone(), event.payload.clone());
        self.signals.push_back(Buffered { name, payload });
    }

    pub(super) fn on_signal_delivered(&mut self, event: &SignalDelivered) {
        self.begin(event.activation, event.frame);
        self.consume(event.frame, &event.consumed);
        self.deactivate(event.activation);
        self.clear_timers(&event.cleared);
        let buffered = match event.command {
            Some(command) => {
                self.remember(command);
                None
            }
            None => self.take_signal(&event.name),
        };
        self.emit(event.frame, event.activation.node, &event.emission, buffered);
    }

    fn take_signal(&mut self, name: &Queue) -> Option<Payload> {
        let place = self.signals.iter().position(|signal| signal.name == *name)?;
        self.signals.remove(place).map(|signal| signal.payload)
    }
}
