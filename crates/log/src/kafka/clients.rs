//! The one factory of every client of Kafka: names, time limits, security, statistics.
//!
//! **Invariant:** no client is made anywhere else, so that none is without a name in the brokers'
//! logs, without the right security, or with a library's default where a default was found wrong.
//!
//! Topics and groups are named as Kafka knows them here; which ones belong to the engine is known
//! by [`ClusterName`](super::ClusterName). Nothing here retries or judges an error.

pub(crate) mod config;
mod context;
mod homing;
mod living;
mod producer;
mod statistics;
mod troubles;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

pub use self::context::{Context, Rebalances};
pub use self::producer::{Delivered, Outgoing, Producer, SendError, SendFuture};
pub use self::statistics::{ClientFigures, Complaint, PartitionLag, Quantiles, Statistics};
pub use self::troubles::Trouble;

use self::config::Purpose;
use self::living::Living;
use self::troubles::Troubles;
use super::settings::KafkaSettings;

/// How long one request to the brokers may take, retries included.
pub(crate) const REQUEST: Duration = Duration::from_secs(10);

/// How long a new client has for asking for its token.
const TOKEN: Duration = Duration::from_millis(100);

/// Makes clients. Clones are the same factory.
#[derive(Clone)]
pub struct Clients {
    shared: Arc<Shared>,
}

/// What the clients of a factory have in common.
struct Shared {
    settings: KafkaSettings,
    statistics: Option<Arc<dyn Statistics>>,
    troubles: Troubles,
    living: Living,
}

/// A consumer to be made.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerPlan<'a> {
    /// The group, as Kafka knows it.
    pub group: &'a str,
    /// What it is for: part of its name in the brokers' logs.
    pub purpose: &'a str,
    /// Settings of librdkafka, over those of the factory. By default a consumer commits nothing by
    /// itself, reads uncommitted records, has dynamic membership and fails where there is no
    /// offset.
    pub extra: &'a [(&'a str, &'a str)],
}

impl Clients {
    /// A factory for these settings.
    pub fn new(settings: KafkaSettings) -> Self {
        Self::with(settings, None)
    }

    /// A factory whose clients report what they measure of themselves.
    pub fn with_statistics(settings: KafkaSettings, sink: Arc<dyn Statistics>) -> Self {
        Self::with(settings, Some(sink))
    }

    fn with(settings: KafkaSettings, statistics: Option<Arc<dyn Statistics>>) -> Self {
        let (troubles, living) = (Troubles::default(), Living::default());
        Self { shared: Arc::new(Shared { settings, statistics, troubles, living }) }
    }

    /// What the clients are made with.
    pub fn settings(&self) -> &KafkaSettings {
        &self.shared.settings
    }

    /// A producer with a polling thread of its own: idempotent, acknowledged by all replicas in
    /// sync, without a wait for company. `extra` are settings of librdkafka over those.
    ///
    /// # Errors
    /// A setting is refused.
    pub fn producer(&self, purpose: &str, extra: &[(&str, &str)]) -> Result<Producer, ClientError> {
        let config = self.config(Purpose::Producer, purpose, extra)?;
        let context = self.context(purpose, ());
        Producer::start(purpose, &config, context).map_err(|error| refused(&error))
    }

    /// A consumer that is polled by who asks for it, on a thread that runs nothing else.
    /// `rebalances` is told what a subscribed one is assigned.
    ///
    /// # Errors
    /// A setting is refused.
    pub fn consumer<R: Rebalances>(
        &self,
        plan: ConsumerPlan<'_>,
        rebalances: R,
    ) -> Result<BaseConsumer<Context<R>>, ClientError> {
        let mut config = self.config(Purpose::Consumer, plan.purpose, plan.extra)?;
        config.set("group.id", plan.group);
        let context = self.context(plan.purpose, rebalances);
        let made: BaseConsumer<_> =
            config.create_with_context(context).map_err(|error| refused(&error))?;
        self.log_in(&made);
        Ok(made)
    }

    /// A consumer without a group, which only asks.
    pub(crate) fn asker(&self, purpose: &str) -> Result<BaseConsumer<Context>, ClientError> {
        let config = self.config(Purpose::Consumer, purpose, &[])?;
        let context = self.context(purpose, ());
        let made: BaseConsumer<_> =
            config.create_with_context(context).map_err(|error| refused(&error))?;
        self.log_in(&made);
        Ok(made)
    }

    /// Lets a new client ask for its token, which it does only when it is polled: a request that
    /// blocks would wait for it in vain.
    fn log_in<R: Rebalances>(&self, client: &BaseConsumer<Context<R>>) {
        if !self.settings().security.serves_admin() {
            drop(client.poll(TOKEN));
        }
    }

    /// A client that makes, changes and describes topics.
    ///
    /// # Errors
    /// A setting is refused, or the login is a token: nobody asks for one on behalf of this kind
    /// of client, so that it would wait for ever.
    pub fn admin(&self) -> Result<AdminClient<Context>, ClientError> {
        if !self.settings().security.serves_admin() {
            return Err(ClientError::NoAdmin);
        }
        let config = self.config(Purpose::Admin, "admin", &[])?;
        config.create_with_context(self.context("admin", ())).map_err(|error| refused(&error))
    }

    /// How long a request of an admin client may take.
    pub fn admin_options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST))
    }

    /// What a client had to complain of last, if that is not long ago: the reason behind a time-out.
    pub fn trouble(&self) -> Option<Trouble> {
        self.shared.troubles.recent()
    }

    /// Waits until every client is gone, for at most `limit`; says whether all are. A process that
    /// ends before its consumers have left their groups leaves its partitions without an owner
    /// for a session time-out.
    pub async fn gone(&self, limit: Duration) -> bool {
        self.shared.living.none(limit).await
    }

    fn context<R: Rebalances>(&self, purpose: &str, rebalances: R) -> Context<R> {
        Context::new(Arc::clone(&self.shared), purpose, rebalances)
    }
}

impl Shared {
    /// A client's name in the brokers' logs.
    fn name(&self, purpose: &str) -> String {
        format!("{}.{}.{purpose}", self.settings.cluster, self.settings.node)
    }
}

/// Why a client cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The library takes a setting's name or value not. The value is not told: it may be secret.
    #[error("the client setting `{0}` is not accepted")]
    Setting(String),
    /// Topics are made, described and trimmed with another login.
    #[error(
        "topics cannot be made, changed or trimmed with OAUTHBEARER; use a login with a password or \
         a certificate for that"
    )]
    NoAdmin,
    /// A file that a setting names cannot be used.
    #[error("{0}")]
    File(String),
    /// Anything else.
    #[error("no client of Kafka can be made: {0}")]
    Made(String),
}

fn refused(error: &KafkaError) -> ClientError {
    if let KafkaError::ClientConfig(_, _, key, _) = error {
        return ClientError::Setting(key.clone());
    }
    ClientError::Made(error.to_string())
}
