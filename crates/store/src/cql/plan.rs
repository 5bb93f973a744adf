//! Which requests write the rows of one flush.
//!
//! An execution's own rows are one request, most often. What several executions share a
//! partition for goes into batches of that partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use flowmill_model::{ExecutionId, FlowName, ShardId, limits};

use super::cells::{Divided, Shown, divide_events, divide_state, stamp};
use super::keys::{self, SlotKind};
use super::known::{Known, ListBucket};
use super::request::{Bound, Request, Value};
use super::statements::Statement;
use crate::row::{ExecutionWrite, RowVersion};

/// What is stored of an execution before a write.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// Nothing that matters is known: there is none, or rows are written once more.
    Unknown,
    /// This.
    Stored(Arc<Shown>),
}

/// The requests of one flush.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Parts of large values; before the cells that name them.
    pub(super) parts: Vec<Request>,
    /// Everything else, in any order.
    pub(super) rows: Vec<Request>,
    /// What takes away replaced parts; after the cells that named them.
    pub(super) tidying: Vec<Request>,
    /// What is announced, and need not be announced again.
    pub(super) buckets: Vec<ListBucket>,
    /// The same of flows.
    pub(super) flows: Vec<FlowName>,
}

/// Gathers the rows of one flush of one shard.
pub(super) struct Planner {
    shard: ShardId,
    plan: Plan,
    lists: BTreeMap<(Arc<str>, i64), Request>,
    timers: BTreeMap<i64, Request>,
    ends: BTreeMap<i64, Request>,
    /// Each with the highest version that announces it.
    buckets: BTreeMap<ListBucket, RowVersion>,
    slots: BTreeMap<(SlotKind, i64), RowVersion>,
    flows: BTreeSet<FlowName>,
}

