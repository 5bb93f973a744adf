//! Events in HTTP requests and responses.
//!
//! In binary mode an attribute is a header `ce-NAME`, with everything but visible ASCII
//! percent-encoded, the data's type is `Content-Type`, and the body is the data. In structured
//! mode the body is the whole event, in batched mode a list of them.

use bytes::Bytes;
use flowmill_flow::Json;

use crate::attributes::Attributes;
use crate::event::Event;
use crate::media_type::{self, Mode};
use crate::{EventError, SPEC_VERSION, from_json, to_json};

mod header_value;

/// What the names of headers with attributes begin with.
const PREFIX: &str = "ce-";

/// The header with the type of the body.
const CONTENT_TYPE: &str = "content-type";

/// A message's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Names in any case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body; may be empty.
    pub body: Bytes,
}

impl Message {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().rev().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Result<Json, EventError> {
        Json::parse(&self.body).map_err(|source| EventError::Json { what: "the event", source })
    }
}

/// The events in a message, in any mode: one, or those of a batch, which may be empty.
///
/// # Errors
/// Why it holds none, or which one of a batch is wrong first.
pub fn decode(message: &Message) -> Result<Vec<Event>, EventError> {
    match media_type::mode(message.header(CONTENT_TYPE))? {
        Mode::Binary => binary_event(message).map(|event| vec![event]),
        Mode::Structured => from_json(&message.json()?).map(|event| vec![event]),
        Mode::Batched => {
            let list = message.json()?;
            let items = list.items().ok_or_else(|| EventError::Shape(list.kind()))?;
            items.map(|item| from_json(&item)).collect()
        }
    }
}

/// The event in a message that is no batch.
///
/// # Errors
/// Why it is none.
pub fn decode_one(message: &Message) -> Result<Event, EventError> {
    match media_type::mode(message.header(CONTENT_TYPE))? {
        Mode::Binary => binary_event(message),
        Mode::Structured => from_json(&message.json()?),
        Mode::Batched => Err(EventError::Batch),
    }
}

fn binary_event(message: &Message) -> Result<Event, EventError> {
    if message.header("ce-specversion").is_none() {
        return Err(EventError::NotAnEvent);
    }
    let mut attributes = Attributes::default();
    for (name, value) in &message.headers {
        let name = name.to_ascii_lowercase();
        if let Some(name) = name.strip_prefix(PREFIX) {
            let decoded = header_value::decode(value);
            let invalid =
                || EventError::Value { name: name.to_owned(), expected: "percent-encoded UTF-8" };
            attributes.set(name, decoded.ok_or_else(invalid)?)?;
        }
    }
    let content_type = message.header(CONTENT_TYPE);
    let data = media_type::data(message.body.clone(), content_type)?;
    if let Some(content_type) = content_type {
        attributes.set("datacontenttype", content_type.to_owned())?;
    }
    attributes.into_event(data)
}

/// An event as a message in binary mode.
pub fn binary(event: &Event) -> Message {
    let mut headers = vec![("ce-specversion".to_owned(), SPEC_VERSION.to_owned())];
    headers.extend(event.attributes().map(|(name, value)| match name {
        "datacontenttype" => (CONTENT_TYPE.to_owned(), value.to_owned()),
        name => (format!("{PREFIX}{name}"), header_value::encode(value)),
    }));
    Message { headers, body: media_type::content(event.data.as_ref()) }
}

/// An event as a message in structured mode.
pub fn structured(event: &Event) -> Message {
    message("application/cloudevents+json; charset=utf-8", to_json(event))
}

/// Events as one message in batched mode.
pub fn batched(events: &[Event]) -> Message {
    message(
        "application/cloudevents-batch+json; charset=utf-8",
        Json::array(events.iter().map(to_json)),
    )
}

fn message(content_type: &str, body: Json) -> Message {
    let headers = vec![(CONTENT_TYPE.to_owned(), content_type.to_owned())];
    Message { headers, body: body.to_bytes() }
}
