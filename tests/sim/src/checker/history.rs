//! What one history partition says, by a rule of validity and a fold of the checker's own.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_engine::{Execution, TaskSpec, evolve};
use flowmill_model::event::{Event, Value};
use flowmill_model::history::{Batch, HistoryRecord, InputPositions, InputRef, Transition};
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, Offset, TaskId, TaskToken, TimerId, Timestamp,
};

/// One history partition, judged and folded record by record, in the order of the log.
///
/// It can be fed at once or bit by bit, from any log: it needs offsets and values. It must begin
/// with the first record that was ever written.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What must not be. Empty for a good history.
    pub violations: Vec<String>,
    /// Timers that fired before they were due, by the clock of the owner that committed it. Where
    /// clocks jump, that clock may have been right before.
    pub early: Vec<String>,
    /// The batches that count, in order, each with its offset.
    pub batches: Vec<(Offset, Batch)>,
    /// The offsets of the claims that are valid, each with its epoch and its node.
    pub claims: Vec<(Offset, Epoch, String)>,
    /// Records that do not count.
    pub skipped: Vec<(Offset, HistoryRecord)>,
    /// Every execution as the batches that count left it.
    pub executions: BTreeMap<ExecutionId, Execution>,
    /// Every sending of a task that the batches asked for.
    pub tasks: BTreeMap<(TaskId, TaskToken), TaskLife>,
    /// The batches in which executions ended.
    pub ended: BTreeMap<ExecutionId, BatchNumber>,
    /// How often each kind of event happened.
    pub events: BTreeMap<&'static str, usize>,
    /// Transitions that count.
    pub transitions: usize,
    /// Inputs that were deferred, each as often as it was.
    pub deferred: usize,
    /// Deferred inputs that an owner resolved which had not deferred them.
    pub inherited: usize,
    open: BTreeMap<InputRef, Epoch>,
    held: BTreeSet<(ExecutionId, TimerId)>,
    epoch: u64,
    number: u64,
    mark: BatchNumber,
    positions: InputPositions,
    next: Offset,
}

/// What became of one sending of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskLife {
    /// The batch that asked for it.
    pub scheduled: BatchNumber,
    /// The last batch that asked for it, again or for the first time.
    pub asked: BatchNumber,
    /// The batch since which nobody waits for it.
    pub settled: Option<BatchNumber>,
    /// Whether its result was accepted, and whether that is one that no worker forged.
    pub completed: Option<bool>,
    /// Whether its time was over before a result came.
    pub timed_out: bool,
}

/// The status of the problem of an attempt that took too long.
const TIMEOUT: u16 = 408;

impl History {
    /// Reads a whole partition.
    pub fn read<V: AsRef<[u8]>>(records: impl IntoIterator<Item = (Offset, V)>) -> Self {
        let mut history = Self::default();
        history.extend(records);
        history
    }

    /// Reads on. Records below [`next`](Self::next) are passed over, so that what was read before
    /// may be given again.
    pub fn extend<V: AsRef<[u8]>>(&mut self, records: impl IntoIterator<Item = (Offset, V)>) {
        for (offset, value) in records {
            if offset >= self.next {
                self.next = offset.next();
                self.take(offset, value.as_ref());
            }
        }
    }

    /// The offset that the next record has or exceeds.
    pub const fn next(&self) -> Offset {
        self.next
    }

    /// The input positions after the last batch that counts.
    pub const fn positions(&self) -> InputPositions {
        self.positions
    }

    /// Inputs that were deferred and that no batch has resolved yet.
    pub fn unresolved(&self) -> usize {
        self.open.len()
    }

    fn take(&mut self, offset: Offset, value: &[u8]) {
        let record = match HistoryRecord::decode(value) {
            Ok(record) => record,
            Err(error) => return self.violations.push(format!("history {offset}: {error}")),
        };
        match record {
            HistoryRecord::Claim(claim) if claim.epoch.get() == self.epoch + 1 => {
                self.epoch += 1;
                self.claims.push((offset, claim.epoch, claim.node));
            }
            HistoryRecord::Batch(batch)
                if batch.epoch.get() == self.epoch && batch.number.get() == self.number + 1 =>
            {
                self.number += 1;
                self.check_inputs(&batch);
                batch.transitions.iter().for_each(|transition| self.fold(&batch, transition));
                self.batches.push((offset, *batch));
            }
            HistoryRecord::Batch(batch)
                if batch.epoch.get() == self.epoch && batch.number.get() > self.number + 1 =>
            {
                self.violations.push(format!("I2: batch {} is missing", self.number + 1));
            }
            skipped @ (HistoryRecord::Claim(_) | HistoryRecord::Batch(_)) => {
                self.skipped.push((offset, skipped));
            }
        }
    }

