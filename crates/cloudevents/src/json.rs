//! The JSON format: one event as one JSON object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flowmill_flow::Json;

use crate::attributes::Attributes;
use crate::event::{Data, Event};
use crate::media_type::{is_json, text_or_bytes};
use crate::{EventError, SPEC_VERSION};

/// The event that a JSON object describes.
///
/// # Errors
/// When it is no object, an attribute is missing or of the wrong type, or there are two data.
pub fn from_json(document: &Json) -> Result<Event, EventError> {
    let entries = document.entries().ok_or_else(|| EventError::Shape(document.kind()))?;
    let mut attributes = Attributes::default();
    let (mut data, mut base64, mut versioned) = (None, None, false);
    for (name, value) in entries {
        match name.as_str() {
            "data" => data = Some(value),
            "data_base64" if value.is_null() => {}
            "data_base64" => base64 = Some(value),
            _ if value.is_null() => {}
            name => {
                versioned |= name == "specversion";
                attributes.set(name, text(name, &value)?)?;
            }
        }
    }
    if !versioned {
        return Err(EventError::Missing("specversion"));
    }
    let data = match (data, base64) {
        (Some(_), Some(_)) => return Err(EventError::TwoData),
        (Some(data), None) => from_data(data, attributes.content_type()),
        (None, Some(encoded)) => Some(from_base64(&encoded, attributes.content_type())?),
        (None, None) => None,
    };
    attributes.into_event(data)
}

/// An attribute's value as text.
fn text(name: &str, value: &Json) -> Result<String, EventError> {
    let core = ["specversion", "id", "source", "type", "subject", "time"];
    let core = core.contains(&name) || matches!(name, "datacontenttype" | "dataschema");
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    let scalar = value.as_bool().is_some() || value.as_f64().is_some();
    if scalar && !core {
        return Ok(String::from_utf8_lossy(&value.to_bytes()).into_owned());
    }
    let expected = if core { "a string" } else { "a string, a number or a boolean" };
    Err(EventError::Value { name: name.chars().take(40).collect(), expected })
}

/// `null` is data only of an event whose data is JSON.
fn from_data(data: Json, content_type: Option<&str>) -> Option<Data> {
    if content_type.is_none_or(is_json) {
        return Some(Data::Json(data));
    }
    match data.as_str() {
        Some(text) => Some(Data::Text(text.to_owned())),
        None if data.is_null() => None,
        None => Some(Data::Json(data)),
    }
}

fn from_base64(encoded: &Json, content_type: Option<&str>) -> Result<Data, EventError> {
    let invalid = || EventError::Value { name: "data_base64".to_owned(), expected: "base64" };
    let text = encoded.as_str().ok_or_else(invalid)?;
    let bytes = STANDARD.decode(text).map_err(|_| invalid())?;
    // What is said to be JSON is read as such, so that both modes give the same.
    if content_type.is_some_and(is_json) {
        let json = Json::parse(&bytes);
        return json
            .map(Data::Json)
            .map_err(|source| EventError::Json { what: "the event's data", source });
    }
    Ok(text_or_bytes(bytes.into()))
}

/// The JSON object that describes an event.
pub fn to_json(event: &Event) -> Json {
    let mut entries = vec![("specversion", Json::string(SPEC_VERSION))];
    entries.extend(event.attributes().map(|(name, value)| (name, Json::string(value))));
    match &event.data {
        None => {}
        Some(Data::Json(json)) => entries.push(("data", json.clone())),
        Some(Data::Text(text)) if event.data_content_type.is_some() => {
            entries.push(("data", Json::string(text)));
        }
        Some(Data::Text(text)) => {
            entries.push(("data_base64", Json::string(STANDARD.encode(text))));
        }
        Some(Data::Binary(bytes)) => {
            entries.push(("data_base64", Json::string(STANDARD.encode(bytes))));
        }
    }
    Json::object(entries)
}