impl Planner {
    /// A flush of `shard`.
    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            plan: Plan::default(),
            lists: BTreeMap::new(),
            timers: BTreeMap::new(),
            ends: BTreeMap::new(),
            buckets: BTreeMap::new(),
            slots: BTreeMap::new(),
            flows: BTreeSet::new(),
        }
    }

    /// Adds an entry; false when what is stored is later, and only its history counts.
    pub(super) fn add(&mut self, entry: &ExecutionWrite, before: &Before) -> bool {
        let stored = match before {
            Before::Unknown => None,
            Before::Stored(stored) => Some(stored.as_ref()),
        };
        if stored.is_some_and(|stored| stored.version > entry.version) {
            self.add_late_history(entry);
            return false;
        }
        let shown = Shown::of(entry);
        self.add_execution(entry, &shown);
        self.add_timers(entry);
        self.add_to_lists(entry, &shown, stored);
        self.add_end(entry, stored);
        true
    }

    fn add_late_history(&mut self, entry: &ExecutionWrite) {
        if let Some(bound) = self.events(entry) {
            self.plan.rows.push(vec![bound]);
        }
    }

    /// The execution's own partition: state, listing, history and which timers are set.
    fn add_execution(&mut self, entry: &ExecutionWrite, shown: &Shown) {
        let Divided { cell, parts } = divide_state(entry);
        self.add_parts(entry, &Bytes::new(), &parts);
        if !parts.is_empty() {
            self.plan.tidying.push(vec![drop_older_parts(entry)]);
        }
        let mut state = vec![
            keys::execution(entry.id),
            Value::Int(0),
            Value::Blob(cell),
            Value::Blob(shown.encode()),
        ];
        let stamp = Value::Big(stamp(entry.version));
        let mut request = Vec::with_capacity(1);
        match self.events(entry) {
            Some(mut events) if events.values[1] == Value::Int(0) => {
                state.extend(events.values.drain(2..));
                request.push(Bound { statement: Statement::PutStateAndEvents, values: state });
            }
            events => {
                self.plan.rows.extend(events.map(|bound| vec![bound]));
                state.push(stamp);
                request.push(Bound { statement: Statement::PutState, values: state });
            }
        }
        request.extend(timers_set(entry));
        self.plan.rows.extend(batches(request));
    }

    /// The row of history, as values of [`Statement::PutEvents`].
    fn events(&mut self, entry: &ExecutionWrite) -> Option<Bound> {
        let row = entry.history.as_ref()?;
        let place = Bytes::copy_from_slice(&keys::events(row.first, row.count));
        let Divided { cell, parts } = divide_events(entry.version, &row.blob);
        self.add_parts(entry, &place, &parts);
        let values = vec![
            keys::execution(entry.id),
            Value::Int(keys::bucket_of(row.first)),
            Value::Blob(place),
            Value::Blob(cell),
            Value::Big(stamp(entry.version)),
        ];
        Some(Bound { statement: Statement::PutEvents, values })
    }

    fn add_parts(&mut self, entry: &ExecutionWrite, owner: &Bytes, parts: &[Bytes]) {
        let stamp = stamp(entry.version);
        for (number, part) in (0..).zip(parts) {
            let values = vec![
                keys::execution(entry.id),
                Value::Blob(owner.clone()),
                Value::Big(stamp),
                Value::Int(number),
                Value::Blob(part.clone()),
                Value::Big(stamp),
            ];
            self.plan.parts.push(vec![Bound { statement: Statement::PutChunk, values }]);
        }
    }

    fn add_timers(&mut self, entry: &ExecutionWrite) {
        let stamp = stamp(entry.version);
        for row in &entry.timers_set {
            let slot = keys::slot_of(row.key.due);
            let values = vec![
                keys::shard(self.shard),
                Value::Big(slot),
                Value::bytes(&keys::timer(&row.key)),
                Value::Truth(row.task),
                Value::Big(stamp),
            ];
            let bound = Bound { statement: Statement::PutTimer, values };
            self.timers.entry(slot).or_default().push(bound);
            self.announce_slot(SlotKind::Timers, slot, entry.version);
        }
        for key in cleared(entry) {
            let slot = keys::slot_of(key.due);
            let values = vec![
                Value::Big(stamp),
                keys::shard(self.shard),
                Value::Big(slot),
                Value::bytes(&keys::timer(key)),
            ];
            let bound = Bound { statement: Statement::DropTimer, values };
            self.timers.entry(slot).or_default().push(bound);
        }
    }

    fn announce_slot(&mut self, kind: SlotKind, slot: i64, version: RowVersion) {
        let announced = self.slots.entry((kind, slot)).or_default();
        *announced = version.max(*announced);
    }

    fn add_to_lists(&mut self, entry: &ExecutionWrite, shown: &Shown, stored: Option<&Shown>) {
        let here = Listed::of(entry.id, shown);
        if let Some(stored) = stored {
            self.take_from_lists(entry, &here, &Listed::of(entry.id, stored));
        }
        let stamp = Value::Big(stamp(entry.version));
        let mut values = here.key(self.shard, keys::EVERYTHING);
        values.extend([Value::Blob(shown.encode()), stamp.clone()]);
        let mut rows = vec![Bound { statement: Statement::PutListed, values }];
        self.announce_bucket(&here, keys::EVERYTHING, entry.version);
        if let Some(slice) = here.slice {
            let mut values = here.key(self.shard, slice);
            values.push(stamp);
            rows.push(Bound { statement: Statement::PutIndexed, values });
            self.announce_bucket(&here, slice, entry.version);
        }
        self.lists.entry((here.flow, here.bucket)).or_default().extend(rows);
        self.flows.insert(entry.listing.flow.flow.clone());
    }

    /// Takes an execution out of the slices in which it is no longer.
    fn take_from_lists(&mut self, entry: &ExecutionWrite, here: &Listed, there: &Listed) {
        let moved =
            (&here.flow, here.bucket, &here.place) != (&there.flow, there.bucket, &there.place);
        let everything = moved.then_some(keys::EVERYTHING);
        let indexed = there.slice.filter(|slice| moved || here.slice != Some(*slice));
        for slice in everything.into_iter().chain(indexed) {
            let mut values = vec![Value::Big(stamp(entry.version))];
            values.extend(there.key(self.shard, slice));
            let bound = Bound { statement: Statement::DropListed, values };
            self.lists.entry((Arc::clone(&there.flow), there.bucket)).or_default().push(bound);
        }
    }

    fn announce_bucket(&mut self, listed: &Listed, slice: i8, version: RowVersion) {
        let bucket = (Arc::clone(&listed.flow), slice, listed.bucket, self.shard.get());
        let announced = self.buckets.entry(bucket).or_default();
        *announced = version.max(*announced);
    }

    fn add_end(&mut self, entry: &ExecutionWrite, stored: Option<&Shown>) {
        let stamp = stamp(entry.version);
        let key = |at| {
            let place = Value::bytes(&keys::at(at, entry.id));
            [keys::shard(self.shard), Value::Big(keys::slot_of(at)), place]
        };
        let old =
            stored.and_then(|stored| stored.purge_at).filter(|old| entry.purge_at != Some(*old));
        if let Some(old) = old {
            let mut values = vec![Value::Big(stamp)];
            values.extend(key(old));
            let bound = Bound { statement: Statement::DropEnd, values };
            self.ends.entry(keys::slot_of(old)).or_default().push(bound);
        }
        if let Some(at) = entry.purge_at {
            let mut values = key(at).to_vec();
            values.extend([Value::Big(stamp), Value::Big(stamp)]);
            let bound = Bound { statement: Statement::PutEnd, values };
            self.ends.entry(keys::slot_of(at)).or_default().push(bound);
            self.announce_slot(SlotKind::Ends, keys::slot_of(at), entry.version);
        }
    }

    /// The requests, without announcements that are known to have been made.
    pub(super) fn finish(mut self, known: &Known) -> Plan {
        self.announce(known);
        let Self { mut plan, lists, timers, ends, .. } = self;
        let shared = lists.into_values().chain(timers.into_values()).chain(ends.into_values());
        plan.rows.extend(shared.flat_map(batches));
        plan
    }

    fn announce(&mut self, known: &Known) {
        for (bucket, version) in std::mem::take(&mut self.buckets) {
            if known.is_announced(&bucket) {
                continue;
            }
            let values = vec![
                Value::Text(Arc::clone(&bucket.0)),
                Value::Tiny(bucket.1),
                Value::Big(bucket.2),
                keys::shard(self.shard),
                Value::Big(stamp(version)),
            ];
            self.plan.rows.push(vec![Bound { statement: Statement::PutListBucket, values }]);
            self.plan.buckets.push(bucket);
        }
        let mut slots: BTreeMap<SlotKind, Request> = BTreeMap::new();
        for ((kind, slot), version) in std::mem::take(&mut self.slots) {
            let stamp = Value::Big(stamp(version));
            let values = vec![keys::shard(self.shard), kind.value(), Value::Big(slot), stamp];
            slots.entry(kind).or_default().push(Bound { statement: Statement::PutSlot, values });
        }
        self.plan.rows.extend(slots.into_values().flat_map(batches));
        for flow in
            std::mem::take(&mut self.flows).into_iter().filter(|flow| !known.knows_flow(flow))
        {
            let text = |name: &str| Value::Text(name.into());
            let values = vec![text(flow.namespace.as_str()), text(flow.name.as_str())];
            self.plan.rows.push(vec![Bound { statement: Statement::PutFlow, values }]);
            self.plan.flows.push(flow);
        }
    }
}