    /// Deferred inputs are resolved once; the mark and the positions never fall.
    fn check_inputs(&mut self, batch: &Batch) {
        for input in &batch.resolved {
            match self.open.remove(input) {
                Some(by) => self.inherited += usize::from(by != batch.epoch),
                None => {
                    let by = format!("batch {} of epoch {}", batch.number, batch.epoch);
                    self.violations.push(format!("S8: {by} resolves {input:?}, not deferred"));
                }
            }
        }
        for deferred in &batch.deferred {
            self.deferred += 1;
            if self.open.insert(deferred.input, batch.epoch).is_some() {
                self.violations.push(format!("S8: {:?} is deferred twice", deferred.input));
            }
        }
        if batch.mark < self.mark || batch.mark >= batch.number {
            self.violations.push(format!("mark {} in batch {}", batch.mark, batch.number));
        }
        let InputPositions { commands, results } = batch.positions;
        if commands < self.positions.commands || results < self.positions.results {
            self.violations.push(format!("positions fall in batch {}", batch.number));
        }
        (self.mark, self.positions) = (batch.mark, batch.positions);
    }

    /// Folds a transition; sequences must be contiguous from 0.
    fn fold(&mut self, batch: &Batch, transition: &Transition) {
        self.transitions += 1;
        let id = transition.execution;
        let mut execution = self.executions.remove(&id).unwrap_or_else(|| Execution::new(id));
        if transition.first != execution.sequence() {
            let (found, expected) = (transition.first, execution.sequence());
            self.violations.push(format!("I2: {id} has event {found} after {expected}"));
        } else {
            match Event::decode_all(&transition.events.0) {
                Ok(events) => self.fold_events(batch, &mut execution, &events),
                Err(error) => self.violations.push(format!("{id}: {error}")),
            }
        }
        self.executions.insert(id, execution);
    }

    fn fold_events(&mut self, batch: &Batch, execution: &mut Execution, events: &[Event]) {
        let (id, before) = (execution.id(), sendings(execution));
        for event in events {
            *self.events.entry(event.name()).or_default() += 1;
            if let Event::WaitCompleted(done) = event {
                done.cleared.iter().for_each(|timer| self.fires(batch.at, execution, *timer));
            }
            if let Event::TimerHeld(held) = event {
                self.fires(batch.at, execution, held.timer);
                self.held.insert((id, held.timer));
            }
            if let Event::TaskCompleted(done) = event {
                let says = done.emission.as_ref().map(|emission| &emission.value);
                self.complete(id, execution.task(done.activation), says);
            }
            if let Event::AttemptFailed(failed) = event
                && failed.problem.status == TIMEOUT
                && let Some(task) = execution.task(failed.activation)
                && let Some(life) = self.tasks.get_mut(&sending(id, &task))
            {
                life.timed_out = true;
            }
            if let Event::TaskRedispatched(again) = event
                && let Some(task) = execution.task(again.activation)
                && let Some(life) = self.tasks.get_mut(&sending(id, &task))
            {
                life.asked = batch.number;
            }
            evolve(execution, event);
        }
        let after = sendings(execution);
        for task in before.difference(&after) {
            if let Some(life) = self.tasks.get_mut(task) {
                life.settled = Some(batch.number);
            }
        }
        let fresh = TaskLife {
            scheduled: batch.number,
            asked: batch.number,
            settled: None,
            completed: None,
            timed_out: false,
        };
        for task in after.difference(&before) {
            self.tasks.entry(*task).or_insert(fresh).settled = None;
        }
        if execution.is_ended() {
            self.ended.entry(id).or_insert(batch.number);
        }
    }

    /// A timer that fires is pending, and due. One that was held acts later.
    fn fires(&mut self, at: Timestamp, execution: &Execution, timer: TimerId) {
        let id = execution.id();
        if self.held.remove(&(id, timer)) {
            return;
        }
        match execution.timer(timer) {
            None => self.violations.push(format!("I6: timer {timer} of {id} fires twice")),
            Some(pending) if pending.due > at => {
                let due = pending.due;
                self.early.push(format!("I6: timer {timer} of {id}, due {due}, fires at {at}"));
            }
            Some(_) => {}
        }
    }

    fn complete(&mut self, id: ExecutionId, task: Option<TaskSpec>, says: Option<&Value>) {
        let Some(task) = task else {
            return self
                .violations
                .push(format!("I5: a task of {id} completes that is not pending"));
        };
        let forged = matches!(says, Some(Value::New(payload)) if is_forged(payload.as_bytes()));
        if let Some(life) = self.tasks.get_mut(&sending(id, &task)) {
            life.completed = Some(!forged);
        }
    }
}

/// Whether a result is one that a worker of the simulation forged.
fn is_forged(payload: &[u8]) -> bool {
    payload.windows(6).any(|window| window == b"forged")
}

/// The sendings of tasks that an execution waits for.
fn sendings(execution: &Execution) -> BTreeSet<(TaskId, TaskToken)> {
    execution.tasks().map(|task| sending(execution.id(), &task)).collect()
}

/// What tells one sending of a task from all others.
fn sending(id: ExecutionId, task: &TaskSpec) -> (TaskId, TaskToken) {
    let (activation, attempt) = (task.activation, task.attempt);
    (TaskId { execution: id, activation, attempt }, task.token)
}
