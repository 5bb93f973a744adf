//! Reads: a few consumers, called lanes, serve all readers.
//!
//! A lane is one consumer with partitions assigned by hand. One thread polls it and puts what
//! comes into the readers' queues; another one changes what is assigned, since the library's
//! answer to that takes a moment. A consumer has one position per partition, so a second reader of
//! a partition gets another lane. History has lanes of its own: who reads a long history must not
//! delay the inputs.
//!
//! **Invariants:** the polling thread runs no code of a reader's owner, and never waits for one: a
//! reader that is behind has its partition paused. Every record from a reader's position on comes
//! once and in order, whatever was read by others in the same lane before.

mod lane;
mod queue;
mod reader;

use std::collections::BTreeSet;
use std::sync::Arc;

use flowmill_model::Offset;
use parking_lot::Mutex;

use self::lane::{Key, Lane};
use self::queue::Queue;
pub(super) use self::reader::KafkaReader;
use super::clients::{ClientError, Clients};
use super::queries::Queries;
use crate::topic::{Partition, Topic};

/// A partition that is added to a lane waits for the fetch under way, which ends when there is
/// something or after this. Whoever takes a shard over reads history a few times, so it is short
/// there; a shorter one has a quiet broker answer more fetches for nothing.
const HISTORY: &[(&str, &str)] = &[("fetch.wait.max.ms", "20")];

const INPUTS: &[(&str, &str)] = &[("fetch.wait.max.ms", "50")];

/// All lanes of a log. Clones share them.
#[derive(Clone)]
pub(super) struct Lanes(Arc<Shared>);

struct Shared {
    clients: Clients,
    queries: Queries,
    lanes: Mutex<Vec<Entry>>,
}

struct Entry {
    lane: Lane,
    for_history: bool,
    held: BTreeSet<Partition>,
}

/// A reader's place in a lane. Dropping it ends the fetching.
struct Place {
    lanes: Lanes,
    index: usize,
    lane: Lane,
    partition: Partition,
    key: Key,
}

impl Lanes {
    /// Opens one lane for inputs, so that the first reader need not wait for a connection.
    pub(super) fn open(clients: &Clients, queries: Queries) -> Result<Self, ClientError> {
        let lanes = Mutex::new(Vec::new());
        let lanes = Self(Arc::new(Shared { clients: clients.clone(), queries, lanes }));
        lanes.add(&mut lanes.0.lanes.lock(), false)?;
        Ok(lanes)
    }

    pub(super) fn reader(&self, of: &Partition, from: Offset) -> KafkaReader {
        KafkaReader::new(self.clone(), of.clone(), from)
    }

    /// Begins to fetch a partition into a queue.
    fn attach(
        &self,
        partition: &Partition,
        from: Offset,
        queue: &Arc<Queue>,
    ) -> Result<Place, ClientError> {
        let mut lanes = self.0.lanes.lock();
        let for_history = partition.topic == Topic::History;
        let is_free =
            |entry: &Entry| entry.for_history == for_history && !entry.held.contains(partition);
        let index = match lanes.iter().position(is_free) {
            Some(index) => index,
            None => self.add(&mut lanes, for_history)?,
        };
        let entry = &mut lanes[index];
        entry.held.insert(partition.clone());
        let lane = entry.lane.clone();
        let topic = self.0.clients.settings().cluster.topic(&partition.topic);
        let key = (topic, i32::from(partition.number));
        // Under the lock, so that it comes after the detachment of who held the place before.
        lane.attach(&key, from, queue);
        Ok(Place { lanes: self.clone(), index, lane, partition: partition.clone(), key })
    }

    fn add(&self, lanes: &mut Vec<Entry>, for_history: bool) -> Result<usize, ClientError> {
        let (what, extra) = if for_history { ("history", HISTORY) } else { ("inputs", INPUTS) };
        let lane = Lane::start(&self.0.clients, &format!("read-{what}-{}", lanes.len()), extra)?;
        lanes.push(Entry { lane, for_history, held: BTreeSet::new() });
        Ok(lanes.len() - 1)
    }
}

impl Place {
    fn resume(&self) {
        self.lane.resume(&self.key);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lanes = self.lanes.0.lanes.lock();
        self.lane.detach(&self.key);
        lanes[self.index].held.remove(&self.partition);
    }
}
