//! Attributes as they are found, one by one, and the check of them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{Data, Event};
use crate::{EventError, SPEC_VERSION};

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// Takes an attribute, `specversion` included; of two with one name the later counts.
    pub(crate) fn set(&mut self, name: &str, value: String) -> Result<(), EventError> {
        if !is_name(name) {
            return Err(EventError::Name(name.chars().take(40).collect()));
        }
        match name {
            "specversion" if value == SPEC_VERSION => Ok(()),
            "specversion" => Err(EventError::Version(value.chars().take(20).collect())),
            // These two are no attributes, so nobody can be allowed to name one like them.
            "data" | "database64" => Err(EventError::Name(name.to_owned())),
            "time" if value.parse::<Timestamp>().is_err() => {
                let expected = "a time as RFC 3339, such as 2026-01-02T03:04:05Z";
                Err(EventError::Value { name: name.to_owned(), expected })
            }
            _ => {
                self.0.insert(name.to_owned(), value);
                Ok(())
            }
        }
    }

    /// What the data is said to be.
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.0.get("datacontenttype").map(String::as_str)
    }

    /// The event, if nothing is missing.
    pub(crate) fn into_event(self, data: Option<Data>) -> Result<Event, EventError> {
        let mut found = self.0;
        let mut required = |name: &'static str| {
            let value = found.remove(name).filter(|value| !value.is_empty());
            value.ok_or(EventError::Missing(name))
        };
        let (id, source, kind) = (required("id")?, required("source")?, required("type")?);
        let mut optional = |name: &str| found.remove(name).filter(|value| !value.is_empty());
        Ok(Event {
            id,
            source,
            kind,
            subject: optional("subject"),
            time: optional("time"),
            data_content_type: optional("datacontenttype"),
            data_schema: optional("dataschema"),
            extensions: found,
            data,
        })
    }
}

/// Lower-case letters and digits.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}
