//! Names of node types and of their ports.

use std::fmt;
use std::sync::Arc;

use flowmill_model::limits;

/// A name that breaks the rules of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {what} has 1 to {} {rule}", limits::NAME_CHARS)]
pub struct InvalidNodeName {
    what: &'static str,
    rule: &'static str,
}

/// The name of a node type, such as `http.request`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeTypeName(Arc<str>);

/// The name of a port, such as `in`; unique among the inputs, or the outputs, of its node type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortName(Arc<str>);

/// What a schema can ask of the name of a node type.
pub(super) const NODE_TYPE_PATTERN: &str = "^[a-z0-9_-]+(\\.[a-z0-9_-]+)*$";

/// What a schema can ask of the name of a port.
pub(super) const PORT_PATTERN: &str = "^[A-Za-z0-9_-]+$";

impl NodeTypeName {
    /// Checks and wraps `text`.
    pub fn new(text: &str) -> Result<Self, InvalidNodeName> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        let part = |part: &str| !part.is_empty() && part.bytes().all(allowed);
        if text.len() <= limits::NAME_CHARS && text.split('.').all(part) {
            return Ok(Self(text.into()));
        }
        let rule = "lower-case letters, digits, `_` and `-`, in parts joined by dots";
        Err(InvalidNodeName { what: "node type", rule })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PortName {
    /// Checks and wraps `text`.
    pub fn new(text: &str) -> Result<Self, InvalidNodeName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if (1..=limits::NAME_CHARS).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.into()));
        }
        Err(InvalidNodeName { what: "port's name", rule: "letters, digits, `_` and `-`" })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeTypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
