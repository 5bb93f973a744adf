//! The topics of an embedded log.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_model::Offset;
use parking_lot::RwLock;

use super::entry::{PartitionId, TopicEntry, TopicState};
use super::partition::{DurablePartition, Found};
use super::volatile::{Budget, VolatilePartition};
use crate::contract::{Bounds, ReadError, ReadLimit};
use crate::topic::{Partition, Retention, Survival, Topic, TopicSpec};

/// A partition of either kind.
#[derive(Clone)]
pub(super) enum Kept {
    Durable(Arc<DurablePartition>),
    Volatile(Arc<VolatilePartition>),
}

impl Kept {
    pub(super) fn bounds(&self) -> Bounds {
        match self {
            Self::Durable(partition) => partition.bounds(),
            Self::Volatile(partition) => partition.bounds(),
        }
    }

    pub(super) fn find(&self, from: Offset, limit: ReadLimit) -> Result<Found, ReadError> {
        match self {
            Self::Durable(partition) => partition.find(from.get(), limit),
            Self::Volatile(partition) => partition.find(from.get(), limit),
        }
    }

    fn notify(&self) {
        match self {
            Self::Durable(partition) => partition.notify(),
            Self::Volatile(partition) => partition.notify(),
        }
    }
}

/// All topics.
pub(super) struct Topics {
    by_name: RwLock<BTreeMap<Topic, Known>>,
    /// Where offsets of partitions in memory begin.
    volatile_base: u64,
    budget: Arc<Budget>,
}

struct Known {
    spec: TopicSpec,
    /// The topic's number in the files; `None` for one in memory.
    id: Option<u16>,
    partitions: Vec<Kept>,
}

/// What must be done to give a topic the shape asked for.
pub(super) enum Change {
    /// Nothing.
    None,
    /// It concerns memory only.
    InMemory,
    /// It must be written down.
    OnDisk(TopicEntry),
}

impl Topics {
    pub(super) fn new(volatile_base: u64, budget: Budget) -> Self {
        Self { by_name: RwLock::default(), volatile_base, budget: Arc::new(budget) }
    }

    pub(super) fn find(&self, partition: &Partition) -> Option<Kept> {
        let topics = self.by_name.read();
        topics.get(&partition.topic)?.partitions.get(usize::from(partition.number)).cloned()
    }

    pub(super) fn spec(&self, topic: &Topic) -> Option<TopicSpec> {
        self.by_name.read().get(topic).map(|known| known.spec.clone())
    }

    /// Every topic, in order of their names.
    pub(super) fn specs(&self) -> Vec<TopicSpec> {
        self.by_name.read().values().map(|known| known.spec.clone()).collect()
    }

    /// Wakes the readers of every partition.
    pub(super) fn notify_all(&self) {
        for known in self.by_name.read().values() {
            known.partitions.iter().for_each(Kept::notify);
        }
    }

    /// What it takes to give a topic the shape asked for, or why that cannot be.
    pub(super) fn change(&self, asked: &TopicSpec) -> Result<Change, ReadError> {
        let topics = self.by_name.read();
        let found = topics.get(&asked.topic);
        let partitions = found.map_or(0, |found| found.spec.partitions);
        if asked.partitions < partitions.max(1) {
            let (topic, found, asked) = (asked.topic.clone(), partitions, asked.partitions);
            return Err(ReadError::PartitionCount { topic, found, asked });
        }
        let Some(found) = found else {
            return Ok(match asked.survival {
                Survival::Derivable => Change::InMemory,
                Survival::Durable => Change::OnDisk(entry(free_id(&topics, asked)?, asked)),
            });
        };
        let refused =
            |why: &str| ReadError::Refused { topic: asked.topic.clone(), why: why.to_owned() };
        if found.spec.changes_compaction(asked) {
            return Err(refused("a topic is compacted for ever or never"));
        }
        let same =
            found.spec.partitions == asked.partitions && found.spec.retention == asked.retention;
        match (found.id, asked.survival) {
            (None, Survival::Durable) => {
                Err(refused("it is kept in memory as long as this process runs"))
            }
            _ if same => Ok(Change::None),
            (None, Survival::Derivable) => Ok(Change::InMemory),
            // A durable topic stays one: the log may promise more than is asked.
            (Some(id), _) => Ok(Change::OnDisk(entry(id, asked))),
        }
    }

