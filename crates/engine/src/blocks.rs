//! Nodes that own blocks: `for-each`, `while`, `try` and `race` run theirs in frames, and go on
//! whenever one ends.
//!
//! A frame ends when nothing in it can move any more: then its output is what reached its end. That
//! of a `race` ends with the first value that reaches it. A frame also ends when a node in it fails and no `error` port takes the error; what else runs in it is
//! abandoned. What follows is up to the node that owns the block.
//!
//! One decision opens frames only up to a bound. A loop that is longer sets itself a timer that is
//! due at once, and goes on in the next decision.

use std::sync::Arc;

use flowmill_flow::{Expression, Failures, Json, NodeKind, Scope};
use flowmill_model::event::{
    FrameClosed, FrameOpened, FrameOutcome, ScopeCompleted, ScopeDelayed, ScopeEntered, ScopeWork,
    Value,
};
use flowmill_model::{
    Activation, BlockIndex, ErrorCode, FrameId, Payload, Problem, TimerId, Timestamp, limits,
};

use crate::draft::Draft;
use crate::execution::{Attempts, Ended, Owner, Work};
use crate::nodes::{self, Run, faulty, fitting, unreadable};
use crate::seed::{self, Use};
use crate::{incident, output};

/// Has a node take a token that its blocks are run for.
pub(crate) fn enter(draft: &mut Draft<'_>, run: &Run, work: ScopeWork) {
    let (activation, frame, consumed) = (run.activation, run.frame, vec![run.connection]);
    let at = draft.moment.now;
    draft.record(ScopeEntered { activation, frame, consumed, work, at });
    draft.owners.insert(activation);
}

/// The items that a `for-each` runs its body for.
pub(crate) fn items(
    draft: &mut Draft<'_>,
    run: &Run,
    expression: Option<&Expression>,
) -> Result<ScopeWork, Problem> {
    let mut value = draft.value(run)?;
    if let Some(expression) = expression {
        let scope = draft.scope(run)?;
        value = expression.evaluate(&value, &scope).map_err(|fault| faulty(&fault))?;
    }
    let Some(items) = value.items() else {
        return Err(Problem::of(
            ErrorCode::Expression,
            "what a `for-each` goes through is no array",
        ));
    };
    if items.len() > limits::FOR_EACH_ITEMS {
        let (count, most) = (items.len(), limits::FOR_EACH_ITEMS);
        let detail = format!("an array of {count} items; a `for-each` takes {most} at most");
        return Err(Problem::of(ErrorCode::TooLarge, detail));
    }
    items.map(|item| draft.text(item)).collect::<Result<_, _>>().map(ScopeWork::Items)
}

/// What a node that owns blocks does next.
enum Step {
    /// Nothing, before a frame ends or a timer fires.
    Rest,
    /// Opens a frame of this block.
    Open(BlockIndex),
    /// Opens a further frame of a loop, now or in the next decision.
    Loop(BlockIndex),
    /// Opens a frame of this block, which undoes the run of this place.
    Undo(BlockIndex, u32),
    /// Opens a frame of its body at this time.
    Retry(Timestamp),
    /// Is done, with an output of its own or what its state holds.
    Finish(Value),
    /// Fails.
    Fail(Problem),
}

