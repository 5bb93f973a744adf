//! Folding events of an execution as a whole.

use std::sync::Arc;

use flowmill_model::event::{
    Cancelled, Completed, Faulted, InputKept, Quarantined, Resumed, Started, Suspended, TimerHeld,
    Value,
};
use flowmill_model::{Payload, Timestamp};

use crate::execution::{Ending, Execution, Head, How, Suspension, TimerKind};

impl Execution {
    pub(super) fn on_started(&mut self, event: &Started) {
        self.head = Some(Arc::new(Head {
            flow: event.flow.clone(),
            hash: event.hash,
            input: event.input.clone(),
            trace: event.trace,
            sent_at: event.sent_at,
            started_at: event.at,
        }));
        if let Some(deadline) = event.deadline {
            self.set_timer(deadline, TimerKind::Deadline, None);
        }
    }

    pub(super) fn on_timer_held(&mut self, event: &TimerHeld) {
        if let Some(timer) = self.timers.get_mut(&event.timer) {
            timer.held = true;
        }
    }

    pub(super) fn on_suspended(&mut self, event: &Suspended) {
        self.remember(event.command);
        let at = event.at;
        self.suspension = Some(Suspension { at, quarantine: None, kept: Vec::new() });
    }

    pub(super) fn on_resumed(&mut self, event: &Resumed) {
        self.remember(event.command);
        self.suspension = None;
        self.timers.values_mut().for_each(|timer| timer.held = false);
    }

    pub(super) fn on_quarantined(&mut self, event: &Quarantined) {
        let fresh = Suspension { at: event.at, quarantine: None, kept: Vec::new() };
        let suspension = self.suspension.get_or_insert(fresh);
        suspension.quarantine = Some(event.problem.clone());
        suspension.kept.extend(event.input.clone());
    }

    pub(super) fn on_input_kept(&mut self, event: &InputKept) {
        if let Some(suspension) = &mut self.suspension {
            suspension.kept.push(event.input.clone());
        }
    }

    pub(super) fn on_completed(&mut self, event: &Completed) {
        let output = match &event.output {
            Value::New(output) => output.clone(),
            Value::Same => {
                self.arrivals.first().map_or_else(Payload::null, |arrival| arrival.value.clone())
            }
        };
        self.end(event.at, How::Completed(output));
    }

    pub(super) fn on_faulted(&mut self, event: &Faulted) {
        self.end(event.at, How::Faulted(event.problem.clone()));
    }

    pub(super) fn on_cancelled(&mut self, event: &Cancelled) {
        self.remember(event.command);
        self.end(event.at, How::Cancelled);
    }

    /// Ends it. Of what it held only the remembered commands stay, so that repeats of them are
    /// still known as such.
    fn end(&mut self, at: Timestamp, how: How) {
        self.ending = Some(Ending { at, how });
        self.suspension = None;
        self.tokens.clear();
        self.active.clear();
        self.frames.0.open.clear();
        self.frames.0.within.clear();
        self.runs.clear();
        self.outputs.clear();
        self.arrivals.clear();
        self.signals.clear();
        self.timers.clear();
    }
}
