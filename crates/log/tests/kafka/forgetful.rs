//! A broker that says that there is no broker.
//!
//! One that was taken for dead says so, for a moment, when it is back; which of its answers say so is
//! chance. Here a proxy has many say so. The library by itself begins anew most of the time, not
//! always.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowmill_log::kafka::Replicas;
use flowmill_log::{ReadLimit, Record};
use flowmill_model::Offset;
use flowmill_rig::{Kafka, KafkaPlan};

use crate::brokers::{self, history, soon};
use crate::membership::Listened;

/// The kind of request that asks for brokers and topics.
const METADATA: u16 = 3;

/// The first version of it whose answer is in the compact form.
const COMPACT: u16 = 9;

/// Where the list of brokers begins in such an answer: after the request's number, no tags and the
/// time that the broker was throttled.
const BROKERS: usize = 4 + 1 + 4;

/// A list without an element, and one of one.
const NONE: u8 = 1;
const ONE: u8 = 2;

/// Has the broker forget itself in so many of the answers to come that speak of a topic.
#[derive(Default)]
struct Forgets(AtomicUsize);

impl Forgets {
    fn tamper(&self, asked: &[u8], answer: &mut Vec<u8>) {
        let word = |at: usize| u16::from_be_bytes([asked[at], asked[at + 1]]);
        if word(0) != METADATA || answer[BROKERS] != ONE {
            return;
        }
        assert!(word(2) >= COMPACT, "version {} is another form", word(2));
        let ends = end_of_broker(answer);
        // What stands between the brokers and the topics: the cluster's name and its controller.
        let topics = ends + usize::from(answer[ends]) + 4;
        let is_due = |due: usize| due.checked_sub(1);
        let due = answer[topics] != NONE
            && self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_due).is_ok();
        if due {
            answer.splice(BROKERS..ends, [NONE]);
        }
    }
}

/// Where the only broker of an answer ends: its number, host, port, no rack and no tags.
fn end_of_broker(answer: &[u8]) -> usize {
    let host = BROKERS + 1 + 4;
    host + usize::from(answer[host]) + 4 + 1 + 1
}

/// Members of one group, each with a client of its own: not every one forgets its last broker.
const MEMBERS: u16 = 8;

/// So many answers that every client is told.
const FORGETS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_told_of_no_broker_begin_anew() {
    let kafka = Kafka::start(&KafkaPlan { ways: 1, ..KafkaPlan::default() }).unwrap();
    let way = &kafka.ways()[0];
    let forgets = Arc::new(Forgets::default());
    let tampers = Arc::clone(&forgets);
    way.proxies()[0].tamper(Arc::new(move |asked, answer| tampers.tamper(asked, answer)));
    let settings = brokers::settings(&way.bootstrap());
    let log = brokers::log_with_history(&settings, Replicas::SINGLE, MEMBERS).await;
    let mut members: Vec<_> = (0..MEMBERS).map(|_| Listened::join(&log)).collect();
    for member in &mut members {
        member.holds(1).await;
    }
    let append = |text: &'static str| log.append(&history(0), Record::of(text));
    soon("an append", append("before")).await.unwrap();
    let limit = ReadLimit { records: std::num::NonZeroUsize::MIN, bytes: 1 };
    let mut reader = log.reader(&history(0), Offset::default());
    assert_eq!(soon("a read", reader.read(limit)).await.unwrap()[0].record.value, "before");
    way.proxies()[0].cut();
    for member in &mut members {
        member.holds(0).await;
    }
    forgets.0.store(FORGETS, Ordering::SeqCst);
    way.proxies()[0].mend();
    for member in &mut members {
        member.holds(1).await;
    }
    while soon("an append", append("after")).await.is_err() {}
    assert_eq!(soon("a read", reader.read(limit)).await.unwrap()[0].record.value, "after");
    assert!(forgets.0.load(Ordering::SeqCst) < FORGETS);
}
