//! All tables of one write transaction, and the contract's rules on them.
//!
//! Entries are applied in the order of their ids, so that the rows of executions that started
//! together fall into the same pages. Nothing here commits.

use std::collections::BTreeMap;

use flowmill_model::{ExecutionId, FlowName, Sequence, ShardId};
use redb::{ReadableTable, Table, WriteTransaction};

use super::executions::Head;
use super::failure::Failure;
use super::flows::FlowNumber;
use super::{ends, executions, flows, history, lists, timers};
use crate::row::{ExecutionWrite, Purge, Write};

/// The tables of one write transaction.
pub(super) struct Rows<'t> {
    executions: Table<'t, &'static [u8; 16], &'static [u8]>,
    history: Table<'t, &'static [u8; 24], &'static [u8]>,
    timers: Table<'t, &'static [u8; 30], u8>,
    lists: Table<'t, &'static [u8; 29], ()>,
    ends: Table<'t, &'static [u8; 26], ()>,
    flows: Table<'t, &'static str, u32>,
    /// Numbers seen in this transaction.
    numbers: BTreeMap<FlowName, FlowNumber>,
    /// The value being made; kept for its capacity.
    buffer: Vec<u8>,
}

impl<'t> Rows<'t> {
    /// Opens the tables, and makes those that are missing.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Failure> {
        Ok(Self {
            executions: transaction.open_table(executions::TABLE)?,
            history: transaction.open_table(history::TABLE)?,
            timers: transaction.open_table(timers::TABLE)?,
            lists: transaction.open_table(lists::TABLE)?,
            ends: transaction.open_table(ends::TABLE)?,
            flows: transaction.open_table(flows::TABLE)?,
            numbers: BTreeMap::new(),
            buffer: Vec::new(),
        })
    }

    /// Applies one flush.
    pub(super) fn write(&mut self, shard: ShardId, write: &Write) -> Result<(), Failure> {
        let mut entries: Vec<_> = write.executions.iter().collect();
        entries.sort_unstable_by_key(|entry| entry.id);
        entries.into_iter().try_for_each(|entry| self.apply(shard, entry))
    }

    fn apply(&mut self, shard: ShardId, entry: &ExecutionWrite) -> Result<(), Failure> {
        let stored = self.head(entry.id)?;
        self.add_history(entry, stored.as_ref())?;
        if stored.as_ref().is_some_and(|stored| stored.version > entry.version) {
            return Ok(());
        }
        let head = self.next_head(entry, stored.as_ref())?;
        self.update_indexes(entry.id, stored.as_ref(), &head)?;
        self.update_timers(shard, entry, stored.as_ref())?;
        let value = executions::encode(&head, &entry.checkpoint, &mut self.buffer);
        self.executions.insert(&executions::key(entry.id), value)?;
        Ok(())
    }

    fn head(&self, id: ExecutionId) -> Result<Option<Head>, Failure> {
        let value = self.executions.get(&executions::key(id))?;
        value.map(|value| executions::head(id, value.value())).transpose()
    }

    fn add_history(
        &mut self,
        entry: &ExecutionWrite,
        stored: Option<&Head>,
    ) -> Result<(), Failure> {
        let Some(row) = &entry.history else {
            return Ok(());
        };
        let value = history::encode(row, &mut self.buffer);
        if stored.is_some_and(|stored| stored.sequence > row.first) {
            return history::insert_among(&mut self.history, entry.id, row, value);
        }
        self.history.insert(&history::key(entry.id, row.first), value)?;
        Ok(())
    }

    fn next_head(
        &mut self,
        entry: &ExecutionWrite,
        stored: Option<&Head>,
    ) -> Result<Head, Failure> {
        let mut timers = stored.map(|stored| stored.timers.clone()).unwrap_or_default();
        let set = entry.timers_set.iter().map(|row| (row.key.due, row.key.timer));
        timers
            .retain(|timer| !entry.timers_cleared.iter().any(|key| (key.due, key.timer) == *timer));
        timers.extend(set);
        timers.sort_unstable();
        timers.dedup();
        Ok(Head {
            version: entry.version,
            sequence: entry.sequence,
            flow: self.flow_number(&entry.listing.flow.flow)?,
            flow_version: entry.listing.flow.version.clone(),
            status: entry.listing.status,
            started_at: entry.listing.started_at,
            ended_at: entry.listing.ended_at,
            purge_at: entry.purge_at,
            timers,
        })
    }

    fn flow_number(&mut self, flow: &FlowName) -> Result<FlowNumber, Failure> {
        if let Some(number) = self.numbers.get(flow) {
            return Ok(*number);
        }
        let number = flows::number(&mut self.flows, flow)?;
        self.numbers.insert(flow.clone(), number);
        Ok(number)
    }

    /// Moves the rows of `lists` and `ends` that are no longer where they belong.
    fn update_indexes(
        &mut self,
        id: ExecutionId,
        stored: Option<&Head>,
        head: &Head,
    ) -> Result<(), Failure> {
        let (old, new) = (stored.map(|stored| lists::key_of(id, stored)), lists::key_of(id, head));
        if old != Some(new) {
            if let Some(old) = old {
                self.lists.remove(&old)?;
            }
            self.lists.insert(&new, ())?;
        }
        let old = stored.and_then(|stored| ends::key_of(id, stored));
        let new = ends::key_of(id, head);
        if old != new {
            if let Some(old) = old {
                self.ends.remove(&old)?;
            }
            if let Some(new) = new {
                self.ends.insert(&new, ())?;
            }
        }
        Ok(())
    }

    fn update_timers(
        &mut self,
        shard: ShardId,
        entry: &ExecutionWrite,
        stored: Option<&Head>,
    ) -> Result<(), Failure> {
        for timer in &entry.timers_cleared {
            if stored.is_some() {
                self.timers.remove(&timers::key(shard, *timer))?;
            }
        }
        for timer in &entry.timers_set {
            self.timers.insert(&timers::key(shard, timer.key), timers::value(*timer))?;
        }
        Ok(())
    }

    /// Deletes ended executions; answers how many.
    pub(super) fn purge(&mut self, purge: Purge) -> Result<usize, Failure> {
        let due = ends::due(&self.ends, purge)?;
        due.iter().try_for_each(|id| self.remove(purge.shard, *id))?;
        Ok(due.len())
    }

    fn remove(&mut self, shard: ShardId, id: ExecutionId) -> Result<(), Failure> {
        let Some(head) = self.head(id)? else {
            return Err(Failure::row("ends", id, "there is no such execution"));
        };
        self.lists.remove(&lists::key_of(id, &head))?;
        if let Some(end) = ends::key_of(id, &head) {
            self.ends.remove(&end)?;
        }
        for timer in head.timer_keys(id) {
            self.timers.remove(&timers::key(shard, timer))?;
        }
        let first = history::key(id, Sequence::new(0));
        let last = history::key(id, Sequence::new(u64::MAX));
        self.history.retain_in::<&[u8; 24], _>(&first..=&last, |_, _| false)?;
        self.executions.remove(&executions::key(id))?;
        Ok(())
    }
}
