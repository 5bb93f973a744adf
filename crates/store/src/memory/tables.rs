//! The rows of a [`MemoryStore`](super::MemoryStore): the contract's rules on plain maps.
//!
//! No time, no locks, no failures here. This is also what other implementations are compared
//! with.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use flowmill_model::{ExecutionId, Sequence, ShardId, Timestamp};

use crate::row::{
    Checkpoint, ExecutionWrite, HistoryRow, ListPosition, ListQuery, Listing, Purge, TimerKey,
    TimerRow,
};

/// All rows but the watermarks.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    executions: BTreeMap<ExecutionId, Row>,
    history: BTreeMap<(ExecutionId, Sequence), HistoryRow>,
    timers: BTreeMap<ShardId, BTreeMap<TimerKey, TimerRow>>,
    positions: BTreeSet<ListPosition>,
}

/// What is kept of an execution besides its history and timers.
#[derive(Clone, Debug)]
struct Row {
    checkpoint: Checkpoint,
    listing: Listing,
    purge_at: Option<Timestamp>,
}

impl Tables {
    /// Applies one entry of a flush.
    pub(super) fn apply(&mut self, shard: ShardId, entry: &ExecutionWrite) {
        if let Some(row) = &entry.history {
            self.add_history(entry.id, row);
        }
        let stored = self.executions.get(&entry.id);
        if stored.is_some_and(|stored| stored.checkpoint.version > entry.version) {
            return;
        }
        if let Some(stored) = stored {
            self.positions.remove(&stored.listing.position(entry.id));
        }
        self.positions.insert(entry.listing.position(entry.id));
        let timers = self.timers.entry(shard).or_default();
        for key in &entry.timers_cleared {
            timers.remove(key);
        }
        timers.extend(entry.timers_set.iter().map(|row| (row.key, *row)));
        let checkpoint = Checkpoint {
            version: entry.version,
            sequence: entry.sequence,
            state: entry.checkpoint.clone(),
        };
        let (listing, purge_at) = (entry.listing.clone(), entry.purge_at);
        self.executions.insert(entry.id, Row { checkpoint, listing, purge_at });
    }

    fn add_history(&mut self, id: ExecutionId, row: &HistoryRow) {
        let stored = self.history.entry((id, row.first)).or_insert_with(|| row.clone());
        if row.count > stored.count {
            stored.clone_from(row);
        }
    }

    /// What [`Store::load`](crate::Store::load) answers.
    pub(super) fn load(&self, id: ExecutionId) -> Option<Checkpoint> {
        self.executions.get(&id).map(|row| row.checkpoint.clone())
    }

    /// What [`Store::history`](crate::Store::history) answers.
    pub(super) fn history(&self, id: ExecutionId, from: Sequence, limit: usize) -> Vec<HistoryRow> {
        let mut covered = from;
        let mut rows: Vec<HistoryRow> = Vec::new();
        for (_, row) in self.history.range((id, Sequence::new(0))..=(id, Sequence::new(u64::MAX))) {
            if row.end() <= covered {
                continue;
            }
            covered = row.end();
            if row.first <= from {
                rows.clear();
            }
            rows.push(row.clone());
        }
        rows.truncate(limit);
        rows
    }

    /// What [`Store::timers`](crate::Store::timers) answers.
    pub(super) fn timers(
        &self,
        shard: ShardId,
        after: Option<TimerKey>,
        until: Timestamp,
        limit: usize,
    ) -> Vec<TimerRow> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let timers = self.timers.get(&shard).into_iter();
        timers
            .flat_map(|timers| timers.range((after, Bound::Unbounded)))
            .map(|(_, row)| *row)
            .take_while(|row| row.key.due < until)
            .take(limit)
            .collect()
    }

    /// What [`Store::list`](crate::Store::list) answers.
    pub(super) fn list(&self, query: &ListQuery) -> Vec<(ListPosition, Listing)> {
        let newest_first = self.positions.iter().rev();
        newest_first
            .filter(|position| query.after.is_none_or(|after| **position < after))
            .filter_map(|position| {
                let listing = &self.executions.get(&position.execution)?.listing;
                query.matches(listing).then(|| (*position, listing.clone()))
            })
            .take(query.limit)
            .collect()
    }

    /// The executions that a purge deletes.
    pub(super) fn due(&self, purge: Purge) -> Vec<ExecutionId> {
        let mut due: Vec<_> = self
            .executions
            .iter()
            .filter(|(id, _)| id.shard() == purge.shard)
            .filter_map(|(id, row)| Some((row.purge_at?, *id)))
            .filter(|(at, _)| *at < purge.before)
            .collect();
        due.sort_unstable();
        due.truncate(purge.limit);
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Deletes an execution with all its rows.
    pub(super) fn remove(&mut self, id: ExecutionId) {
        let Some(row) = self.executions.remove(&id) else {
            return;
        };
        self.positions.remove(&row.listing.position(id));
        let rows = (id, Sequence::new(0))..=(id, Sequence::new(u64::MAX));
        let keys: Vec<_> = self.history.range(rows).map(|(key, _)| *key).collect();
        for key in keys {
            self.history.remove(&key);
        }
        if let Some(timers) = self.timers.get_mut(&id.shard()) {
            timers.retain(|key, _| key.execution != id);
        }
    }
}
