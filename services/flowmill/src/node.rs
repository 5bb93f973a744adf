//! A node of a cluster: settings to roles, what they listen on, and their end in order.
//!
//! **Invariant:** an address that other machines can reach is listened on only with a token, or
//! when the settings say `insecure`. The check comes before anything is opened.

mod backends;
mod internal;
mod measures;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use flowmill_gateway::{Balance, TokenKey, serve};
use flowmill_model::{Name, ShardId};
use flowmill_orchestrator::{Retention, Settings};
use flowmill_routing::{ClusterToken, Trust};
use flowmill_telemetry::Metrics;
use flowmill_worker::{KafkaAccess, OutgoingPolicy};
use tokio::net::TcpListener;

use crate::config::{self, Config, OrchestratorConfig};
use crate::engine::{Engine, NodeOptions, Roles, WorkerOptions};
use crate::exit::{self, Failure};
use crate::signals::Signals;
pub(crate) use backends::{Plan, limit_of_login, open_log, prepare};
use internal::Internal;

/// Where a gateway listens unless told otherwise.
const API: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7400);

/// A free port of this machine.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How long a start may take before what is missing is said.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How long a node whose shard is stuck may take to leave its groups and to send its last spans.
const ABANDONED_WITHIN: Duration = Duration::from_secs(10);

/// Where a node will listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Addresses {
    /// The API, on a gateway.
    api: Option<SocketAddr>,
    /// Health, and other nodes' questions, where the API does not answer for it.
    internal: Option<SocketAddr>,
}

/// What a running node tells about itself.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    /// Its roles.
    pub(crate) roles: Vec<String>,
    /// Where it is reached: the API on a gateway, else its health.
    pub(crate) url: String,
    /// The cluster's name.
    pub(crate) cluster: String,
    /// Its name.
    pub(crate) node: String,
}

/// Runs the roles until the process is asked to end. `announce` is told once they are ready.
///
/// # Errors
/// When the settings cannot be used, an address is not to be had, or log or store refuse the node.
pub(crate) async fn run(
    config: Config,
    roles: Roles,
    announce: impl FnOnce(&Announcement) + Send,
) -> Result<(), Failure> {
    let token = token(&config)?;
    let addresses = addresses(&config, roles);
    check_reach(&config, addresses, token.is_some())?;
    check_advertised(&config, addresses, roles)?;
    let mut signals = Signals::listen().context("signals cannot be listened for")?;
    let api = bind(addresses.api).await?;
    let internal = bind(addresses.internal).await?;
    let internal_address = internal.as_ref().map(address_of).transpose()?;
    let api_address = api.as_ref().map(address_of).transpose()?;
    let metrics = Metrics::default();
    let opened = tokio::select! {
        biased;
        () = signals.asked_to_end() => return Ok(()),
        opened = backends::open(&config, &metrics) => opened?,
    };
    let mut options = options(&config, roles, opened.shards, internal_address, token)?;
    options.metrics = metrics;
    options.triggers = roles.gateway.then(|| opened.clients.clone());
    options.worker.kafka = KafkaAccess::to(opened.clients);
    let trust = options.trust.clone();
    let engine = Engine::on(opened.storage, options).await?;
    let internal = internal.map(|l| Internal::serve(l, engine.gateway(), engine.owners(), trust));
    let url = api_address.or(internal_address).map(|a| format!("http://{a}")).unwrap_or_default();
    let told = Announcement {
        roles: roles.names(),
        url,
        cluster: config.cluster_name().to_owned(),
        node: config.node_name(),
    };
    let lost = tokio::select! {
        biased;
        shard = engine.lost() => Some(shard),
        () = serve_until_end(&engine, api, &mut signals, || announce(&told)) => None,
    };
    match lost {
        Some(shard) => {
            abandon(engine, shard).await;
            Err(Failure::Stuck(shard))
        }
        None => {
            end(engine, internal).await;
            Ok(())
        }
    }
}

/// Says what is wrong with settings, without connecting to anything.
///
/// # Errors
/// What is wrong.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    let token = token(config)?;
    check_reach(config, addresses(config, Roles::ALL), token.is_some())?;
    options(config, Roles::ALL, 1, None, token)?;
    backends::check(config)
}

/// Serves, the API too where there is one, until the process is asked to end.
async fn serve_until_end(
    engine: &Engine,
    api: Option<TcpListener>,
    signals: &mut Signals,
    announce: impl FnOnce() + Send,
) {
    let shutdown = async {
        tokio::select! {
            biased;
            () = signals.asked_to_end() => {}
            () = when_ready(engine, announce) => signals.asked_to_end().await,
        }
        tracing::info!("ending: finishing what runs, handing shards over");
        engine.stop_taking();
    };
    match api {
        None => shutdown.await,
        Some(listener) => {
            let served = serve(listener, engine.gateway().clone(), shutdown).await;
            if let Err(abandoned) = served {
                tracing::warn!(%abandoned, "not every request was answered");
            }
        }
    }
}

