//! Cases about topics.

use super::{Subject, append_numbers, history, history_spec, make, read_many, soon};
use crate::contract::ReadError;
use crate::topic::{Retention, Survival, Topic, TopicSpec};

/// Asking again changes nothing, asking for more adds partitions, asking for fewer is an error.
pub async fn a_topic_is_made_once_and_may_grow(mut subject: Subject) {
    let log = subject.open().await;
    assert_eq!(log.partitions(&Topic::History), None);
    make(&log, history_spec()).await;
    assert_eq!(log.partitions(&Topic::History), Some(2));
    let all = append_numbers(&log, &history(), 3).await;
    make(&log, history_spec()).await;
    make(&log, TopicSpec { partitions: 5, ..history_spec() }).await;
    assert_eq!(log.partitions(&Topic::History), Some(5));
    assert_eq!(read_many(&mut log.reader(&history(), all[0].offset), 3).await, all);
    for asked in [0, 4] {
        let fewer = log.ensure(TopicSpec { partitions: asked, ..history_spec() });
        let expected = ReadError::PartitionCount { topic: Topic::History, found: 5, asked };
        assert_eq!(soon("making a topic", fewer).await, Err(expected));
    }
}

/// A topic neither becomes compacted nor ceases to be.
pub async fn a_topic_is_compacted_for_ever_or_never(mut subject: Subject) {
    let log = subject.with_history().await;
    let asked = TopicSpec { retention: Retention::Compacted, ..history_spec() };
    let made = soon("making a topic", log.ensure(asked)).await;
    assert!(matches!(made, Err(ReadError::Refused { .. })), "{made:?}");
}

/// A log may promise more than was asked, never less.
pub async fn a_topic_survives_at_least_as_asked(mut subject: Subject) {
    let log = subject.with_history().await;
    assert_eq!(log.survival(&Topic::History), Survival::Durable);
}
