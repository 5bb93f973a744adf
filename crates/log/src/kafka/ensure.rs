//! Makes, grows and trims topics for a log that is open.

use flowmill_model::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::catalogue::Catalogue;
use super::clients::Clients;
use super::error::ClusterError;
use super::table::{self, Replicas};
use super::topics::{self, Admin};
use crate::contract::{Bounds, ReadError};
use crate::topic::{Partition, Topic, TopicSpec};

/// Makes the topic unless it is there, and sees that it is as asked.
pub(super) async fn ensure(
    clients: &Clients,
    catalogue: &Catalogue,
    replicas: Replicas,
    spec: TopicSpec,
) -> Result<(), ReadError> {
    if catalogue.is_ensured(&spec) {
        return Ok(());
    }
    let refused = |error: ClusterError| refused(&spec.topic, &error);
    let cluster = &clients.settings().cluster;
    let name = cluster.topic(&spec.topic);
    let overview = topics::overview(clients).await.map_err(refused)?;
    let found = overview.partitions(&name);
    catalogue.learn(cluster, &overview);
    if spec.partitions < found.max(1) {
        let (topic, asked) = (spec.topic, spec.partitions);
        return Err(ReadError::PartitionCount { topic, found, asked });
    }
    if found > 0 {
        retain(clients, &name, &spec).await?;
    }
    if found < spec.partitions {
        make(clients, catalogue, replicas, &spec, found).await?;
    }
    catalogue.ensured(spec);
    Ok(())
}

/// Makes the topic, or gives it more partitions, and waits until all of them can be used.
async fn make(
    clients: &Clients,
    catalogue: &Catalogue,
    replicas: Replicas,
    spec: &TopicSpec,
    found: u16,
) -> Result<(), ReadError> {
    let refused = |error: ClusterError| refused(&spec.topic, &error);
    let name = clients.settings().cluster.topic(&spec.topic);
    let admin = Admin::new(clients).map_err(refused)?;
    let made = if found == 0 {
        admin.create(&name, spec.partitions, spec.retention, replicas).await
    } else {
        admin.grow(&name, spec.partitions).await
    };
    made.map_err(refused)?;
    let wanted = [(name.clone(), spec.partitions)];
    let ready = topics::ready(clients, &wanted).await.map_err(refused)?;
    catalogue.learn(&clients.settings().cluster, &ready);
    let found = ready.partitions(&name);
    if found > spec.partitions {
        // Somebody else made it at the same time, with more.
        let (topic, asked) = (spec.topic.clone(), spec.partitions);
        return Err(ReadError::PartitionCount { topic, found, asked });
    }
    Ok(())
}

/// Sees that a topic that is there keeps its records for at least as long as asked.
async fn retain(clients: &Clients, name: &str, spec: &TopicSpec) -> Result<(), ReadError> {
    if !clients.settings().security.serves_admin() {
        return Ok(());
    }
    let refused = |error: ClusterError| refused(&spec.topic, &error);
    let admin = Admin::new(clients).map_err(refused)?;
    let described = admin.describe(&[name.to_owned()]).await.map_err(refused)?;
    let value = |key: &str| {
        let entry = described.first().and_then(|topic| topic.get(key));
        entry.and_then(|entry| entry.value.clone()).unwrap_or_default()
    };
    let policy = value("cleanup.policy");
    if policy != table::policy(spec.retention) {
        let why = format!("its cleanup.policy is {policy}: a topic is compacted for ever or never");
        return Err(ReadError::Refused { topic: spec.topic.clone(), why });
    }
    let key = "retention.ms";
    match table::retention_ms(spec.retention) {
        Some(wanted) if topics::unfit(name, key, &value(key), &wanted).is_some() => {
            admin.set(name, key, &wanted).await.map_err(refused)
        }
        Some(_) | None => Ok(()),
    }
}

/// Deletes the records below `before`, of those there were when the bounds were asked for.
pub(super) async fn trim(
    clients: &Clients,
    of: &Partition,
    before: Offset,
    bounds: Bounds,
) -> Result<(), ReadError> {
    let before = before.min(bounds.end);
    if before <= bounds.start {
        return Ok(());
    }
    let admin = Admin::new(clients).map_err(|error| refused(&of.topic, &error))?;
    let failed = |error: KafkaError| not_trimmed(&of.topic, &error);
    let topic = clients.settings().cluster.topic(&of.topic);
    let mut list = TopicPartitionList::new();
    let at = rdkafka::Offset::Offset(i64::try_from(before.get()).unwrap_or(i64::MAX));
    list.add_partition_offset(&topic, i32::from(of.number), at).map_err(failed)?;
    let trimmed = admin.native().delete_records(&list, &clients.admin_options()).await;
    let trimmed = trimmed.map_err(failed)?;
    trimmed.elements().iter().try_for_each(|one| one.error()).map_err(failed)
}

/// Most failures pass: a leader moves, a broker is away.
fn not_trimmed(topic: &Topic, error: &KafkaError) -> ReadError {
    let forbidden = matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::PolicyViolation
        )
    );
    if forbidden {
        return ReadError::Refused { topic: topic.clone(), why: error.to_string() };
    }
    ReadError::Unavailable(error.to_string())
}

fn refused(topic: &Topic, error: &ClusterError) -> ReadError {
    match error {
        ClusterError::Unreachable { .. } | ClusterError::NotEncrypted { .. } => {
            ReadError::Unavailable(error.to_string())
        }
        ClusterError::Client(_)
        | ClusterError::LoginRefused { .. }
        | ClusterError::NotInitialised { .. }
        | ClusterError::Unfit(_)
        | ClusterError::TooFewBrokers { .. }
        | ClusterError::Plan(_)
        | ClusterError::Refused { .. }
        | ClusterError::Damaged { .. } => {
            ReadError::Refused { topic: topic.clone(), why: error.to_string() }
        }
    }
}
