//! Making a cluster: again and again, larger, and where it cannot be.

use std::time::Duration;

use flowmill_log::kafka::rdkafka::admin::{NewTopic, TopicReplication};
use flowmill_log::kafka::{
    Clients, ClusterError, InitPlan, KafkaLog, KafkaSettings, Replicas, init,
};
use flowmill_log::{Log, Record, Topic};

use crate::brokers::{self, history, soon};

const SMALL: InitPlan = InitPlan { shards: Some(2), replicas: Replicas::SINGLE };

fn clients() -> Clients {
    Clients::new(brokers::settings(&brokers::one()))
}

async fn initialised() -> Clients {
    let clients = clients();
    init(&clients, SMALL).await.unwrap();
    clients
}

async fn open(clients: &Clients) -> KafkaLog {
    soon("opening", KafkaLog::open(clients.clone())).await.unwrap()
}

async fn refused(clients: &Clients) -> ClusterError {
    match soon("opening", KafkaLog::open(clients.clone())).await {
        Ok(_) => panic!("the cluster was opened"),
        Err(error) => error,
    }
}

/// Makes a topic that nobody checks.
async fn make_topic(clients: &Clients, name: &str, settings: &[(&str, &str)]) {
    let mut topic = NewTopic::new(name, 2, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let admin = clients.admin().unwrap();
    let made = admin.create_topics([&topic], &clients.admin_options()).await.unwrap();
    made.into_iter().for_each(|made| drop(made.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_once_and_found_again() {
    let clients = clients();
    let first = init(&clients, SMALL).await.unwrap();
    assert_eq!((first.shards, first.created.len(), first.grown.len()), (2, 8, 0));
    let second = init(&clients, SMALL).await.unwrap();
    assert_eq!((second.cluster, second.created.len()), (first.cluster, 0));
    let unsaid = InitPlan { shards: None, ..SMALL };
    assert_eq!(init(&clients, unsaid).await.unwrap().shards, 2);
    let log = open(&clients).await;
    assert_eq!(log.identity(), first.cluster.log);
    assert_eq!(log.partitions(&Topic::Commands), Some(2));
    soon("an append", log.append(&history(1), Record::of("first"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_make_a_cluster_at_once_agree_on_which_it_is() {
    let settings = brokers::settings(&brokers::one());
    let (a, b) = (Clients::new(settings.clone()), Clients::new(settings));
    let (a, b) = tokio::join!(init(&a, SMALL), init(&b, SMALL));
    assert_eq!(a.unwrap().cluster, b.unwrap().cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_added_and_never_removed() {
    let clients = initialised().await;
    let more = init(&clients, InitPlan { shards: Some(5), ..SMALL }).await.unwrap();
    let grown: Vec<_> = more.grown.iter().map(|(_, from, to)| (*from, *to)).collect();
    assert_eq!(grown, [(2, 5); 3]);
    assert_eq!(open(&clients).await.partitions(&Topic::Results), Some(5));
    let Err(ClusterError::Unfit(differences)) = init(&clients, SMALL).await else {
        panic!("shards were removed");
    };
    assert_eq!(differences.0.len(), 3);
    let text = differences.to_string();
    assert!(text.contains("partitions is 5") && text.contains("never removed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_open_sees_shards_that_are_added() {
    let clients = initialised().await;
    let log = open(&clients).await;
    soon("an append", log.append(&history(1), Record::of("before"))).await.unwrap();
    init(&clients, InitPlan { shards: Some(3), ..SMALL }).await.unwrap();
    let appended = async {
        while log.append(&history(2), Record::of("after")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("an append to a new shard", appended).await;
    let bounds = soon("bounds", log.bounds(&history(2))).await.unwrap();
    assert_eq!(bounds.end.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_not_made_is_refused_with_what_makes_it() {
    let error = refused(&clients()).await;
    assert!(matches!(error, ClusterError::NotInitialised { .. }), "{error}");
    assert!(error.to_string().contains("flowmill init --kafka"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_do_not_fit_are_named_line_by_line() {
    let clients = clients();
    let history = clients.settings().cluster.topic(&Topic::History);
    let definitions = clients.settings().cluster.topic(&Topic::Definitions);
    make_topic(&clients, &history, &[("retention.ms", "604800000"), ("max.message.bytes", "1000")])
        .await;
    make_topic(&clients, &definitions, &[("cleanup.policy", "delete")]).await;
    let error = init(&clients, SMALL).await.unwrap_err().to_string();
    for line in [
        format!("{history}: retention.ms is 604800000, must be -1"),
        format!("{history}: max.message.bytes is 1000, must be 8454144"),
        format!("{definitions}: cleanup.policy is delete, must be compact"),
    ] {
        assert!(error.lines().any(|found| found.trim() == line), "{line}\nis not in\n{error}");
    }
    let there = init(&clients, SMALL).await;
    assert!(matches!(there, Err(ClusterError::Unfit(_))), "nothing was made meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_missing_or_changed_later_is_refused_at_the_next_start() {
    let clients = initialised().await;
    drop(open(&clients).await);
    let lifecycle = clients.settings().cluster.topic(&Topic::Lifecycle);
    let admin = clients.admin().unwrap();
    admin.delete_topics(&[&lifecycle], &clients.admin_options()).await.unwrap();
    let error = loop {
        let error = KafkaLog::open(clients.clone()).await.err();
        if let Some(error) = error {
            break error.to_string();
        }
    };
    assert!(error.contains(&lifecycle) && error.contains("flowmill init"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_on_one_broker_are_refused_with_the_flag_that_allows_one() {
    let plan = InitPlan { replicas: Replicas::SAFE, ..SMALL };
    let error = init(&clients(), plan).await.unwrap_err();
    assert_eq!(error, ClusterError::TooFewBrokers { wanted: 3, brokers: 1 });
    assert!(error.to_string().contains("--single-broker"));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_hold_three_replicas() {
    let clients = Clients::new(brokers::settings(&brokers::three()));
    let plan = InitPlan { shards: Some(3), replicas: Replicas::SAFE };
    let made = soon("making", init(&clients, plan)).await.unwrap();
    assert_eq!(made.cluster.replicas, Replicas::SAFE);
    let log = open(&clients).await;
    soon("an append", log.append(&history(0), Record::of("first"))).await.unwrap();
    let error = init(&clients, InitPlan { replicas: Replicas::SINGLE, ..plan }).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("min.insync.replicas is 2, must be 1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_do_not_answer_are_named() {
    // Nothing listens on the port that only a listener of the system's may have.
    let clients = Clients::new(KafkaSettings::plain("127.0.0.1:1"));
    let error = soon("opening", refused(&clients)).await;
    assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_gone_soon_after_its_log() {
    let clients = initialised().await;
    let log = open(&clients).await;
    let mut member = log.join("g", &Topic::History);
    while soon("an assignment", member.assigned()).await.unwrap().is_empty() {}
    soon("an append", log.append(&history(0), Record::of("x"))).await.unwrap();
    let mut reader = log.reader(&history(0), flowmill_model::Offset::new(0));
    let limit = flowmill_log::ReadLimit { records: std::num::NonZeroUsize::MIN, bytes: 9 };
    soon("a read", reader.read(limit)).await.unwrap();
    assert!(!clients.gone(Duration::ZERO).await);
    drop((member, reader, log));
    assert!(clients.gone(brokers::DEADLINE).await, "some clients stay");
}