async fn when_ready(engine: &Engine, announce: impl FnOnce()) {
    while let Err(not_ready) = engine.ready(READY_WITHIN).await {
        tracing::warn!("{not_ready}; waiting");
    }
    announce();
}

/// Other nodes are answered until the shards are handed over.
async fn end(engine: Engine, internal: Option<Internal>) {
    let no_longer_asked = async {
        if let Some(internal) = internal {
            internal.stop().await;
        }
    };
    engine.stop_serving(no_longer_asked).await;
}

/// Leaves the groups and finishes nothing: a shard that cannot be stopped may hold anything up.
async fn abandon(engine: Engine, shard: ShardId) {
    exit::stuck_at_latest(ABANDONED_WITHIN);
    tracing::error!(%shard, "the shard does not stop; the node leaves its group and ends");
    engine.leave().await;
}

fn token(config: &Config) -> Result<Option<ClusterToken>, Failure> {
    let token = config.api_token.as_ref().map(|secret| ClusterToken::new(secret.reveal()));
    token.transpose().map_err(|error| Failure::wrong(format!("api-token cannot be used: {error}")))
}

fn addresses(config: &Config, roles: Roles) -> Addresses {
    let listen = &config.listen;
    match (roles.gateway, roles.orchestrator) {
        (true, false) => Addresses { api: Some(listen.address.unwrap_or(API)), internal: None },
        (true, true) => Addresses {
            api: Some(listen.address.unwrap_or(API)),
            internal: Some(listen.internal.unwrap_or(FREE)),
        },
        (false, _) => Addresses { api: None, internal: Some(listen.address.unwrap_or(FREE)) },
    }
}

