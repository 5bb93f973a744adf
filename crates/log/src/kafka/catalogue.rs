//! Which topics of the cluster are there, as far as this process knows.
//!
//! **Invariant:** a topic that was seen is not forgotten and does not shrink: a broker that knows
//! less is behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::settings::ClusterName;
use super::topics::Overview;
use crate::topic::{Partition, Topic, TopicSpec};

/// Clones share what is known.
#[derive(Clone, Default)]
pub(super) struct Catalogue(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    partitions: BTreeMap<Topic, u16>,
    /// Specifications that were met once.
    ensured: BTreeMap<Topic, TopicSpec>,
}

impl Catalogue {
    pub(super) fn partitions(&self, topic: &Topic) -> Option<u16> {
        self.0.read().partitions.get(topic).copied()
    }

    pub(super) fn has(&self, partition: &Partition) -> bool {
        self.partitions(&partition.topic).is_some_and(|count| partition.number < count)
    }

    /// Adds what metadata show.
    pub(super) fn learn(&self, cluster: &ClusterName, overview: &Overview) {
        let mut known = self.0.write();
        for (name, seen) in &overview.topics {
            if let Some(topic) = cluster.topic_named(name) {
                let count = known.partitions.entry(topic).or_default();
                *count = seen.partitions.max(*count);
            }
        }
    }

    pub(super) fn is_ensured(&self, spec: &TopicSpec) -> bool {
        self.0.read().ensured.get(&spec.topic) == Some(spec)
    }

    pub(super) fn ensured(&self, spec: TopicSpec) {
        self.0.write().ensured.insert(spec.topic.clone(), spec);
    }
}
