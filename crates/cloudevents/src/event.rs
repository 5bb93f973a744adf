//! The event.

use std::collections::BTreeMap;

use bytes::Bytes;
use flowmill_flow::Json;

use crate::EventError;
use crate::attributes::Attributes;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Tells it from other events of its source; never empty.
    pub id: String,
    /// Where it happened, a URI reference; never empty.
    pub source: String,
    /// What kind of event it is, the attribute `type`; never empty.
    pub kind: String,
    /// What it is about within its source.
    pub subject: Option<String>,
    /// When it happened, as RFC 3339.
    pub time: Option<String>,
    /// What the data is, a media type.
    pub data_content_type: Option<String>,
    /// Which schema the data fits, a URI.
    pub data_schema: Option<String>,
    /// Further attributes, such as `traceparent`, by name.
    pub extensions: BTreeMap<String, String>,
    /// What happened.
    pub data: Option<Data>,
}

/// An event's data.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A JSON value.
    Json(Json),
    /// Text that is not JSON.
    Text(String),
    /// Any bytes.
    Binary(Bytes),
}

impl Event {
    /// An event with its required attributes and nothing else.
    ///
    /// # Errors
    /// When one of them is empty.
    pub fn new(
        id: impl Into<String>,
        source: impl Into<String>,
        kind: impl Into<String>,
    ) -> Result<Self, EventError> {
        let mut attributes = Attributes::default();
        attributes.set("id", id.into())?;
        attributes.set("source", source.into())?;
        attributes.set("type", kind.into())?;
        attributes.into_event(None)
    }

    /// The attributes that are there, by name, `specversion` aside; required ones first.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let required =
            [("id", &self.id), ("source", &self.source), ("type", &self.kind)].into_iter();
        let optional = [
            ("subject", &self.subject),
            ("time", &self.time),
            ("datacontenttype", &self.data_content_type),
            ("dataschema", &self.data_schema),
        ];
        let optional =
            optional.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let extensions = self.extensions.iter().map(|(name, value)| (name.as_str(), value));
        required.chain(optional).chain(extensions).map(|(name, value)| (name, value.as_str()))
    }
}
