//! The log and the store of a cluster: from settings to what is open.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::kafka::{
    self, Clients, ClusterName, InitPlan, KafkaLog, KafkaSettings, Login, Replicas, Security,
    SessionTimeout, StaticMember, TokenFile, Transport,
};
use flowmill_log::{Log, Topic};
use flowmill_store::cql::{self, CqlSettings, CqlStore, Replication};
use flowmill_telemetry::Metrics;

use super::measures::Measures;
use crate::config::{Config, KafkaConfig, Mechanism, Protocol, Secret};
use crate::engine::Storage;
use crate::exit::Failure;

/// How long clients of Kafka may take to end. A process that ends before them takes the ground from
/// under their threads, which then may crash it.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// What a cluster is to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many shards, when that is said.
    pub(crate) shards: Option<NonZeroU16>,
    /// Whether one copy of everything is enough.
    pub(crate) single_broker: bool,
}

/// What was made.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// How many shards there are.
    pub(crate) shards: u16,
    /// What was done, a line each.
    pub(crate) changes: Vec<String>,
}

/// An open log and store.
pub(super) struct Opened {
    pub(super) storage: Storage,
    /// For consumers and producers of users' topics.
    pub(super) clients: Clients,
    pub(super) shards: u16,
}

/// Makes the topics and the keyspace, or checks that those there are fit.
///
/// # Errors
/// What cannot be reached or does not fit, and what to do.
pub(crate) async fn prepare(config: &Config, plan: Plan) -> Result<Prepared, Failure> {
    if let Some(limit) = limit_of_login(config) {
        return Err(Failure::wrong(limit));
    }
    let (kafka, mut cql) = (kafka_settings(config)?, cql_settings(config)?);
    let replicas = if plan.single_broker { Replicas::SINGLE } else { Replicas::SAFE };
    cql.replication = Replication::Everywhere(if plan.single_broker { 1 } else { 3 });
    // A store that cannot be used is found before Kafka is changed.
    cql::examine(&cql, cql::InitPlan::default()).await.map_err(not_prepared)?;
    let clients = Clients::new(kafka);
    let made = InitPlan { shards: plan.shards.map(NonZeroU16::get), replicas };
    let topics = kafka::init(&clients, made).await;
    clients.gone(GONE_WITHIN).await;
    let topics = topics.map_err(refused)?;
    let keyspace = cql::init(&cql, cql::InitPlan::default()).await.map_err(not_prepared)?;
    let created = topics.created.iter().map(|topic| format!("made topic {topic}"));
    let grown = topics.grown.iter().map(|(topic, before, after)| {
        format!("topic {topic} has {after} partitions now, it had {before}")
    });
    let made = keyspace.made_keyspace.then(|| format!("made keyspace {}", cql.keyspace));
    let applied = keyspace.applied.iter().map(|name| format!("applied migration {name}"));
    let changes = created.chain(grown).chain(made).chain(applied).collect();
    Ok(Prepared { shards: topics.shards, changes })
}

/// Opens the log and the store of a cluster that was made; what they measure goes to `metrics`.
///
/// # Errors
/// What cannot be reached or does not fit, and what to do.
pub(super) async fn open(config: &Config, metrics: &Metrics) -> Result<Opened, Failure> {
    let (kafka, cql) = (kafka_settings(config)?, cql_settings(config)?);
    let sink = Arc::new(Measures(metrics.clone()));
    let clients = Clients::with_statistics(kafka, Arc::<Measures>::clone(&sink));
    let opened = open_both(&clients, &cql).await;
    if opened.is_err() {
        clients.gone(GONE_WITHIN).await;
    }
    let (log, store) = opened?;
    let store = store.observed_by(sink);
    let shards = log.partitions(&Topic::Commands).unwrap_or_default();
    let storage = Storage::of(Arc::new(log), Arc::new(store)).waiting_for(clients.clone());
    Ok(Opened { storage, clients, shards })
}

/// Opens the log of a cluster that was made, for who needs no store.
///
/// # Errors
/// What cannot be reached or does not fit, and what to do.
pub(crate) async fn open_log(config: &Config) -> Result<Arc<dyn Log>, Failure> {
    let log = KafkaLog::open(Clients::new(kafka_settings(config)?)).await.map_err(refused)?;
    Ok(Arc::new(log))
}

