//! The brokers that tests share, and clusters of their own on them.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flowmill_log::kafka::init::identify;
use flowmill_log::kafka::{Clients, ClusterName, KafkaLog, KafkaSettings, Replicas};
use flowmill_log::{Log, Partition, Retention, Survival, Topic, TopicSpec};
use flowmill_rig::{Kafka, KafkaPlan};
use tokio::sync::watch;

/// How long what must happen may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// The address of one broker, shared by the tests of this binary. It ends with the process.
pub(crate) fn one() -> String {
    static ONE: OnceLock<Kafka> = OnceLock::new();
    ONE.get_or_init(|| start(1)).bootstrap()
}

/// The addresses of three brokers, shared by the tests of this binary.
pub(crate) fn three() -> String {
    static THREE: OnceLock<Kafka> = OnceLock::new();
    THREE.get_or_init(|| start(3)).bootstrap()
}

/// Brokers of a test's own.
pub(crate) fn start(nodes: usize) -> Kafka {
    Kafka::start(&KafkaPlan { nodes, ..KafkaPlan::default() }).unwrap()
}

/// Settings for a cluster that no other test has.
pub(crate) fn settings(brokers: &str) -> KafkaSettings {
    static CLUSTERS: AtomicU32 = AtomicU32::new(0);
    let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
    let cluster = ClusterName::new(format!("test-{number}")).unwrap();
    KafkaSettings { cluster, ..KafkaSettings::plain(brokers) }
}

/// A log of a fresh cluster without topics.
pub(crate) async fn log(settings: &KafkaSettings, replicas: Replicas) -> Arc<dyn Log> {
    let clients = Clients::new(settings.clone());
    identify(&clients, replicas).await.unwrap();
    Arc::new(KafkaLog::open_unchecked(clients).await.unwrap())
}

/// A log of a fresh cluster whose history has this many partitions.
pub(crate) async fn log_with_history(
    settings: &KafkaSettings,
    replicas: Replicas,
    partitions: u16,
) -> Arc<dyn Log> {
    let log = log(settings, replicas).await;
    let spec = TopicSpec {
        topic: Topic::History,
        partitions,
        retention: Retention::UntilTrimmed,
        survival: Survival::Durable,
    };
    log.ensure(spec).await.unwrap();
    log
}

pub(crate) fn history(number: u16) -> Partition {
    Partition::new(Topic::History, number)
}

/// Awaits what must happen soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(DEADLINE, future).await else {
        panic!("{what} did not end within {DEADLINE:?}");
    };
    done
}

/// Waits until a value that somebody else changes is as wanted.
pub(crate) async fn until<T>(
    what: &str,
    of: &mut watch::Receiver<T>,
    wanted: impl FnMut(&T) -> bool,
) {
    soon(what, of.wait_for(wanted)).await.unwrap();
}
