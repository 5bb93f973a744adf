//! A payload on the wire: JSON text that is passed on as it is.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Any JSON value, kept as the text it came as.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = serde_json::Value)]
pub struct RawJson(Box<RawValue>);

/// Bytes that are no JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson;

impl RawJson {
    /// Checks and wraps the text of one JSON value.
    ///
    /// # Errors
    /// [`NotJson`] when it is none.
    pub fn from_text(text: impl Into<String>) -> Result<Self, NotJson> {
        RawValue::from_string(text.into()).map(Self).map_err(|_| NotJson)
    }

    /// Checks and wraps the text of one JSON value, given as bytes.
    ///
    /// # Errors
    /// [`NotJson`] when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotJson> {
        std::str::from_utf8(bytes).map_err(|_| NotJson).and_then(Self::from_text)
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for RawJson {
    /// Compares the texts, not the values.
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for RawJson {
    /// Shows the size and never the content: a payload may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.get().len())
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a JSON value")
    }
}

impl std::error::Error for NotJson {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_passes_through_as_it_is_and_never_shows_up_in_a_debug_text() {
        let text = r#"{"a": [1, 2.50, 123456789012345678901234567890], "b":"secret"}"#;
        let json: RawJson = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
        assert!(!format!("{json:?}").contains("secret"));
        assert_eq!(RawJson::from_text("{").unwrap_err(), NotJson);
        assert_eq!(RawJson::from_bytes(b"\xff").unwrap_err(), NotJson);
    }
}