async fn open_both(clients: &Clients, cql: &CqlSettings) -> Result<(KafkaLog, CqlStore), Failure> {
    let log = KafkaLog::open(clients.clone()).await.map_err(refused)?;
    let store = CqlStore::open(cql).await.map_err(refused)?;
    Ok((log, store))
}

/// Says what is wrong with the settings of log and store.
///
/// # Errors
/// What is wrong.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    kafka_settings(config)?;
    cql_settings(config).map(drop)
}

/// Names the flag that asks for fewer copies, which the store does not know.
fn not_prepared(error: cql::InitError) -> Failure {
    if let cql::InitError::TooFewNodes { .. } = error {
        return Failure::Wrong(format!("{error}; `flowmill init --single-broker` asks for 1"));
    }
    refused(error)
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Wrong(format!("{:#}", anyhow::Error::new(error)))
}

fn kafka_settings(config: &Config) -> Result<KafkaSettings, Failure> {
    let kafka = &config.kafka;
    if kafka.brokers.is_empty() {
        return Err(Failure::wrong(
            "no Kafka brokers are given; add --kafka HOST:PORT or set FLOWMILL_KAFKA_BROKERS",
        ));
    }
    let cluster = ClusterName::new(config.cluster_name());
    let cluster = cluster.map_err(|error| Failure::wrong(error.to_string()))?;
    Ok(KafkaSettings {
        cluster,
        node: config.node_name(),
        security: security(kafka)?,
        session: session(kafka)?,
        shards_member: shards_member(config)?,
        ..KafkaSettings::plain(kafka.brokers.join(","))
    })
}

fn session(kafka: &KafkaConfig) -> Result<SessionTimeout, Failure> {
    let Some(time) = kafka.session_timeout else { return Ok(SessionTimeout::default()) };
    let wrong = |error| Failure::wrong(format!("kafka.session-timeout cannot be used: {error}"));
    SessionTimeout::new(time.0).map_err(wrong)
}

/// The static member that the node is in the group of orchestrators, if it is to be one.
fn shards_member(config: &Config) -> Result<Option<StaticMember>, Failure> {
    let setting = "orchestrator.static-member";
    let Some(away) = config.orchestrator.static_member else { return Ok(None) };
    let name = config.node.as_ref().ok_or_else(|| {
        Failure::wrong(format!(
            "{setting} needs a name that the node has again when it comes back; set `node`, to \
             another name on every node"
        ))
    })?;
    let member = StaticMember::new(name, away.0);
    member.map(Some).map_err(|error| Failure::wrong(format!("{setting} cannot be used: {error}")))
}

fn security(kafka: &KafkaConfig) -> Result<Security, Failure> {
    let tls = || kafka::Tls {
        ca: kafka.ca.clone(),
        certificate: kafka.certificate.clone(),
        key: kafka.key.clone(),
        key_password: None,
    };
    Ok(match kafka.protocol {
        Protocol::Plaintext if kafka.mechanism.is_some() => {
            return Err(Failure::wrong(
                "kafka.mechanism is set and kafka.protocol is plaintext; \
                 set it to sasl-tls, or sasl-plaintext if the network is yours alone",
            ));
        }
        Protocol::Plaintext => Security::Plaintext,
        Protocol::Tls => Security::Tls(tls()),
        Protocol::SaslPlaintext => {
            Security::Sasl { login: login(kafka)?, over: Transport::Plaintext }
        }
        Protocol::SaslTls => Security::Sasl { login: login(kafka)?, over: Transport::Tls(tls()) },
    })
}

fn login(kafka: &KafkaConfig) -> Result<Login, Failure> {
    let missing = |what: &str| Failure::wrong(format!("kafka.protocol asks for {what}"));
    let credentials = || {
        let user = kafka.user.clone().ok_or_else(|| missing("kafka.user"))?;
        let password = kafka.password.as_ref().ok_or_else(|| missing("kafka.password"))?;
        Ok::<_, Failure>(kafka::Credentials {
            user,
            password: kafka::Secret::new(password.reveal()),
        })
    };
    Ok(match kafka.mechanism.ok_or_else(|| missing("kafka.mechanism"))? {
        Mechanism::Plain => Login::Plain(credentials()?),
        Mechanism::ScramSha256 => Login::ScramSha256(credentials()?),
        Mechanism::ScramSha512 => Login::ScramSha512(credentials()?),
        Mechanism::Oauthbearer => {
            let path = kafka.token_file.clone().ok_or_else(|| missing("kafka.token-file"))?;
            let principal = kafka.user.clone().unwrap_or_else(|| "flowmill".to_owned());
            Login::OAuthBearer(TokenFile { path, principal })
        }
    })
}