/// An execution's place in the lists.
pub(super) struct Listed {
    /// The flow's key.
    pub(super) flow: Arc<str>,
    /// The part of the flow's list.
    pub(super) bucket: i64,
    /// The slice of its status, if that has one.
    pub(super) slice: Option<i8>,
    place: Bytes,
}

impl Listed {
    /// The place that `shown` says.
    pub(super) fn of(id: ExecutionId, shown: &Shown) -> Self {
        let listing = &shown.listing;
        let place = keys::listed(listing.position(id));
        Self {
            flow: listing.flow.flow.to_string().into(),
            bucket: keys::slot_of(listing.started_at),
            slice: keys::slice_of(listing.status),
            place: Bytes::copy_from_slice(&place),
        }
    }

    /// The key of its row in a slice.
    pub(super) fn key(&self, shard: ShardId, slice: i8) -> Vec<Value> {
        vec![
            Value::Text(Arc::clone(&self.flow)),
            Value::Big(self.bucket),
            keys::shard(shard),
            Value::Tiny(slice),
            Value::Blob(self.place.clone()),
        ]
    }
}

/// Timers that are cleared and not set by the same entry: at one timestamp a deletion would win.
fn cleared(entry: &ExecutionWrite) -> impl Iterator<Item = &crate::row::TimerKey> {
    let is_set = |key: &crate::row::TimerKey| entry.timers_set.iter().any(|row| row.key == *key);
    entry.timers_cleared.iter().filter(move |key| !is_set(key))
}

