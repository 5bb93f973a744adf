//! Topics as the brokers have them: looked at, compared with the table, made and grown.
//!
//! Everything here may take seconds and is done at a node's start, or when a topic is made; never
//! on the way of an append or a read.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AlterConfig, ConfigResource, ConfigSource, NewPartitions, NewTopic,
    ResourceSpecifier, TopicReplication, TopicResult,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaErrorCode;
use tokio::task::spawn_blocking;

use super::clients::{Clients, Context, Trouble};
use super::error::{ClusterError, Difference, Differences};
use super::table::{self, Partitions, Replicas, TopicName, TopicRow};
use crate::topic::{Retention, Topic};

/// How long topics may take until every partition has a leader.
const READY: Duration = Duration::from_secs(30);

/// How long brokers may take for their first answer, with the login before it.
const FIRST_ANSWER: Duration = Duration::from_secs(20);

/// Pause between two looks.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overview {
    /// Brokers that run.
    pub(crate) brokers: usize,
    /// All topics, by their names in Kafka.
    pub(crate) topics: BTreeMap<String, Seen>,
}

/// A topic as metadata show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) partitions: u16,
    /// Of the partition that has fewest.
    pub(crate) replicas: u16,
    /// Whether every partition has a leader.
    pub(crate) led: bool,
}

impl Overview {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let known = metadata.topics().iter().filter(|topic| topic.error().is_none());
        let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let topics = known.map(|topic| {
            let partitions = topic.partitions();
            let replicas = partitions.iter().map(|partition| partition.replicas().len()).min();
            let seen = Seen {
                partitions: count(partitions.len()),
                replicas: count(replicas.unwrap_or(0)),
                led: partitions.iter().all(|partition| partition.leader() >= 0),
            };
            (topic.name().to_owned(), seen)
        });
        Self { brokers: metadata.brokers().len(), topics: topics.collect() }
    }

    /// Partitions of a topic; 0 when there is none.
    pub(crate) fn partitions(&self, name: &str) -> u16 {
        self.topics.get(name).map_or(0, |seen| seen.partitions)
    }
}

/// Runs what blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends: nobody will be told.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Asks for everything there is; gives up at once when the login or the certificate is
/// refused.
pub(crate) async fn overview(clients: &Clients) -> Result<Overview, ClusterError> {
    let clients = clients.clone();
    blocking(move || {
        let asker = clients.asker("overview")?;
        look(&asker, &clients).map_err(|error| ClusterError::brokers(&clients, &error))
    })
    .await
}

/// How long a client may take to say why it has no answer.
const COMPLAINT: Duration = Duration::from_millis(50);

fn look(asker: &BaseConsumer<Context>, clients: &Clients) -> Result<Overview, KafkaError> {
    let until = Instant::now() + FIRST_ANSWER;
    loop {
        let asked = asker.fetch_metadata(None, Duration::from_secs(1));
        // Errors are only told to who polls, and may come a moment after the answer.
        while asker.poll(COMPLAINT).is_some() {}
        match asked {
            Ok(metadata) => return Ok(Overview::of(&metadata)),
            Err(error) => {
                let is_final = clients.trouble().as_ref().is_some_and(Trouble::is_final);
                if is_final || Instant::now() >= until {
                    return Err(error);
                }
            }
        }
    }
}

/// An admin client, for a few requests.
pub(crate) struct Admin {
    /// Present until the drop.
    client: Option<AdminClient<Context>>,
    clients: Clients,
}

impl Drop for Admin {
    fn drop(&mut self) {
        // Ending one waits for its thread.
        let client = self.client.take();
        drop(std::thread::Builder::new().spawn(move || drop(client)));
    }
}

impl Admin {
    pub(crate) fn new(clients: &Clients) -> Result<Self, ClusterError> {
        Ok(Self { client: Some(clients.admin()?), clients: clients.clone() })
    }

    pub(crate) fn native(&self) -> &AdminClient<Context> {
        self.client.as_ref().expect("it is there until the drop")
    }

