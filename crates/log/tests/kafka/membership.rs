//! Members of a group: two and three of them, those that stop, those that lose Kafka.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::kafka::{KafkaSettings, Replicas, SessionTimeout, StaticMember};
use flowmill_log::{Log, Member, Retention, Survival, Topic, TopicSpec};
use flowmill_rig::{Kafka, KafkaPlan};
use tokio::sync::watch;

use crate::brokers::{self, soon, until};

/// A member that another task listens to.
pub(crate) struct Listened {
    held: watch::Receiver<BTreeSet<u16>>,
    listening: tokio::task::JoinHandle<()>,
}

impl Listened {
    pub(crate) fn join(log: &Arc<dyn Log>) -> Self {
        Self::listen(log.join("shards", &Topic::History))
    }

    fn listen(mut member: Box<dyn Member>) -> Self {
        let (told, held) = watch::channel(BTreeSet::new());
        let listening = flowmill_runtime::spawn("listener", async move {
            while let Ok(assigned) = member.assigned().await {
                if told.send(assigned.into_iter().collect()).is_err() {
                    return;
                }
            }
        });
        Self { held, listening }
    }

    fn held(&self) -> BTreeSet<u16> {
        self.held.borrow().clone()
    }

    pub(crate) async fn holds(&mut self, count: usize) {
        until("an assignment", &mut self.held, |held| held.len() == count).await;
    }

    /// Drops the member.
    fn leave(&self) {
        self.listening.abort();
    }
}

async fn log(brokers: &str) -> Arc<dyn Log> {
    brokers::log_with_history(&brokers::settings(brokers), Replicas::SINGLE, 6).await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_members_share_and_inherit() {
    let log = log(&brokers::one()).await;
    let mut first = Listened::join(&log);
    first.holds(6).await;
    let mut second = Listened::join(&log);
    second.holds(3).await;
    first.holds(3).await;
    let mut third = Listened::join(&log);
    third.holds(2).await;
    first.holds(2).await;
    second.holds(2).await;
    let all: BTreeSet<u16> = [&first, &second, &third].iter().flat_map(|m| m.held()).collect();
    assert_eq!(all, (0..6).collect());
    first.leave();
    second.holds(3).await;
    third.holds(3).await;
    second.leave();
    third.holds(6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_stay_are_not_taken_away_when_a_member_joins() {
    let log = log(&brokers::one()).await;
    let mut first = log.join("shards", &Topic::History);
    while soon("an assignment", first.assigned()).await.unwrap().len() != 6 {}
    let mut second = Listened::join(&log);
    let mut held: BTreeSet<u16> = (0..6).collect();
    while held.len() != 3 {
        let now: BTreeSet<u16> =
            soon("an assignment", first.assigned()).await.unwrap().into_iter().collect();
        assert!(now.is_subset(&held) && now.len() >= 3, "{held:?} became {now:?}");
        held = now;
    }
    second.holds(3).await;
    assert!(second.held().is_disjoint(&held));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_progress_leaves_and_comes_back_with_it() {
    let log = log(&brokers::one()).await;
    let mut stuck = log.join("shards", &Topic::History);
    stuck.progressed();
    while soon("an assignment", stuck.assigned()).await.unwrap().len() != 6 {}
    let mut other = Listened::join(&log);
    other.holds(3).await;
    // Nothing is said any more.
    other.holds(6).await;
    while !soon("an assignment", stuck.assigned()).await.unwrap().is_empty() {}
    stuck.progressed();
    while soon("an assignment", stuck.assigned()).await.unwrap().len() != 3 {}
    other.holds(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_loses_kafka_holds_nothing_until_it_is_back() {
    let kafka = brokers::start(1);
    let log = log(&kafka.bootstrap()).await;
    let mut member = log.join("shards", &Topic::History);
    while soon("an assignment", member.assigned()).await.unwrap().len() != 6 {}
    assert!(!member.is_lost());
    kafka.pause(0).unwrap();
    while !soon("a loss", member.assigned()).await.unwrap().is_empty() {}
    assert!(member.is_lost());
    kafka.resume(0).unwrap();
    while soon("an assignment", member.assigned()).await.unwrap().len() != 6 {}
    assert!(!member.is_lost());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_brokers_find_too_short_is_refused_with_what_to_do() {
    // As brokers have it unless they are told otherwise.
    let least = ("group.min.session.timeout.ms".to_owned(), "6000".to_owned());
    let kafka = Kafka::start(&KafkaPlan { settings: vec![least], ..KafkaPlan::default() }).unwrap();
    let session = SessionTimeout::new(Duration::from_secs(3)).unwrap();
    let settings = KafkaSettings { session, ..brokers::settings(&kafka.bootstrap()) };
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 1).await;
    let mut member = log.join("shards", &Topic::History);
    let refused = loop {
        if let Err(refused) = soon("a refusal", member.assigned()).await {
            break refused.to_string();
        }
    };
    assert!(refused.contains("group.min.session.timeout.ms"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_a_static_member_that_leaves() {
    let settings = brokers::settings(&brokers::one());
    let log = brokers::log(&settings, Replicas::SINGLE).await;
    let (retention, survival) = (Retention::UntilTrimmed, Survival::Derivable);
    let commands = TopicSpec { topic: Topic::Commands, partitions: 2, retention, survival };
    log.ensure(commands).await.unwrap();
    let mut other = log.join("shards", &Topic::Commands);
    while soon("an assignment", other.assigned()).await.unwrap().len() != 2 {}
    let name = StaticMember::new("stays", Duration::from_secs(30)).unwrap();
    let settings = KafkaSettings { shards_member: Some(name), ..settings };
    let lasting = brokers::log(&settings, Replicas::SINGLE).await;
    let mut member = lasting.join("shards", &Topic::Commands);
    while soon("an assignment", member.assigned()).await.unwrap().len() != 1 {}
    assert!(!soon("leaving", member.leave()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_later_is_assigned_then() {
    let settings = brokers::settings(&brokers::one());
    let log = brokers::log(&settings, Replicas::SINGLE).await;
    let mut member = log.join("shards", &Topic::History);
    assert_eq!(soon("an assignment", member.assigned()).await, Ok(vec![]));
    let mut member = Listened::listen(member);
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, 2).await;
    member.holds(2).await;
    drop(log);
}
