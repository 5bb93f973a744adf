//! Media types, as far as events need them.

use bytes::Bytes;
use flowmill_flow::Json;

use crate::EventError;
use crate::event::Data;

/// What a content type says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is none of CloudEvents: the content is the event's data.
    Binary,
    /// The content is one event.
    Structured,
    /// The content is a batch of events.
    Batched,
}

/// The mode that a content type asks for.
pub(crate) fn mode(content_type: Option<&str>) -> Result<Mode, EventError> {
    let essence = content_type.map(essence).unwrap_or_default();
    match essence.as_str() {
        "application/cloudevents" | "application/cloudevents+json" => Ok(Mode::Structured),
        "application/cloudevents-batch" | "application/cloudevents-batch+json" => Ok(Mode::Batched),
        other if other.starts_with("application/cloudevents") => {
            Err(EventError::Format(essence.chars().take(80).collect()))
        }
        _ => Ok(Mode::Binary),
    }
}

/// Type and subtype without parameters, in lower case.
fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether content of this type is JSON.
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    let subtype = essence.split_once('/').map(|(_, subtype)| subtype).unwrap_or_default();
    subtype == "json" || subtype.ends_with("+json")
}

/// The data of a binary mode's content; none when it is empty. Without a content type it is JSON
/// if it reads as JSON.
pub(crate) fn data(content: Bytes, content_type: Option<&str>) -> Result<Option<Data>, EventError> {
    if content.is_empty() {
        return Ok(None);
    }
    let source = match Json::parse(&content) {
        Ok(json) if content_type.is_none_or(is_json) => return Ok(Some(Data::Json(json))),
        Err(error) if content_type.is_some_and(is_json) => error,
        Ok(_) | Err(_) => return Ok(Some(text_or_bytes(content))),
    };
    Err(EventError::Json { what: "the event's data", source })
}

/// Text if it is UTF-8.
pub(crate) fn text_or_bytes(content: Bytes) -> Data {
    match std::str::from_utf8(&content) {
        Ok(text) => Data::Text(text.to_owned()),
        Err(_) => Data::Binary(content),
    }
}

/// The content of a binary mode; empty when there is no data.
pub(crate) fn content(data: Option<&Data>) -> Bytes {
    match data {
        None => Bytes::new(),
        Some(Data::Json(json)) => json.to_bytes(),
        Some(Data::Text(text)) => Bytes::copy_from_slice(text.as_bytes()),
        Some(Data::Binary(bytes)) => bytes.clone(),
    }
}