impl Draft<'_> {
    /// Has a node that owns blocks do what comes next, if anything does.
    pub(crate) fn advance(&mut self, activation: Activation) {
        let Some(owner) = self.state.owner(activation) else { return };
        if owner.timer.is_some() {
            return;
        }
        let owner = owner.clone();
        match self.step(activation, &owner) {
            Step::Rest => {}
            Step::Loop(_) if self.has_looped_enough() => self.delay(activation, self.moment.now),
            Step::Open(block) | Step::Loop(block) => {
                self.open(activation, block, None, Vec::new());
            }
            Step::Undo(block, place) => self.open(activation, block, Some(place), Vec::new()),
            Step::Retry(due) => self.delay(activation, due),
            Step::Finish(value) => self.finish_owner(activation, value),
            Step::Fail(problem) => self.fail_active(activation, problem),
        }
    }

    /// Goes on with a node whose timer has fired: with the frame that it waited to open.
    pub(crate) fn go_on(&mut self, activation: Activation, fired: TimerId) {
        if let Some(body) = self.flow.node(activation.node).kind.body() {
            self.open(activation, body, None, vec![fired]);
        }
    }

    fn delay(&mut self, activation: Activation, due: Timestamp) {
        let timer = self.timer(0, due);
        self.record(ScopeDelayed { activation, timer });
    }

    fn has_looped_enough(&self) -> bool {
        self.events.len() >= limits::LOOP_EVENTS || self.bytes > limits::LOOP_BYTES
    }

    fn open(
        &mut self,
        activation: Activation,
        block: BlockIndex,
        undoes: Option<u32>,
        cleared: Vec<TimerId>,
    ) {
        let Some(index) = self.state.owner(activation).map(|owner| owner.next) else { return };
        let frame = self.state.frames.0.last.next();
        self.record(FrameOpened { activation, frame, block, index, undoes, cleared });
        nodes::start(self, frame);
        self.owners.insert(activation);
    }

    fn step(&mut self, activation: Activation, owner: &Owner) -> Step {
        let flow = self.flow;
        match (&flow.node(activation.node).kind, &owner.work) {
            (NodeKind::ForEach { parallel, body, .. }, Work::Items { items, results }) => {
                let left = (owner.next as usize) < items.len();
                match (left, owner.open) {
                    (true, open) if open < parallel.get() => Step::Loop(*body),
                    (false, 0) => match fitting(output::array(results.iter())) {
                        Ok(results) => Step::Finish(Value::New(results)),
                        Err(problem) => Step::Fail(problem),
                    },
                    (_, _) => Step::Rest,
                }
            }
            (_, _) if owner.open > 0 => Step::Rest,
            (NodeKind::While { condition, rounds, index, body }, Work::Rounds { value }) => {
                let holds = self.holds(activation, condition, (index, owner.next), value);
                match holds {
                    Err(problem) => Step::Fail(problem),
                    Ok(false) => Step::Finish(Value::Same),
                    Ok(true) if owner.next >= *rounds => Step::Fail(too_many_rounds(*rounds)),
                    Ok(true) => Step::Loop(*body),
                }
            }
            (NodeKind::Try { body, finally }, Work::Attempts(attempts)) => {
                self.step_of_try(activation, owner, attempts, *body, *finally)
            }
            (NodeKind::Race { body }, Work::Attempts(attempts)) => {
                self.step_of_try(activation, owner, attempts, *body, None)
            }
            // A state that another flow has led to.
            (_, _) => Step::Fail(Problem::of(ErrorCode::Internal, "the node owns no such blocks")),
        }
    }

    fn step_of_try(
        &self,
        activation: Activation,
        owner: &Owner,
        attempts: &Attempts,
        body: BlockIndex,
        finally: Option<BlockIndex>,
    ) -> Step {
        match (&attempts.ended, finally) {
            (None, _) => return Step::Open(body),
            (Some(Ended::Failed(_)), _) if !attempts.is_last => {
                if let Some((block, place)) = self.to_undo(attempts) {
                    return Step::Undo(block, place);
                }
                if let Some(due) = self.next_attempt(activation, owner, attempts) {
                    return Step::Retry(due);
                }
            }
            (Some(_), _) => {}
        }
        match (&attempts.ended, finally) {
            (_, Some(finally)) if !attempts.is_last => Step::Open(finally),
            (Some(Ended::Failed(problem)), _) => Step::Fail(problem.clone()),
            (Some(Ended::Completed(_)) | None, _) => Step::Finish(Value::Same),
        }
    }

    /// What undoes the run that ended last of those that are not undone, and its place.
    fn to_undo(&self, attempts: &Attempts) -> Option<(BlockIndex, u32)> {
        let done = attempts.done.iter().enumerate().rev();
        let mut undone = done.filter_map(|(place, (node, _))| {
            Some((self.flow.node(*node).compensation?, u32::try_from(place).ok()?))
        });
        undone.next()
    }

    /// When the body of a `try` is run again, if it is.
    fn next_attempt(
        &self,
        activation: Activation,
        owner: &Owner,
        attempts: &Attempts,
    ) -> Option<Timestamp> {
        let policy = &self.flow.node(activation.node).retry;
        let attempt = owner.next.saturating_add(1);
        let jitter = seed::derive(self.moment.seed, Use::Jitter, activation, attempt);
        let due = self.moment.now.after(policy.delay_before(attempt, jitter));
        let in_time = policy.limit.is_none_or(|limit| due < owner.since.after(limit));
        (!attempts.is_spent && attempt <= policy.attempts && in_time).then_some(due)
    }

    fn finish_owner(&mut self, activation: Activation, value: Value) {
        let (frame, port) = (self.state.frame_of(activation), self.out(activation));
        let emission = self.emission(frame, activation.node, port, value);
        let cleared = self.timers_of(activation);
        self.record(ScopeCompleted { activation, cleared, emission });
    }

    /// Whether the condition of a `while` holds for this value, before the round of this number.
    fn holds(
        &mut self,
        activation: Activation,
        condition: &Expression,
        (index, round): (&Arc<str>, u32),
        value: &Payload,
    ) -> Result<bool, Problem> {
        let value = self.values.parse(value).map_err(|error| unreadable(&error))?;
        let mut scope = self.scope_at(activation, self.state.frame_of(activation))?;
        if condition.source().contains('$') {
            scope.bound.push((Arc::clone(index), Json::from(u64::from(round))));
        }
        condition.condition(&value, &scope).map_err(|fault| faulty(&fault))
    }

    /// Ends a frame in which nothing can move any more, or whose race is decided. What still runs in
    /// it is abandoned.
    pub(crate) fn close(&mut self, frame: FrameId) {
        let Some(open) = self.state.frame(frame) else { return };
        let (activation, block) = (open.owner, open.block);
        let value = output::of(self.flow, block, &open.arrivals);
        if let Err(problem) = output::check_size(&value, &open.arrivals) {
            return self.fail_frame(frame, None, problem);
        }
        let cleared = self.timers_of_all(&self.state.inside(frame));
        let outcome = FrameOutcome::Completed(value);
        self.record(FrameClosed { activation, frame, outcome, cleared });
        self.owners.insert(activation);
    }

    /// Ends a frame by an error that nothing in it takes. What else runs in it is abandoned.
    pub(crate) fn fail_frame(&mut self, frame: FrameId, run: Option<Activation>, problem: Problem) {
        let Some(activation) = self.state.frame(frame).map(|frame| frame.owner) else { return };
        let flow = self.flow;
        let kind = &flow.node(activation.node).kind;
        let is_kept = matches!(kind, NodeKind::ForEach { failures: Failures::Keep, .. });
        let instead = is_kept.then(|| self.values.write(incident::json(&problem)));
        let cleared = self.timers_of_all(&self.state.inside(frame));
        let outcome = FrameOutcome::Failed { problem: problem.clone(), run, instead };
        self.record(FrameClosed { activation, frame, outcome, cleared });
        let goes_on = matches!(
            kind,
            NodeKind::Try { .. }
                | NodeKind::ForEach { failures: Failures::Keep | Failures::Drop, .. }
        );
        if goes_on {
            self.owners.insert(activation);
        } else {
            self.fail_active(activation, problem);
        }
    }

    /// A frame but that of the flow itself in which nothing can move any more.
    pub(crate) fn finished(&self) -> Option<FrameId> {
        let mut open = self.state.frames.0.open.iter();
        open.find(|(_, frame)| frame.active == 0).map(|(id, _)| *id)
    }

    /// A frame that a value has reached the end of, and that is a race.
    pub(crate) fn decided(&self) -> Option<FrameId> {
        let mut open = self.state.frames.0.open.iter();
        let is_race = |node| matches!(self.flow.node(node).kind, NodeKind::Race { .. });
        let found = open.find(|(_, frame)| !frame.arrivals.is_empty() && is_race(frame.owner.node));
        found.map(|(id, _)| *id)
    }

    /// What the blocks around a frame bind, the innermost last.
    pub(crate) fn bind(&mut self, scope: &mut Scope, frame: FrameId) -> Result<(), Problem> {
        let mut bound = Vec::new();
        let mut at = frame;
        while let Some(open) = self.state.frame(at) {
            let (owner, index, input) = (open.owner, open.index, open.input.clone());
            let place = Json::from(u64::from(index));
            let kind = &self.flow.node(owner.node).kind;
            if let NodeKind::ForEach { index: name, .. } | NodeKind::While { index: name, .. } =
                kind
            {
                bound.push((Arc::clone(name), place));
            }
            if let NodeKind::ForEach { item, .. } = kind {
                let value = self.values.parse(&input).map_err(|error| unreadable(&error))?;
                bound.push((Arc::clone(item), value));
            }
            at = self.state.frame_of(owner);
        }
        scope.bound.extend(bound.into_iter().rev());
        Ok(())
    }
}

fn too_many_rounds(rounds: u32) -> Problem {
    let detail =
        format!("the condition still holds after {rounds} rounds, its `rounds` allow no more");
    Problem::of(ErrorCode::TooManyRounds, detail)
}

#[cfg(test)]
mod tests;