    /// Makes or changes a topic in memory.
    pub(super) fn apply_volatile(&self, spec: TopicSpec) {
        let mut topics = self.by_name.write();
        let known = topics.entry(spec.topic.clone()).or_insert_with(|| Known {
            spec: spec.clone(),
            id: None,
            partitions: Vec::new(),
        });
        for kept in &known.partitions {
            match kept {
                Kept::Volatile(partition) => partition.set_retention(spec.retention),
                Kept::Durable(_) => {}
            }
        }
        known.partitions.resize_with(spec.partitions.into(), || {
            let partition =
                VolatilePartition::new(self.volatile_base, spec.retention, &self.budget);
            Kept::Volatile(Arc::new(partition))
        });
        known.spec = spec;
    }

    /// Makes or changes a topic on disk, after that was written down. New partitions begin at
    /// `positions`, or at 0 where there are none.
    pub(super) fn apply_durable(&self, entry: &TopicEntry, positions: &[(u64, u64)]) {
        let TopicEntry { id, topic, partitions, retention } = entry.clone();
        let spec = TopicSpec { topic, partitions, retention, survival: Survival::Durable };
        let mut topics = self.by_name.write();
        let known = topics.entry(spec.topic.clone()).or_insert_with(|| Known {
            spec: spec.clone(),
            id: Some(id),
            partitions: Vec::new(),
        });
        let compacted = retention == Retention::Compacted;
        let made = u16::try_from(known.partitions.len()).unwrap_or(u16::MAX);
        for number in made..partitions {
            let (start, next) = positions.get(usize::from(number)).copied().unwrap_or((0, 0));
            let id = PartitionId { topic: id, number };
            let partition = DurablePartition::new(id, compacted, start, next);
            known.partitions.push(Kept::Durable(Arc::new(partition)));
        }
        known.spec = spec;
    }

    /// Every durable topic with its positions.
    pub(super) fn state(&self) -> Vec<TopicState> {
        let topics = self.by_name.read();
        let durable = topics.values().filter_map(|known| {
            let entry = entry(known.id?, &known.spec);
            let positions = durable(known).map(|partition| partition.positions()).collect();
            Some(TopicState { entry, positions })
        });
        durable.collect()
    }

    /// Every durable partition, with its topic's retention.
    pub(super) fn durable_partitions(&self) -> Vec<(Retention, Arc<DurablePartition>)> {
        let topics = self.by_name.read();
        let with_retention = |known: &Known| {
            let retention = known.spec.retention;
            durable(known)
                .map(move |partition| (retention, Arc::clone(partition)))
                .collect::<Vec<_>>()
        };
        topics.values().flat_map(with_retention).collect()
    }
}

fn durable(known: &Known) -> impl Iterator<Item = &Arc<DurablePartition>> {
    known.partitions.iter().filter_map(|kept| match kept {
        Kept::Durable(partition) => Some(partition),
        Kept::Volatile(_) => None,
    })
}

fn entry(id: u16, spec: &TopicSpec) -> TopicEntry {
    let TopicSpec { topic, partitions, retention, survival: _ } = spec.clone();
    TopicEntry { id, topic, partitions, retention }
}

fn free_id(topics: &BTreeMap<Topic, Known>, asked: &TopicSpec) -> Result<u16, ReadError> {
    let highest = topics.values().filter_map(|known| known.id).max();
    highest.map_or(Some(0), |highest| highest.checked_add(1)).ok_or_else(|| ReadError::Refused {
        topic: asked.topic.clone(),
        why: "the log has as many topics as it can number".to_owned(),
    })
}
