//! A record as a trigger reads it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flowmill_flow::Json;
use flowmill_log::kafka::rdkafka::message::{BorrowedMessage, Headers};
use flowmill_log::kafka::rdkafka::{self, Message};
use flowmill_model::{TopicName, TraceContext};

/// Where a record is: what tells it from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Milliseconds since 1970; `None` where the broker keeps none.
    pub timestamp: Option<i64>,
}

/// A record of a user's topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerRecord {
    /// Where it is.
    pub place: Place,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<(String, Bytes)>,
}

impl TriggerRecord {
    /// A copy of a record that was polled.
    pub(super) fn of(topic: &TopicName, message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let header = |header: rdkafka::message::Header<'_, &[u8]>| {
            let value = header.value.unwrap_or_default();
            (header.key.to_owned(), Bytes::copy_from_slice(value))
        };
        Self {
            place: Place {
                topic: topic.clone(),
                partition: message.partition(),
                offset: message.offset(),
                timestamp: message.timestamp().to_millis(),
            },
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: headers.map(header).collect(),
        }
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }

    /// The last header of this name, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().rev().find(|(found, _)| found == name);
        std::str::from_utf8(&found?.1).ok()
    }

    /// The trace that its producer continues.
    pub(super) fn trace(&self) -> Option<TraceContext> {
        self.header("traceparent")?.parse().ok()
    }

    /// What expressions see as `$record`.
    pub(super) fn describe(&self) -> Json {
        let Place { topic, partition, offset, timestamp } = &self.place;
        let natural = |number: i64| u64::try_from(number).map_or_else(|_| Json::null(), Json::from);
        let headers = self.headers.iter().map(|(name, value)| (name, text(value)));
        Json::object([
            ("topic", Json::string(topic.as_str())),
            ("partition", natural(i64::from(*partition))),
            ("offset", natural(*offset)),
            ("timestamp", timestamp.map_or_else(Json::null, natural)),
            ("key", self.key.as_ref().map_or_else(Json::null, |key| text(key))),
            ("headers", Json::object(headers)),
        ])
    }
}

/// Bytes as text, or as base64 if they are not UTF-8.
pub(super) fn text(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => Json::string(text),
        Err(_) => Json::string(STANDARD.encode(bytes)),
    }
}