/// The rows in the execution's own partition that say which timers are set.
fn timers_set(entry: &ExecutionWrite) -> impl Iterator<Item = Bound> {
    let stamp = Value::Big(stamp(entry.version));
    let key = |key| [keys::execution(entry.id), Value::Int(0), Value::bytes(&keys::timer_set(key))];
    let after = stamp.clone();
    let set = entry.timers_set.iter().map(move |row| {
        let mut values = key(&row.key).to_vec();
        values.push(after.clone());
        Bound { statement: Statement::PutTimerSet, values }
    });
    let dropped = cleared(entry).map(move |timer| {
        let mut values = vec![stamp.clone()];
        values.extend(key(timer));
        Bound { statement: Statement::DropTimerSet, values }
    });
    set.chain(dropped)
}

fn drop_older_parts(entry: &ExecutionWrite) -> Bound {
    let stamp = Value::Big(stamp(entry.version));
    let owner = Value::Blob(Bytes::new());
    let values = vec![stamp.clone(), keys::execution(entry.id), owner, stamp];
    Bound { statement: Statement::DropOlderChunks, values }
}

/// Cuts the changes of one partition into batches that a server takes in one go.
pub(super) fn batches(changes: Request) -> Vec<Request> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Request::new(), 0);
    for bound in changes {
        let size = bound.size();
        let full =
            batch.len() >= limits::STORE_BATCH_ROWS || bytes + size > limits::STORE_BATCH_BYTES;
        if full && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.push(bound);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample::{SHARD, ended, entry, id, timer, with_events};

    fn plan(entries: &[ExecutionWrite]) -> Plan {
        let mut planner = Planner::new(SHARD);
        for entry in entries {
            assert!(planner.add(entry, &Before::Unknown));
        }
        planner.finish(&Known::default())
    }

    fn count(plan: &Plan, statement: Statement) -> usize {
        plan.rows.iter().flatten().filter(|bound| bound.statement == statement).count()
    }

    #[test]
    fn a_short_execution_is_one_request_and_its_share_of_three() {
        let entries: Vec<_> =
            (0..100).map(|n| ended(with_events(entry(id(n), 3), 0, 3), 2_000)).collect();
        let plan = plan(&entries);
        assert_eq!(count(&plan, Statement::PutStateAndEvents), 100);
        assert_eq!(count(&plan, Statement::PutListed), 100);
        assert_eq!(count(&plan, Statement::PutIndexed), 0, "completed ones are in no slice");
        // Besides: two batches each of a list and of ends, a bucket, a slot, a flow.
        assert_eq!(plan.rows.len(), 100 + 2 + 2 + 3);
        assert!(plan.parts.is_empty() && plan.tidying.is_empty());
    }

    #[test]
    fn a_late_entry_brings_its_history_and_nothing_else() {
        let mut planner = Planner::new(SHARD);
        let stored = Before::Stored(Arc::new(Shown::of(&entry(id(1), 5))));
        let mut late = with_events(entry(id(1), 4), 0, 4);
        late.timers_set = vec![timer(id(1), 10, 1)];
        assert!(!planner.add(&late, &stored));
        let plan = planner.finish(&Known::default());
        assert_eq!(plan.rows.len(), 1);
        assert_eq!(count(&plan, Statement::PutEvents), 1);
    }

    #[test]
    fn a_timer_that_one_entry_clears_and_sets_is_set() {
        let mut both = entry(id(1), 2);
        both.timers_set = vec![timer(id(1), 10, 1)];
        both.timers_cleared = vec![timer(id(1), 10, 1).key, timer(id(1), 20, 2).key];
        let plan = plan(&[both]);
        assert_eq!(count(&plan, Statement::PutTimer), 1);
        assert_eq!(count(&plan, Statement::DropTimer), 1);
    }

    #[test]
    fn batches_are_bounded_in_rows_and_bytes() {
        let bound = |bytes: usize| Bound {
            statement: Statement::PutTimer,
            values: vec![Value::Blob(vec![0; bytes].into())],
        };
        let lengths = |rows: usize, bytes: usize| -> Vec<usize> {
            batches((0..rows).map(|_| bound(bytes)).collect()).iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(101, 10), [50, 50, 1]);
        assert_eq!(lengths(3, 40_000), [1, 1, 1]);
        assert_eq!(lengths(2, 1_000_000), [1, 1], "what is too large alone goes alone");
        assert_eq!(lengths(0, 1), [0_usize; 0]);
    }
}
