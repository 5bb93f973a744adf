//! Folding events of nodes that own blocks.

use std::sync::Arc;

use flowmill_model::event::{
    FrameClosed, FrameOpened, FrameOutcome, ScopeCompleted, ScopeDelayed, ScopeEntered, ScopeWork,
    Value,
};
use flowmill_model::{BlockIndex, Payload};

use crate::execution::{
    Active, Attempts, Ended, Execution, Frame, Owner, Results, TimerKind, Work,
};

impl Execution {
    pub(super) fn on_scope_entered(&mut self, event: &ScopeEntered) {
        self.begin(event.activation, event.frame);
        let token = self.consume(event.frame, &event.consumed).unwrap_or_else(Payload::null);
        let work = match &event.work {
            ScopeWork::Items(items) => {
                let results = Results::of(items.len());
                Work::Items { items: Arc::new(items.clone()), results }
            }
            ScopeWork::Rounds => Work::Rounds { value: token },
            ScopeWork::Attempts => Work::Attempts(Attempts::on(token)),
        };
        let owner = Owner { since: event.at, next: 0, open: 0, timer: None, work };
        self.activate(event.activation, event.frame, Active::Owner(owner));
    }

    pub(super) fn on_frame_opened(&mut self, event: &FrameOpened) {
        self.clear_timers(&event.cleared);
        self.frames.0.last = self.frames.0.last.max(event.frame);
        let Some(owner) = self.owner_mut(event.activation) else { return };
        let input = owner.begin(event.block, event.undoes);
        let mut frame = Frame::new(event.activation, event.block, event.index, input);
        frame.undoes = event.undoes.is_some();
        self.frames.0.open.insert(event.frame, Arc::new(frame));
    }

    pub(super) fn on_frame_closed(&mut self, event: &FrameClosed) {
        self.clear_timers(&event.cleared);
        if let Some(run) = event.failed_run() {
            self.begin(run, event.frame);
        }
        let Some(frame) = self.close_frame(event.frame) else { return };
        let Some(owner) = self.owner_mut(event.activation) else { return };
        let ended = match &event.outcome {
            FrameOutcome::Completed(Value::New(output)) => Ended::Completed(output.clone()),
            FrameOutcome::Completed(Value::Same) => {
                let arrival = frame.arrivals.first();
                Ended::Completed(arrival.map_or_else(Payload::null, |first| first.value.clone()))
            }
            FrameOutcome::Failed { instead: Some(output), .. } => Ended::Completed(output.clone()),
            FrameOutcome::Failed { problem, instead: None, .. } => Ended::Failed(problem.clone()),
        };
        owner.end(&frame, ended);
    }

    pub(super) fn on_scope_delayed(&mut self, event: &ScopeDelayed) {
        self.set_timer(event.timer, TimerKind::Block, Some(event.activation));
        if let Some(owner) = self.owner_mut(event.activation) {
            owner.timer = Some(event.timer.id);
        }
    }

    pub(super) fn on_scope_completed(&mut self, event: &ScopeCompleted) {
        self.clear_timers(&event.cleared);
        let (frame, active) = self.deactivate(event.activation);
        let same = match active {
            Some(Active::Owner(owner)) => owner.value(),
            Some(Active::Task(_) | Active::Wait(_) | Active::Signal(_)) | None => None,
        };
        self.emit(frame, event.activation.node, &event.emission, same);
    }
}

impl Owner {
    /// Counts a run of a block as begun; gives the block's input.
    fn begin(&mut self, block: BlockIndex, undoes: Option<u32>) -> Payload {
        self.timer = None;
        self.open = self.open.saturating_add(1);
        if let (Work::Attempts(attempts), Some(place)) = (&mut self.work, undoes) {
            let undone =
                attempts.done.drain(place.min(attempts.done.len() as u32) as usize..).next();
            return undone.map_or_else(Payload::null, |(_, value)| value);
        }
        let place = self.next as usize;
        self.next = self.next.saturating_add(1);
        match &mut self.work {
            Work::Items { items, .. } => items.get(place).cloned().unwrap_or_else(Payload::null),
            Work::Rounds { value } => value.clone(),
            Work::Attempts(attempts) => {
                let body = *attempts.body.get_or_insert(block);
                attempts.done.clear();
                if body == block {
                    attempts.ended = None;
                } else {
                    attempts.is_last = true;
                }
                attempts.input.clone()
            }
        }
    }

    /// Takes the end of a run of a block in.
    fn end(&mut self, frame: &Frame, ended: Ended) {
        self.open = self.open.saturating_sub(1);
        match (&mut self.work, ended) {
            (Work::Items { results, .. }, Ended::Completed(output)) => {
                results.set(frame.index as usize, Some(output));
            }
            (Work::Rounds { value }, Ended::Completed(output)) => *value = output,
            // The node fails, or the item has no result.
            (Work::Items { .. } | Work::Rounds { .. }, Ended::Failed(_)) => {}
            (Work::Attempts(attempts), ended) if frame.undoes => {
                if let Ended::Failed(_) = ended {
                    (attempts.ended, attempts.is_spent) = (Some(ended), true);
                }
            }
            // What comes last counts only if it fails.
            (Work::Attempts(attempts), Ended::Completed(_)) if attempts.is_last => {}
            (Work::Attempts(attempts), ended) => {
                if !attempts.is_last && matches!(ended, Ended::Failed(_)) {
                    attempts.done = frame.done.clone();
                }
                attempts.ended = Some(ended);
            }
        }
    }

    /// What it puts out unless that is something new.
    fn value(self) -> Option<Payload> {
        match self.work {
            Work::Items { .. } => None,
            Work::Rounds { value } => Some(value),
            Work::Attempts(attempts) => match attempts.ended {
                Some(Ended::Completed(value)) => Some(value),
                Some(Ended::Failed(_)) | None => Some(attempts.input),
            },
        }
    }
}

impl Attempts {
    /// None has begun yet.
    const fn on(input: Payload) -> Self {
        let done = Vec::new();
        Self { input, body: None, ended: None, done, is_spent: false, is_last: false }
    }
}