    /// Makes a topic; one that somebody else makes at the same time is as good.
    pub(crate) async fn create(
        &self,
        name: &str,
        partitions: u16,
        retention: Retention,
        replicas: Replicas,
    ) -> Result<(), ClusterError> {
        let settings = table::settings(retention, replicas);
        let replication = TopicReplication::Fixed(i32::from(replicas.count));
        let mut topic = NewTopic::new(name, i32::from(partitions), replication);
        for (key, value) in &settings {
            topic = topic.set(key, value);
        }
        let made = self.native().create_topics([&topic], &self.clients.admin_options()).await;
        self.outcome(format!("make the topic {name}"), made, RDKafkaErrorCode::TopicAlreadyExists)
    }

    /// Gives a topic more partitions; if somebody else does so at the same time, that is as good.
    pub(crate) async fn grow(&self, name: &str, partitions: u16) -> Result<(), ClusterError> {
        let wanted = NewPartitions::new(name, usize::from(partitions));
        let grown = self.native().create_partitions([&wanted], &self.clients.admin_options()).await;
        let what = format!("give the topic {name} {partitions} partitions");
        self.outcome(what, grown, RDKafkaErrorCode::InvalidPartitions)
    }

    /// Changes one setting of a topic and leaves the others that were set as they are.
    pub(crate) async fn set(&self, name: &str, key: &str, value: &str) -> Result<(), ClusterError> {
        let found = self.describe(&[name.to_owned()]).await?;
        // The request replaces all that was set.
        let kept = found
            .iter()
            .flat_map(|topic| &topic.entries)
            .filter(|entry| entry.source == ConfigSource::DynamicTopic && entry.name != key);
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(name)).set(key, value);
        for entry in kept {
            change = change.set(&entry.name, entry.value.as_deref().unwrap_or_default());
        }
        let changed = self.native().alter_configs([&change], &self.clients.admin_options()).await;
        let what = format!("set {key} of the topic {name} to {value}");
        let changed = changed.map_err(|error| self.failed(&what, &error))?;
        changed.into_iter().try_for_each(|one| match one {
            Ok(_) => Ok(()),
            Err((_, code)) => Err(ClusterError::refused(&what, code)),
        })
    }

    /// The settings of topics that are there.
    pub(crate) async fn describe(
        &self,
        names: &[String],
    ) -> Result<Vec<ConfigResource>, ClusterError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let topics: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let described =
            self.native().describe_configs(topics.iter(), &self.clients.admin_options()).await;
        let what = "describe the topics";
        let described = described.map_err(|error| self.failed(what, &error))?;
        let each =
            described.into_iter().map(|one| one.map_err(|code| ClusterError::refused(what, code)));
        each.collect()
    }

    fn outcome(
        &self,
        what: String,
        outcome: Result<Vec<TopicResult>, KafkaError>,
        harmless: RDKafkaErrorCode,
    ) -> Result<(), ClusterError> {
        let outcome = outcome.map_err(|error| self.failed(&what, &error))?;
        outcome.into_iter().try_for_each(|one| match one {
            Ok(_) => Ok(()),
            Err((_, code)) if code == harmless => Ok(()),
            Err((_, code)) => Err(ClusterError::refused(&what, code)),
        })
    }

    fn failed(&self, what: &str, error: &KafkaError) -> ClusterError {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::OperationTimedOut) {
            return ClusterError::brokers(&self.clients, error);
        }
        ClusterError::refused(what, error)
    }
}

