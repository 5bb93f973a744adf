//! Where a trigger's partitions begin.

use std::collections::BTreeMap;

use flowmill_flow::Position;
use flowmill_log::kafka::rdkafka::consumer::{CommitMode, Consumer as _};
use flowmill_log::kafka::rdkafka::error::{KafkaError, KafkaResult};
use flowmill_log::kafka::rdkafka::types::RDKafkaErrorCode;
use flowmill_log::kafka::rdkafka::{Offset, TopicPartitionList};
use flowmill_model::TopicName;

use super::{ASK, Client};

/// Where each of these partitions begins. What the group has no position for gets one, which is
/// committed before it is given.
pub(super) fn settle(
    client: &Client,
    topic: &TopicName,
    partitions: &[i32],
    from: Position,
) -> KafkaResult<BTreeMap<i32, i64>> {
    let committed = committed(client, topic)?;
    let is_known = committed.values().any(Option::is_some);
    // Of a topic that nobody has a position on, every partition is settled, whoever reads it:
    // else a member that comes later could not tell a new group from a new partition.
    let missing: Vec<i32> = committed
        .iter()
        .filter(|(partition, at)| at.is_none() && (!is_known || partitions.contains(partition)))
        .map(|(partition, _)| *partition)
        .collect();
    let from = if is_known { Position::Earliest } else { from };
    let mut starts = BTreeMap::new();
    for partition in missing {
        let (first, end) = client.fetch_watermarks(topic.as_str(), partition, ASK)?;
        let start = match from {
            Position::Earliest => first,
            Position::Latest => end,
        };
        starts.insert(partition, start);
    }
    commit(client, topic, &starts)?;
    let found = |partition: &i32| {
        let known = committed.get(partition).copied().flatten();
        let start = known.or_else(|| starts.get(partition).copied());
        let unknown = KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownPartition);
        start.map(|start| (*partition, start)).ok_or(unknown)
    };
    partitions.iter().map(found).collect()
}

/// The group's positions on every partition of the topic.
fn committed(client: &Client, topic: &TopicName) -> KafkaResult<BTreeMap<i32, Option<i64>>> {
    let metadata = client.fetch_metadata(Some(topic.as_str()), ASK)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let mut asked = TopicPartitionList::new();
    for partition in partitions {
        asked.add_partition(topic.as_str(), partition.id());
    }
    let found = client.committed_offsets(asked, ASK)?;
    let position = |offset| match offset {
        Offset::Offset(at) => Some(at),
        Offset::Beginning
        | Offset::End
        | Offset::Stored
        | Offset::Invalid
        | Offset::OffsetTail(_) => None,
    };
    let elements = found.elements();
    Ok(elements.iter().map(|found| (found.partition(), position(found.offset()))).collect())
}

fn commit(client: &Client, topic: &TopicName, starts: &BTreeMap<i32, i64>) -> KafkaResult<()> {
    if starts.is_empty() {
        return Ok(());
    }
    let mut list = TopicPartitionList::new();
    for (partition, start) in starts {
        list.add_partition_offset(topic.as_str(), *partition, Offset::Offset(*start))?;
    }
    client.commit(&list, CommitMode::Sync)
}
