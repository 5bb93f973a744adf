//! A producer and the thread that polls it.
//!
//! **Invariants:** a call to [`Producer::send`] fixes the record's place, never waits, and runs
//! nothing but the library; its future is completed by a delivery report, on the polling thread,
//! which runs nothing else but a note of how long it took. `flush` is never called: it waits a tenth of a second for no reason.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use flowmill_model::{Offset, limits};
use futures::channel::oneshot;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header as KafkaHeader, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::Context;
use crate::contract::Header;

/// How long one poll waits. Bounds how long a producer outlives its last handle.
const POLL: Duration = Duration::from_millis(100);

/// How long a producer that nobody holds any more goes on sending what it was given.
const DRAIN: Duration = Duration::from_secs(5);

/// What a record counts for besides its bytes: the library's bookkeeping.
const OVERHEAD_BYTES: usize = 256;

/// Sends records to any topic. Clones are the same producer; when the last is dropped, what was
/// given to it is still sent, for a few seconds.
#[derive(Clone)]
pub struct Producer(Arc<Inner>);

struct Inner {
    /// Present until the drop.
    client: Option<Arc<Native>>,
    closing: Arc<AtomicBool>,
    in_flight: Arc<AtomicUsize>,
}

type Native = BaseProducer<Context>;

/// A record on its way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outgoing<'a> {
    /// The topic, as Kafka knows it.
    pub topic: &'a str,
    /// The partition; chosen by the key, or in turn, when there is none.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; none is a deletion in a compacted topic.
    pub value: Option<&'a [u8]>,
    /// The headers, in order.
    pub headers: &'a [Header],
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The partition.
    pub partition: i32,
    /// The offset; none when the broker only said that it has the record already.
    pub offset: Option<Offset>,
}

/// Why a record was not delivered. All but [`SendError::Unknown`] say that it is not in the topic
/// and never will be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too much is under way already.
    #[error("{bytes} bytes wait for the brokers, and no more than {limit} may")]
    Busy {
        /// Bytes that wait, with this record.
        bytes: usize,
        /// How many may.
        limit: usize,
    },
    /// The record is larger than the client or the topic takes.
    #[error("the record is larger than the topic takes")]
    TooLarge,
    /// There is no such topic or partition.
    #[error("there is no such topic or partition")]
    NoSuchTopic,
    /// The brokers or the library refuse it.
    #[error("{0}")]
    Refused(String),
    /// The producer is of no use any more: a new one is needed.
    #[error("the producer is broken: {0}")]
    Broken(String),
    /// It may or may not be there, now or later.
    #[error("{0}")]
    Unknown(String),
}

/// The outcome of a send, to be awaited. Dropping it does not withdraw the record.
pub struct SendFuture(oneshot::Receiver<Result<Delivered, SendError>>);

/// What a delivery report is matched with.
pub struct Pending {
    answer: oneshot::Sender<Result<Delivered, SendError>>,
    given: Instant,
    _charge: Charge,
}

/// Bytes under way, given back when it is dropped.
struct Charge {
    in_flight: Arc<AtomicUsize>,
    bytes: usize,
}

impl Producer {
    pub(super) fn start(
        purpose: &str,
        config: &ClientConfig,
        context: Context,
    ) -> Result<Self, KafkaError> {
        let client: Arc<Native> = Arc::new(config.create_with_context(context)?);
        let closing = Arc::new(AtomicBool::new(false));
        let (polled, told) = (Arc::clone(&client), Arc::clone(&closing));
        std::thread::Builder::new()
            .name(format!("kafka-{purpose}"))
            .spawn(move || poll(&polled, &told))
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        let in_flight = Arc::default();
        Ok(Self(Arc::new(Inner { client: Some(client), closing, in_flight })))
    }

    /// Sends a record. The call fixes its place among those that this producer sends to the same
    /// partition.
    ///
    /// # Errors
    /// The record was not taken, so that it will never be sent.
    pub fn send(&self, record: &Outgoing<'_>) -> Result<SendFuture, SendError> {
        let charge = self.charge(record)?;
        let (answer, answered) = oneshot::channel();
        let pending = Box::new(Pending { answer, given: Instant::now(), _charge: charge });
        let mut given = BaseRecord::with_opaque_to(record.topic, pending);
        given.partition = record.partition;
        given.key = record.key;
        given.payload = record.value;
        given.headers = headers(record.headers)?;
        match self.native().send(given) {
            Ok(()) => Ok(SendFuture(answered)),
            Err((error, _)) => Err(self.not_sent(&error)),
        }
    }