/// Waits until topics have at least so many partitions, each with a leader.
pub(crate) async fn ready(
    clients: &Clients,
    wanted: &[(String, u16)],
) -> Result<Overview, ClusterError> {
    let until = Instant::now() + READY;
    loop {
        let overview = overview(clients).await?;
        let is_ready = |(name, partitions): &(String, u16)| {
            overview.topics.get(name).is_some_and(|seen| seen.led && seen.partitions >= *partitions)
        };
        let Some((missing, _)) = wanted.iter().find(|topic| !is_ready(topic)) else {
            return Ok(overview);
        };
        if Instant::now() >= until {
            let why = "not every partition has a leader yet";
            return Err(ClusterError::refused(format!("ready the topic {missing}"), why));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What of the topics that are there is not as the table has it. Topics that are missing are none
/// of this function's business.
pub(crate) async fn differences(
    clients: &Clients,
    overview: &Overview,
    replicas: Replicas,
) -> Result<Differences, ClusterError> {
    let there = rows_there(clients, overview);
    let names: Vec<String> = there.iter().map(|(name, _)| name.clone()).collect();
    let mut differences = Differences::default();
    for (name, row) in &there {
        let seen = overview.topics[name];
        differences.0.extend(too_few(name, "partitions", seen.partitions, least(row)));
        differences.0.extend(too_few(name, "replicas", seen.replicas, replicas.count));
    }
    if !clients.settings().security.serves_admin() {
        tracing::warn!("the settings of topics are not checked: the login does not allow it");
        return Ok(differences);
    }
    let described = Admin::new(clients)?.describe(&names).await?;
    for (name, row) in &there {
        let config = described.iter().find(|config| is_of(config, name));
        for (key, wanted) in table::settings(row.retention, replicas) {
            let entry = config.and_then(|config| config.get(key));
            let found = entry.and_then(|entry| entry.value.clone()).unwrap_or_default();
            differences.0.extend(unfit(name, key, &found, &wanted));
        }
    }
    Ok(differences)
}

/// The topics that are there, with their rows, in the order of the table.
fn rows_there(clients: &Clients, overview: &Overview) -> Vec<(String, TopicRow)> {
    let cluster = &clients.settings().cluster;
    let mut there = Vec::new();
    for row in table::rows() {
        match row.kafka_name(cluster) {
            Some(name) if overview.topics.contains_key(&name) => there.push((name, row)),
            Some(_) => {}
            None => {
                let is_queue =
                    |name: &&String| matches!(cluster.topic_named(name), Some(Topic::Tasks(_)));
                let queues = overview.topics.keys().filter(is_queue);
                there.extend(queues.map(|name| (name.clone(), row.clone())));
            }
        }
    }
    there
}

fn least(row: &TopicRow) -> u16 {
    match (&row.name, row.partitions) {
        // A queue may have any number: it is spread over whoever is there.
        (TopicName::EachQueue, _) | (_, Partitions::PerShard | Partitions::One) => 1,
        (TopicName::Of(_) | TopicName::Identity, Partitions::AtLeast(count)) => count,
    }
}

fn is_of(config: &ConfigResource, topic: &str) -> bool {
    match &config.specifier {
        rdkafka::admin::OwnedResourceSpecifier::Topic(name) => name == topic,
        rdkafka::admin::OwnedResourceSpecifier::Group(_)
        | rdkafka::admin::OwnedResourceSpecifier::Broker(_) => false,
    }
}

fn too_few(topic: &str, what: &'static str, found: u16, least: u16) -> Option<Difference> {
    (found < least).then(|| Difference {
        topic: topic.to_owned(),
        what,
        found: found.to_string(),
        wanted: format!("at least {least}"),
    })
}

/// A setting that is not as it must be. A longer retention and a larger record do no harm, unless
/// the table says for ever.
pub(crate) fn unfit(
    topic: &str,
    key: &'static str,
    found: &str,
    wanted: &str,
) -> Option<Difference> {
    let number = |text: &str| text.parse::<i64>().unwrap_or(i64::MIN);
    let may_be_more = matches!(key, "retention.ms" | "max.message.bytes");
    let is_more = number(found) >= number(wanted) || number(found) == -1;
    let fits = found == wanted || (may_be_more && wanted != "-1" && is_more);
    (!fits).then(|| Difference {
        topic: topic.to_owned(),
        what: key,
        found: found.to_owned(),
        wanted: wanted.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_fits_when_nothing_is_kept_for_a_shorter_time() {
        let fits = |key, found, wanted| unfit("t", key, found, wanted).is_none();
        assert!(fits("retention.ms", "-1", "1000") && fits("retention.ms", "2000", "1000"));
        assert!(!fits("retention.ms", "999", "1000"));
        assert!(!fits("retention.ms", "99999999", "-1"), "for ever is for ever");
        assert!(fits("max.message.bytes", "9", "8") && !fits("max.message.bytes", "7", "8"));
        assert!(!fits("cleanup.policy", "compact,delete", "compact"));
        assert!(!fits("min.insync.replicas", "1", "2"));
    }

    #[test]
    fn a_difference_says_what_is_and_what_must_be() {
        let difference = unfit("c.history", "retention.ms", "604800000", "-1").expect("one");
        let line = "c.history: retention.ms is 604800000, must be -1";
        assert_eq!(difference.to_string(), line);
    }
}
