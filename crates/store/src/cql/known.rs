//! What this process knows of what is stored, so that it need not ask before it writes.
//!
//! A bounded memory of executions that run, and which parts of lists have been announced lately.
//! What is not here is looked up, or written once more than needed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use flowmill_model::{ExecutionId, FlowName, limits};
use parking_lot::Mutex;

use super::cells::Shown;

/// Slots back from the newest one for which an announcement is remembered. Older ones may have
/// been taken back by a purge of another owner.
const REMEMBERED_SLOTS: i64 = 6;

/// A part of a list, as it is announced: flow, slice, bucket, shard.
pub(super) type ListBucket = (Arc<str>, i8, i64, u16);

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    recent: HashMap<ExecutionId, Arc<Shown>>,
    /// What was recent before; dropped when `recent` is full again.
    earlier: HashMap<ExecutionId, Arc<Shown>>,
    buckets: HashSet<ListBucket>,
    newest: i64,
    flows: HashSet<FlowName>,
}

impl Known {
    /// What was last written of an execution, if that is remembered.
    pub(super) fn shown(&self, id: ExecutionId) -> Option<Arc<Shown>> {
        let state = self.0.lock();
        state.recent.get(&id).or_else(|| state.earlier.get(&id)).cloned()
    }

    /// Remembers what was written. Of what has ended nothing more is expected.
    pub(super) fn wrote(&self, id: ExecutionId, shown: Arc<Shown>) {
        let mut state = self.0.lock();
        if shown.status().is_ended() {
            state.recent.remove(&id);
            state.earlier.remove(&id);
            return;
        }
        if state.recent.len() >= limits::STORE_KNOWN_EXECUTIONS / 2 {
            state.earlier = std::mem::take(&mut state.recent);
        }
        state.recent.insert(id, shown);
    }

    /// Forgets an execution.
    pub(super) fn forget(&self, id: ExecutionId) {
        let mut state = self.0.lock();
        state.recent.remove(&id);
        state.earlier.remove(&id);
    }

    /// Whether a part of a list need not be announced.
    pub(super) fn is_announced(&self, bucket: &ListBucket) -> bool {
        self.0.lock().buckets.contains(bucket)
    }

    /// Whether a flow need not be announced.
    pub(super) fn knows_flow(&self, flow: &FlowName) -> bool {
        self.0.lock().flows.contains(flow)
    }

    /// Remembers announcements that were made.
    pub(super) fn announced(&self, buckets: Vec<ListBucket>, flows: Vec<FlowName>) {
        let mut state = self.0.lock();
        let newest = buckets.iter().map(|bucket| bucket.2).max().unwrap_or(0);
        if newest > state.newest {
            state.newest = newest;
            state.buckets.retain(|bucket| bucket.2 > newest - REMEMBERED_SLOTS);
        }
        let oldest = state.newest - REMEMBERED_SLOTS;
        state.buckets.extend(buckets.into_iter().filter(|bucket| bucket.2 > oldest));
        state.flows.extend(flows);
    }

    /// Forgets every announcement: the servers may have lost them.
    pub(super) fn forget_announcements(&self) {
        let mut state = self.0.lock();
        state.buckets.clear();
        state.flows.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample::{ended, entry, id};

    #[test]
    fn executions_are_remembered_until_they_end_or_too_many_come() {
        let known = Known::default();
        let shown = |n| Arc::new(Shown::of(&entry(id(n), 1)));
        known.wrote(id(1), shown(1));
        assert!(known.shown(id(1)).is_some());
        known.wrote(id(1), Arc::new(Shown::of(&ended(entry(id(1), 2), 5))));
        assert!(known.shown(id(1)).is_none());
        for n in 0..limits::STORE_KNOWN_EXECUTIONS as u128 * 2 {
            known.wrote(id(n), shown(n));
        }
        let state = known.0.lock();
        let remembered = state.recent.len() + state.earlier.len();
        assert!(remembered <= limits::STORE_KNOWN_EXECUTIONS, "{remembered}");
    }

    #[test]
    fn only_recent_announcements_are_remembered() {
        let known = Known::default();
        let bucket = |number| (Arc::from("a/b"), 0, number, 1);
        known.announced(vec![bucket(100)], vec![]);
        assert!(known.is_announced(&bucket(100)));
        known.announced(vec![bucket(100 + REMEMBERED_SLOTS), bucket(3)], vec![]);
        assert!(!known.is_announced(&bucket(100)) && !known.is_announced(&bucket(3)));
        known.forget_announcements();
        assert!(!known.is_announced(&bucket(100 + REMEMBERED_SLOTS)));
    }
}