/// Refuses an address that other machines can reach, unless somebody thought of them.
fn check_reach(config: &Config, addresses: Addresses, token: bool) -> Result<(), Failure> {
    let wide = [addresses.api, addresses.internal].into_iter().flatten();
    match wide.into_iter().find(|address| !address.ip().is_loopback()) {
        Some(address) if !token && !config.listen.insecure => Err(Failure::Wrong(format!(
            "{address} can be reached from other machines, and nobody is asked who they are\n  \
             set FLOWMILL_API_TOKEN to the same secret on all nodes, listen on 127.0.0.1, or add \
             --insecure if your network keeps strangers out"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Refuses an orchestrator that others would be told to reach at no address in particular.
fn check_advertised(config: &Config, addresses: Addresses, roles: Roles) -> Result<(), Failure> {
    let everywhere = addresses.internal.filter(|address| address.ip().is_unspecified());
    match everywhere {
        Some(address) if roles.orchestrator && config.listen.advertise.is_none() => {
            Err(Failure::Wrong(format!(
                "other nodes cannot reach {address}\n  \
                 add --advertise HOST:PORT, the address at which they reach this node"
            )))
        }
        Some(_) | None => Ok(()),
    }
}

async fn bind(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = address else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    bound.map(Some).map_err(|error| {
        Failure::Wrong(format!(
            "{address} cannot be listened on: {error}\n  \
             choose another address with --listen, such as 127.0.0.1:0 for a free port"
        ))
    })
}

fn address_of(listener: &TcpListener) -> anyhow::Result<SocketAddr> {
    listener.local_addr().context("the address is not known")
}

fn options(
    config: &Config,
    roles: Roles,
    shards: u16,
    internal: Option<SocketAddr>,
    token: Option<ClusterToken>,
) -> Result<NodeOptions, Failure> {
    let orchestrator = Settings {
        node: config.node_name(),
        address: internal.filter(|_| roles.orchestrator).map(|address| advertised(config, address)),
        shards,
        retention: retention(&config.orchestrator)?,
        task_partitions: config.orchestrator.task_partitions,
        lifecycle: config.orchestrator.lifecycle,
        ..Settings::default()
    };
    let worker = WorkerOptions {
        outgoing: outgoing(&config.worker.outgoing_allow)?,
        slots: config.worker.slots,
        secrets_folder: config.worker.secrets_folder.clone(),
        kafka: KafkaAccess::default(),
    };
    let task_token_key = task_token_key(config)?;
    let trust = Trust::of(token.clone());
    Ok(NodeOptions {
        roles,
        orchestrator,
        worker,
        trust,
        token,
        triggers: None,
        task_token_key,
        balance: balance(config.gateway.balance),
        metrics: Metrics::default(),
    })
}

/// What task tokens are signed with: the key that is set, else the API's token, which all gateways
/// have, too; without either it is made from the cluster's id.
fn task_token_key(config: &Config) -> Result<Option<TokenKey>, Failure> {
    if let Some(secret) = &config.task_token_key {
        let key = TokenKey::new(secret.reveal());
        let refused = |error| Failure::wrong(format!("task-token-key cannot be used: {error}"));
        return key.map(Some).map_err(refused);
    }
    Ok(config.api_token.as_ref().map(|secret| TokenKey::of_api_token(secret.reveal())))
}

/// By which rule tasks are shared among workers.
const fn balance(setting: config::Balance) -> Balance {
    match setting {
        config::Balance::LeastBusy => Balance::LeastBusy,
        config::Balance::RoundRobin => Balance::RoundRobin,
        config::Balance::Weighted => Balance::Weighted,
    }
}

/// How long what has ended is kept, by namespace.
fn retention(config: &OrchestratorConfig) -> Result<Retention, Failure> {
    let mut retention = Retention::of(config.retention.0);
    for (namespace, period) in &config.namespace_retention {
        let name = Name::new(namespace);
        let name = name.map_err(|_| {
            let setting = "orchestrator.namespace-retention";
            Failure::wrong(format!("{setting} names `{namespace}`, which is no namespace"))
        })?;
        retention.namespaces.insert(name, period.0);
    }
    Ok(retention)
}

/// Where other nodes reach this one.
fn advertised(config: &Config, listening: SocketAddr) -> String {
    match &config.listen.advertise {
        None => format!("http://{listening}"),
        Some(address) if address.contains("://") => address.clone(),
        Some(address) => format!("http://{address}"),
    }
}

/// What calls may reach beside public addresses.
fn outgoing(allowed: &[String]) -> Result<OutgoingPolicy, Failure> {
    let mut policy = OutgoingPolicy::public();
    for entry in allowed {
        let named: &[&str] = match entry.as_str() {
            "loopback" => &["127.0.0.0/8", "::1/128"],
            other => &[other],
        };
        for entry in named {
            policy = policy.allow(entry).map_err(|error| {
                Failure::wrong(format!("worker.outgoing-allow cannot be used: {error}"))
            })?;
        }
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(address: &str) -> Config {
        let mut config = Config::default();
        config.listen.address = Some(address.parse().unwrap());
        config
    }

    #[test]
    fn an_address_that_others_can_reach_needs_a_token_or_to_be_asked_for() {
        let check = |address: &str, token, insecure, expect: bool| {
            let mut config = listening(address);
            config.listen.insecure = insecure;
            let allowed = check_reach(&config, addresses(&config, Roles::GATEWAY), token).is_ok();
            assert_eq!(allowed, expect, "{address} token {token} insecure {insecure}");
        };
        check("127.0.0.1:7400", false, false, true);
        check("[::1]:7400", false, false, true);
        check("0.0.0.0:7400", false, false, false);
        check("0.0.0.0:7400", true, false, true);
        check("0.0.0.0:7400", false, true, true);
    }

    #[test]
    fn the_internal_address_is_judged_as_well() {
        let mut config = Config::default();
        config.listen.internal = Some("0.0.0.0:7401".parse().unwrap());
        assert!(check_reach(&config, addresses(&config, Roles::ALL), false).is_err());
        assert!(check_reach(&config, addresses(&config, Roles::GATEWAY), false).is_ok());
    }

    #[test]
    fn an_orchestrator_that_listens_everywhere_says_where_it_is_reached() {
        let check = |advertise: Option<&str>, roles, expect: bool| {
            let mut config = listening("0.0.0.0:9");
            config.listen.advertise = advertise.map(str::to_owned);
            let allowed = check_advertised(&config, addresses(&config, roles), roles).is_ok();
            assert_eq!(allowed, expect, "{advertise:?} {roles:?}");
        };
        check(None, Roles::ORCHESTRATOR, false);
        check(Some("node-1:9"), Roles::ORCHESTRATOR, true);
        check(None, Roles::WORKER, true);
        check(None, Roles::GATEWAY, true);
    }

    #[test]
    fn every_role_has_an_address_for_its_health() {
        assert_eq!(addresses(&Config::default(), Roles::GATEWAY).api, Some(API));
        let orchestrator = addresses(&listening("127.0.0.1:9"), Roles::ORCHESTRATOR);
        assert_eq!(orchestrator.api, None);
        assert_eq!(orchestrator.internal.unwrap().port(), 9);
    }

    #[test]
    fn an_orchestrator_is_reached_where_it_says() {
        let mut config = Config::default();
        let check = |config: &Config, expect: &str| {
            assert_eq!(advertised(config, "127.0.0.1:9".parse().unwrap()), expect);
        };
        check(&config, "http://127.0.0.1:9");
        config.listen.advertise = Some("node-1.flowmill:7401".into());
        check(&config, "http://node-1.flowmill:7401");
    }

    #[test]
    fn loopback_is_opened_only_when_it_is_named() {
        let local = "127.0.0.1".parse().unwrap();
        assert!(outgoing(&[]).unwrap().vet("localhost", local).is_err());
        assert!(outgoing(&["loopback".into()]).unwrap().vet("localhost", local).is_ok());
        assert!(outgoing(&["no host!".into()]).is_err());
    }
}
