//! Events in records of Kafka.
//!
//! In binary mode an attribute is a header `ce_NAME`, the data's type is the header
//! `content-type`, and the value is the data. In structured mode the value is the whole event.
//! The record's key is no part of the event.

use bytes::Bytes;
use flowmill_flow::Json;

use crate::attributes::Attributes;
use crate::event::Event;
use crate::media_type::{self, Mode};
use crate::{EventError, SPEC_VERSION, from_json, to_json};

/// What the names of headers with attributes begin with.
const PREFIX: &str = "ce_";

/// The header with the type of the value.
const CONTENT_TYPE: &str = "content-type";

/// A record's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Names and values, in order.
    pub headers: Vec<(String, Bytes)>,
    /// The value; `None` for a record without one.
    pub value: Option<Bytes>,
}

impl Message {
    fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value)
    }
}

/// The event in a record, in either mode.
///
/// # Errors
/// Why it is none.
pub fn decode(message: &Message) -> Result<Event, EventError> {
    let content_type = message.header(CONTENT_TYPE);
    let content_type = content_type.map(|value| text(CONTENT_TYPE, value)).transpose()?;
    match media_type::mode(content_type.as_deref())? {
        Mode::Structured => structured_event(message),
        Mode::Batched => Err(EventError::Batch),
        Mode::Binary => binary_event(message, content_type),
    }
}

fn structured_event(message: &Message) -> Result<Event, EventError> {
    let value = message.value.as_deref().unwrap_or_default();
    let document = Json::parse(value);
    from_json(&document.map_err(|source| EventError::Json { what: "the event", source })?)
}

fn binary_event(message: &Message, content_type: Option<String>) -> Result<Event, EventError> {
    if message.header("ce_specversion").is_none() {
        return Err(EventError::NotAnEvent);
    }
    let mut attributes = Attributes::default();
    for (name, value) in &message.headers {
        if let Some(name) = name.strip_prefix(PREFIX) {
            attributes.set(name, text(name, value)?)?;
        }
    }
    let value = message.value.clone().unwrap_or_default();
    let data = media_type::data(value, content_type.as_deref())?;
    if let Some(content_type) = content_type {
        attributes.set("datacontenttype", content_type)?;
    }
    attributes.into_event(data)
}

fn text(name: &str, value: &Bytes) -> Result<String, EventError> {
    let text = std::str::from_utf8(value).map(str::to_owned);
    text.map_err(|_| EventError::Value { name: name.to_owned(), expected: "UTF-8" })
}

/// An event as a record in binary mode.
pub fn binary(event: &Event) -> Message {
    let mut headers =
        vec![("ce_specversion".to_owned(), Bytes::from_static(SPEC_VERSION.as_bytes()))];
    headers.extend(event.attributes().map(|(name, value)| {
        let name = match name {
            "datacontenttype" => CONTENT_TYPE.to_owned(),
            name => format!("{PREFIX}{name}"),
        };
        (name, Bytes::copy_from_slice(value.as_bytes()))
    }));
    let value = event.data.as_ref().map(|data| media_type::content(Some(data)));
    Message { headers, value }
}

/// An event as a record in structured mode.
pub fn structured(event: &Event) -> Message {
    let content_type = Bytes::from_static(b"application/cloudevents+json; charset=utf-8");
    let headers = vec![(CONTENT_TYPE.to_owned(), content_type)];
    Message { headers, value: Some(to_json(event).to_bytes()) }
}
