//! The log on Apache Kafka: one process's part of a cluster.
//!
//! [`init()`] makes a cluster, [`KafkaLog::open`] enters one that is there and fits. [`Clients`]
//! makes every client there is; [`KafkaSettings`] says how they reach the brokers.
//!
//! **Invariants:** no thread of a client runs anything but the client's own work; an append is
//! acknowledged with an offset or not at all; nothing here asks for transactions, and group
//! offsets are for display and for who waits for a pick-up: they fence nobody.

mod appends;
mod catalogue;
pub mod clients;
mod committed;
mod ensure;
mod error;
mod identity;
pub mod init;
mod member;
mod queries;
mod reading;
pub mod settings;
pub mod table;
mod topics;

use flowmill_model::Offset;
use flowmill_model::history::LogIdentity;
use futures::FutureExt;
use futures::future::BoxFuture;

pub use self::clients::{
    ClientError, ClientFigures, Clients, Complaint, ConsumerPlan, Context, Delivered, Outgoing,
    PartitionLag, Producer, Quantiles, Rebalances, SendError, SendFuture, Statistics, Trouble,
};
pub use self::error::{ClusterError, Difference, Differences};
pub use self::identity::ClusterRecord;
pub use self::init::{InitPlan, InitReport, init};
pub use self::settings::{
    ClusterName, Credentials, InvalidClusterName, InvalidSessionTimeout, InvalidStaticMember,
    KafkaSettings, Login, Secret, Security, SessionTimeout, StaticMember, Tls, TokenFile,
    Transport,
};
pub use self::table::Replicas;
pub use rdkafka;

use self::appends::Appends;
use self::catalogue::Catalogue;
use self::committed::Committed;
use self::member::KafkaMember;
use self::queries::Queries;
use self::reading::Lanes;
use crate::contract::{Append, Bounds, Log, LogFuture, Member, ReadError, Reader, Record};
use crate::topic::{Partition, Survival, Topic, TopicSpec};

/// The log of a cluster. Its threads end shortly after it and its readers are dropped;
/// [`Clients::gone`] waits for them.
pub struct KafkaLog {
    clients: Clients,
    cluster: ClusterRecord,
    catalogue: Catalogue,
    queries: Queries,
    committed: Committed,
    appends: Appends,
    lanes: Lanes,
}

impl KafkaLog {
    /// Enters a cluster whose topics are all there and fit.
    ///
    /// # Errors
    /// The brokers cannot be asked, there is no such cluster, or its topics do not fit; each says
    /// what to do.
    pub async fn open(clients: Clients) -> Result<Self, ClusterError> {
        let cluster = init::check(&clients).await?;
        Self::enter(clients, cluster).await
    }

    /// Enters a cluster that has been identified, whatever topics it has. For tests of the log
    /// itself, which make topics of their own.
    ///
    /// # Errors
    /// The brokers cannot be asked, or there is no such cluster.
    pub async fn open_unchecked(clients: Clients) -> Result<Self, ClusterError> {
        let cluster = init::identified(&clients).await?;
        Self::enter(clients, cluster).await
    }

    async fn enter(clients: Clients, cluster: ClusterRecord) -> Result<Self, ClusterError> {
        let catalogue = Catalogue::default();
        let queries = Queries::start(&clients, catalogue.clone())?;
        if queries.topics().await.is_err() {
            let why = "nobody lists the topics";
            return Err(ClusterError::refused("list the topics", why));
        }
        let committed = Committed::start(&clients, catalogue.clone())?;
        let appends = Appends::new(&clients, catalogue.clone(), queries.clone());
        let lanes = Lanes::open(&clients, queries.clone())?;
        Ok(Self { clients, cluster, catalogue, queries, committed, appends, lanes })
    }

    /// What makes its clients, for others that need some.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Which cluster it is.
    pub fn cluster(&self) -> ClusterRecord {
        self.cluster
    }
}

impl Log for KafkaLog {
    fn identity(&self) -> LogIdentity {
        self.cluster.log
    }

    fn system(&self) -> &'static str {
        "kafka"
    }

    fn name_of(&self, topic: &Topic) -> String {
        self.clients.settings().cluster.topic(topic).to_string()
    }

    fn name_of_group(&self, group: &str) -> String {
        self.clients.settings().cluster.group(group).to_string()
    }

    fn ensure(&self, spec: TopicSpec) -> LogFuture<Result<(), ReadError>> {
        let (clients, catalogue) = (self.clients.clone(), self.catalogue.clone());
        let replicas = self.cluster.replicas;
        async move { ensure::ensure(&clients, &catalogue, replicas, spec).await }.boxed()
    }

    fn partitions(&self, topic: &Topic) -> Option<u16> {
        let known = self.catalogue.partitions(topic);
        if known.is_none() {
            // For the next time: another node may have made it.
            drop(self.queries.topics());
        }
        known
    }

    fn survival(&self, _topic: &Topic) -> Survival {
        Survival::Durable
    }

    fn append(&self, to: &Partition, record: Record) -> Append {
        self.appends.append(to, &record)
    }

    fn reader(&self, of: &Partition, from: Offset) -> Box<dyn Reader> {
        Box::new(self.lanes.reader(of, from))
    }

    fn bounds(&self, of: &Partition) -> LogFuture<Result<Bounds, ReadError>> {
        let answer = self.queries.bounds(of);
        async move { answer.await.unwrap_or_else(|_| Err(closed())) }.boxed()
    }

    fn trim(&self, of: &Partition, before: Offset) -> LogFuture<Result<(), ReadError>> {
        let (clients, bounds, of) = (self.clients.clone(), self.bounds(of), of.clone());
        async move { ensure::trim(&clients, &of, before, bounds.await?).await }.boxed()
    }

    fn join(&self, group: &str, topic: &Topic) -> Box<dyn Member> {
        let KafkaSettings { cluster, shards_member, .. } = self.clients.settings();
        let (group, name) = (cluster.group(group), cluster.topic(topic));
        let there = self.catalogue.partitions(topic).is_some();
        // A process may join a queue's group more than once, and may have a name there only once.
        let lasting = shards_member.as_ref().filter(|_| *topic == Topic::Commands);
        match KafkaMember::join(&self.clients, (&group, &name), there, lasting) {
            Ok(member) => Box::new(member),
            Err(error) => Box::new(NoMember(error)),
        }
    }

    fn committed(
        &self,
        group: &str,
        of: &Partition,
    ) -> LogFuture<Result<Option<Offset>, ReadError>> {
        let answer = self.committed.position(group, of);
        async move { answer.await.unwrap_or_else(|_| Err(closed())) }.boxed()
    }
}

fn closed() -> ReadError {
    ReadError::Closed("nobody asks the brokers any more".to_owned())
}

/// Stands for a member whose client could not be made.
struct NoMember(ClientError);

impl Member for NoMember {
    fn assigned(&mut self) -> BoxFuture<'_, Result<Vec<u16>, ReadError>> {
        std::future::ready(Err(ReadError::Closed(self.0.to_string()))).boxed()
    }

    fn commit(&self, _partition: u16, _next: Offset) {}

    fn leave(self: Box<Self>) -> BoxFuture<'static, bool> {
        std::future::ready(false).boxed()
    }
}
