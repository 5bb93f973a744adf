//! What history holds above the mark a recovery starts from: events per execution, open
//! deferrals, definitions, and what each batch was.

use std::collections::BTreeMap;

use flowmill_model::history::{
    Batch, Blob, DefinitionRecord, InputPositions, InputRef, RecordedTransition,
};
use flowmill_model::{BatchNumber, Epoch, ExecutionId, Offset, Timestamp};

use super::Alarm;

/// A batch as the projection needs it: everything but its transitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailBatch {
    /// Its place in history.
    pub offset: Offset,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its number.
    pub number: BatchNumber,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether there was anything in it that the store or somebody else is to learn of. One
    /// without may only carry a dispatched mark, and nothing follows one that does.
    pub content: bool,
    /// Input positions after it.
    pub positions: InputPositions,
    /// The dispatched mark in it.
    pub mark: BatchNumber,
    /// Inputs it deferred.
    pub deferred: Vec<InputRef>,
    /// Deferred inputs it decided.
    pub resolved: Vec<InputRef>,
}

/// A deferred input that no batch has decided yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDeferral {
    /// When it was first deferred.
    pub since: Timestamp,
    /// The whole record.
    pub record: Blob,
    /// Counts deferrals: inputs of one execution are decided in this order.
    pub order: u64,
}

/// Everything above the mark.
#[derive(Debug, Default)]
pub struct Index {
    /// Events per execution, in order, each with the offset of its batch.
    pub events: BTreeMap<ExecutionId, Vec<(Offset, RecordedTransition)>>,
    /// Inputs deferred and not resolved.
    pub deferrals: BTreeMap<InputRef, PendingDeferral>,
    /// Definitions decided, in order.
    pub definitions: Vec<(BatchNumber, DefinitionRecord)>,
    /// The batches, in order.
    pub batches: Vec<TailBatch>,
    start: BatchNumber,
    deferrals_seen: u64,
}

impl Index {
    /// An index whose reading starts right after batch `start`.
    pub fn from_mark(start: BatchNumber) -> Self {
        Self { start, ..Self::default() }
    }

    /// Takes in a batch that counts.
    pub fn add(&mut self, offset: Offset, batch: Batch) -> Result<(), Alarm> {
        for resolved in &batch.resolved {
            let known = self.deferrals.remove(resolved).is_some();
            // Before the first batch of the log there is nothing it could belong to.
            if !known && self.start == BatchNumber::default() {
                return Err(Alarm::UnknownDeferral(offset));
            }
        }
        self.batches.push(TailBatch::of(offset, &batch));
        for deferred in batch.deferred {
            let order = self.deferrals_seen;
            self.deferrals_seen += 1;
            let pending = PendingDeferral { since: deferred.since, record: deferred.record, order };
            self.deferrals.insert(deferred.input, pending);
        }
        for transition in batch.transitions {
            let tail = self.events.entry(transition.execution).or_default();
            tail.push((offset, RecordedTransition { at: batch.at, transition }));
        }
        let number = batch.number;
        self.definitions.extend(batch.definitions.into_iter().map(|record| (number, record)));
        Ok(())
    }
}

impl TailBatch {
    /// What the projection needs of `batch`.
    pub fn of(offset: Offset, batch: &Batch) -> Self {
        Self {
            offset,
            epoch: batch.epoch,
            number: batch.number,
            at: batch.at,
            content: has_content(batch),
            positions: batch.positions,
            mark: batch.mark,
            deferred: batch.deferred.iter().map(|deferred| deferred.input).collect(),
            resolved: batch.resolved.clone(),
        }
    }
}

/// Whether a batch decided anything.
fn has_content(batch: &Batch) -> bool {
    !batch.transitions.is_empty() || !batch.definitions.is_empty() || !batch.deferred.is_empty()
}
