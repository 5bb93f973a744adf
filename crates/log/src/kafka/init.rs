//! Makes a cluster's topics and its identity, or finds that they are there already.
//!
//! Nothing is changed unless everything that is there fits. Shards can be added and never removed:
//! the three topics that have a partition for each grow together, history first, so that whoever
//! sees a shard's commands finds the rest.

use flowmill_model::history::LogIdentity;

use super::clients::{Clients, Outgoing};
use super::error::{ClusterError, Difference};
use super::identity::{self, ClusterRecord};
use super::table::{self, DEFAULT_SHARDS, Partitions, Replicas, SHARDS_MAX};
use super::topics::{self, Admin, Overview, blocking};
use crate::topic::Topic;

/// What a cluster is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitPlan {
    /// How many shards; as many as there are, or [`DEFAULT_SHARDS`], when it is not said.
    pub shards: Option<u16>,
    /// On how many brokers each record is.
    pub replicas: Replicas,
}

/// What was found and done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitReport {
    /// Which cluster it is.
    pub cluster: ClusterRecord,
    /// How many shards it has.
    pub shards: u16,
    /// Topics that were made, as Kafka knows them.
    pub created: Vec<String>,
    /// Topics that have more partitions now: name, before, after.
    pub grown: Vec<(String, u16, u16)>,
}

/// The topics with a partition per shard, in the order in which they grow.
const PER_SHARD: [Topic; 3] = [Topic::History, Topic::Results, Topic::Commands];

/// Makes what is missing of a cluster.
///
/// # Errors
/// The brokers cannot be asked, what is there does not fit, or the plan cannot be.
pub async fn init(clients: &Clients, plan: InitPlan) -> Result<InitReport, ClusterError> {
    // A login that cannot do it is refused before anything else.
    drop(Admin::new(clients)?);
    let overview = topics::overview(clients).await?;
    let shards = shards(clients, &overview, plan)?;
    let mut differences = topics::differences(clients, &overview, plan.replicas).await?;
    differences.0.extend(too_many(clients, &overview, shards));
    if !differences.0.is_empty() {
        return Err(ClusterError::Unfit(differences));
    }
    let created = create(clients, &overview, shards, plan.replicas).await?;
    let grown = grow(clients, &overview, shards).await?;
    let cluster = identify(clients, plan.replicas).await?;
    Ok(InitReport { cluster, shards, created, grown })
}

/// Makes the record that says which cluster this is, and its topic, unless they are there.
///
/// # Errors
/// The brokers cannot be asked.
pub async fn identify(
    clients: &Clients,
    replicas: Replicas,
) -> Result<ClusterRecord, ClusterError> {
    let name = clients.settings().cluster.identity_topic();
    let found = read(clients).await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let retention = crate::topic::Retention::UntilTrimmed;
    Admin::new(clients)?.create(&name, 1, retention, replicas).await?;
    topics::ready(clients, &[(name.clone(), 1)]).await?;
    let log = LogIdentity { cluster: random(), generation: 0 };
    let text = ClusterRecord { log, replicas }.encode();
    let producer = clients.producer("init", &[])?;
    let record = Outgoing {
        topic: &name,
        partition: Some(0),
        value: Some(text.as_bytes()),
        ..Outgoing::default()
    };
    let refused = |error| ClusterError::refused("say which cluster this is", error);
    producer.send(&record).map_err(refused)?.await.map_err(refused)?;
    // Somebody else may have been earlier.
    read(clients).await?.ok_or_else(|| ClusterError::refused("read the identity", "it is gone"))
}

async fn read(clients: &Clients) -> Result<Option<ClusterRecord>, ClusterError> {
    let clients = clients.clone();
    blocking(move || identity::read(&clients)).await
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    u128::from_le_bytes(bytes)
}