    /// Asks the brokers anew which partitions a topic has. Blocks.
    pub(crate) fn learn(&self, topic: &str) {
        if let Err(error) = self.native().client().fetch_metadata(Some(topic), super::REQUEST) {
            tracing::debug!(topic, %error, "a producer cannot learn of a topic");
        }
    }

    /// Whether the producer is of no use any more, and why.
    pub fn broken(&self) -> Option<String> {
        self.native().client().fatal_error().map(|(_, why)| why)
    }

    /// Bytes that were given to it and are not delivered.
    pub fn bytes_in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    fn native(&self) -> &Native {
        self.0.client.as_ref().expect("it is there until the drop")
    }

    fn charge(&self, record: &Outgoing<'_>) -> Result<Charge, SendError> {
        let headers = record.headers.iter().map(|header| header.name.len() + header.value.len());
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let bytes =
            length(record.key) + length(record.value) + headers.sum::<usize>() + OVERHEAD_BYTES;
        let in_flight = Arc::clone(&self.0.in_flight);
        let before = in_flight.fetch_add(bytes, Ordering::Relaxed);
        let charge = Charge { in_flight, bytes };
        let limit = limits::KAFKA_IN_FLIGHT_BYTES;
        // One record is always taken, whatever its size.
        if before > 0 && before + bytes > limit {
            return Err(SendError::Busy { bytes: before + bytes, limit });
        }
        Ok(charge)
    }

    /// The library did not take a record.
    fn not_sent(&self, error: &KafkaError) -> SendError {
        if let Some(why) = self.broken() {
            return SendError::Broken(why);
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => {
                let limit = limits::KAFKA_IN_FLIGHT_BYTES;
                SendError::Busy { bytes: self.bytes_in_flight(), limit }
            }
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => SendError::TooLarge,
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownPartition) => {
                SendError::NoSuchTopic
            }
            _ => SendError::Refused(error.to_string()),
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("bytes_in_flight", &self.bytes_in_flight()).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The polling thread must be the last to hold the client: ending one takes a while.
        self.client = None;
        self.closing.store(true, Ordering::Release);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn poll(client: &Native, closing: &AtomicBool) {
    while !closing.load(Ordering::Acquire) {
        client.context().tend(client.client());
        client.poll(POLL);
    }
    let until = Instant::now() + DRAIN;
    while client.in_flight_count() > 0 && Instant::now() < until {
        client.poll(Duration::from_millis(5));
    }
}

/// Headers as the library takes them, which ends a name at the first NUL.
fn headers(headers: &[Header]) -> Result<Option<OwnedHeaders>, SendError> {
    if headers.is_empty() {
        return Ok(None);
    }
    let mut owned = OwnedHeaders::new_with_capacity(headers.len());
    for header in headers {
        if header.name.contains('\0') {
            return Err(SendError::Refused("a header's name holds a NUL".to_owned()));
        }
        let value = Some(header.value.as_ref());
        owned = owned.insert(KafkaHeader { key: &header.name, value });
    }
    Ok(Some(owned))
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, report: &DeliveryResult<'_>, pending: Box<Pending>) {
        let outcome = match report {
            Ok(message) => Ok(delivered(message.partition(), message.offset())),
            Err((error, _)) => Err(not_delivered(error)),
        };
        self.measured().produced(outcome.is_ok(), pending.given.elapsed());
        // Nobody may be waiting any more.
        drop(pending.answer.send(outcome));
    }
}

fn delivered(partition: i32, offset: i64) -> Delivered {
    Delivered { partition, offset: u64::try_from(offset).ok().map(Offset::new) }
}

/// The library gave a record up. It may have been sent before, so that hardly any reason proves
/// that it is not there.
fn not_delivered(error: &KafkaError) -> SendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge) => {
            SendError::TooLarge
        }
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownPartition) => {
            SendError::NoSuchTopic
        }
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed,
        ) => SendError::Refused(error.to_string()),
        _ => SendError::Unknown(error.to_string()),
    }
}

impl Future for SendFuture {
    type Output = Result<Delivered, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| {
            let gone = || Err(SendError::Unknown("the client ended before the answer".to_owned()));
            answer.unwrap_or_else(|_| gone())
        })
    }
}