/// What cannot be done with the login, in one line: the client asks for tokens on behalf of producers
/// and consumers only.
pub(crate) fn limit_of_login(config: &Config) -> Option<&'static str> {
    let protocol = config.kafka.protocol;
    let logs_in = matches!(protocol, Protocol::SaslPlaintext | Protocol::SaslTls);
    let by_token = logs_in && config.kafka.mechanism == Some(Mechanism::Oauthbearer);
    by_token.then_some(
        "with kafka.mechanism = \"oauthbearer\" no topic can be made, changed or trimmed; run \
         `flowmill init`, and nodes that make queues and trim history, with a password or a \
         certificate",
    )
}

fn cql_settings(config: &Config) -> Result<CqlSettings, Failure> {
    let cql = &config.cql;
    if cql.nodes.is_empty() {
        return Err(Failure::wrong(
            "no nodes of the store are given; add --cql HOST:PORT or set FLOWMILL_CQL_NODES",
        ));
    }
    let credentials = match (&cql.user, &cql.password) {
        (None, None) => None,
        (Some(user), Some(password)) => Some(credentials(user, password)),
        (Some(_), None) => return Err(Failure::wrong("cql.user is set without cql.password")),
        (None, Some(_)) => return Err(Failure::wrong("cql.password is set without cql.user")),
    };
    Ok(CqlSettings {
        keyspace: config.keyspace(),
        credentials,
        tls: cql.ca.clone().map(|authorities| cql::Tls { authorities }),
        local_datacenter: cql.datacenter.clone(),
        ..CqlSettings::of(cql.nodes.clone())
    })
}

fn credentials(user: &str, password: &Secret) -> cql::Credentials {
    cql::Credentials { user: user.to_owned(), password: password.reveal().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Period;

    fn kafka(protocol: Protocol) -> KafkaConfig {
        KafkaConfig { brokers: vec!["a:1".into()], protocol, ..KafkaConfig::default() }
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |config: &Config, expect: &str| {
            let Err(Failure::Wrong(text)) = check(config) else { panic!("{expect} is not missed") };
            assert!(text.contains(expect), "{text}");
        };
        let mut config = Config::default();
        check(&config, "--kafka");
        config.kafka = kafka(Protocol::Plaintext);
        check(&config, "--cql");
        config.cql.nodes = vec!["b:1".into()];
        super::check(&config).unwrap();
        config.kafka = kafka(Protocol::SaslTls);
        check(&config, "kafka.mechanism");
        config.kafka.mechanism = Some(Mechanism::ScramSha512);
        check(&config, "kafka.user");
        config.kafka.user = Some("u".into());
        check(&config, "kafka.password");
        config.kafka.password = Some("p".parse().unwrap());
        super::check(&config).unwrap();
        config.kafka.protocol = Protocol::Plaintext;
        check(&config, "kafka.protocol is plaintext");
        config.kafka = kafka(Protocol::Plaintext);
        config.kafka.session_timeout = Some(Period(Duration::from_secs(1)));
        check(&config, "kafka.session-timeout");
        config.kafka.session_timeout = Some(Period(Duration::from_secs(3)));
        super::check(&config).unwrap();
        config.cql.user = Some("u".into());
        check(&config, "cql.password");
        config.cql.user = None;
        config.orchestrator.static_member = Some(Period(Duration::from_secs(30)));
        check(&config, "set `node`");
        config.node = Some("o1".into());
        super::check(&config).unwrap();
        config.orchestrator.static_member = Some(Period(Duration::from_secs(1)));
        check(&config, "6 s to 30 min");
        config.orchestrator.static_member = None;
        config.cluster = Some("No Name".into());
        check(&config, "No Name");
    }
}