/// How many shards there shall be.
fn shards(clients: &Clients, overview: &Overview, plan: InitPlan) -> Result<u16, ClusterError> {
    let cluster = &clients.settings().cluster;
    let found = PER_SHARD.iter().map(|topic| overview.partitions(&cluster.topic(topic))).max();
    let found = found.filter(|found| *found > 0);
    let shards = plan.shards.or(found).unwrap_or(DEFAULT_SHARDS);
    if !(1..=SHARDS_MAX).contains(&shards) {
        return Err(ClusterError::Plan(format!("a cluster has 1 to {SHARDS_MAX} shards")));
    }
    let wanted = plan.replicas.count;
    if usize::from(wanted) > overview.brokers {
        return Err(ClusterError::TooFewBrokers { wanted, brokers: overview.brokers });
    }
    Ok(shards)
}

fn too_many(clients: &Clients, overview: &Overview, shards: u16) -> Vec<Difference> {
    let cluster = &clients.settings().cluster;
    let counts = PER_SHARD.iter().map(|topic| {
        let name = cluster.topic(topic);
        let found = overview.partitions(&name);
        (name, found)
    });
    let more = counts.filter(|(_, found)| *found > shards);
    let difference = |(topic, found): (String, u16)| Difference {
        topic,
        what: "partitions",
        found: found.to_string(),
        wanted: format!("{shards}, but shards are never removed: ask for {found}"),
    };
    more.map(difference).collect()
}

async fn create(
    clients: &Clients,
    overview: &Overview,
    shards: u16,
    replicas: Replicas,
) -> Result<Vec<String>, ClusterError> {
    let (admin, cluster) = (Admin::new(clients)?, &clients.settings().cluster);
    let mut made = Vec::new();
    for row in table::rows() {
        let Some(name) = row.kafka_name(cluster) else { continue };
        if !overview.topics.contains_key(&name) {
            let partitions = row.partitions(shards);
            admin.create(&name, partitions, row.retention, replicas).await?;
            made.push((name, partitions));
        }
    }
    topics::ready(clients, &made).await?;
    Ok(made.into_iter().map(|(name, _)| name).collect())
}

async fn grow(
    clients: &Clients,
    overview: &Overview,
    shards: u16,
) -> Result<Vec<(String, u16, u16)>, ClusterError> {
    let (admin, cluster) = (Admin::new(clients)?, &clients.settings().cluster);
    let mut grown = Vec::new();
    for topic in PER_SHARD {
        let name = cluster.topic(&topic);
        let found = overview.partitions(&name);
        if (1..shards).contains(&found) {
            admin.grow(&name, shards).await?;
            topics::ready(clients, &[(name.clone(), shards)]).await?;
            grown.push((name, found, shards));
        }
    }
    Ok(grown)
}

/// What a node checks before it starts: the cluster is there and everything fits.
pub(crate) async fn check(clients: &Clients) -> Result<ClusterRecord, ClusterError> {
    let overview = topics::overview(clients).await?;
    let record = identified(clients).await?;
    let mut differences = topics::differences(clients, &overview, record.replicas).await?;
    differences.0.extend(missing(clients, &overview));
    if !differences.0.is_empty() {
        return Err(ClusterError::Unfit(differences));
    }
    Ok(record)
}

/// Which cluster it is; an error when it is none yet.
pub(crate) async fn identified(clients: &Clients) -> Result<ClusterRecord, ClusterError> {
    let settings = clients.settings();
    read(clients).await?.ok_or_else(|| ClusterError::NotInitialised {
        cluster: settings.cluster.to_string(),
        brokers: settings.brokers.clone(),
    })
}

/// Topics that are not there, and those whose shards are not those of the others.
fn missing(clients: &Clients, overview: &Overview) -> Vec<Difference> {
    let cluster = &clients.settings().cluster;
    let shards = overview.partitions(&cluster.topic(&Topic::Commands));
    let mut missing = Vec::new();
    for row in table::rows() {
        let Some(topic) = row.kafka_name(cluster) else { continue };
        let found = overview.partitions(&topic);
        let uneven = row.partitions == Partitions::PerShard && found != shards;
        if found == 0 || uneven {
            let found = if found == 0 { "none".to_owned() } else { found.to_string() };
            let wanted = format!("{}; `flowmill init` adds them", row.partitions(shards).max(1));
            missing.push(Difference { topic, what: "partitions", found, wanted });
        }
    }
    missing
}
