//! Names people give: namespaces, flows, versions, queues.
//!
//! A name is checked once, where it enters, and is cheap to clone afterwards.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::limits;

/// A name that breaks the rules of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {rule}")]
pub struct InvalidName {
    what: &'static str,
    rule: &'static str,
    text: String,
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and wraps `text`.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                if $valid(text) {
                    return Ok(Self(text.into()));
                }
                let text = text.chars().take(limits::NAME_CHARS + 1).collect();
                Err(InvalidName { what: $what, rule: $rule, text })
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                self.0.as_ref().encode(encoder)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                let text = String::decode(decoder)?;
                Self::new(&text).map_err(|error| DecodeError::OtherString(error.to_string()))
            }
        }

        impl<'de, C> BorrowDecode<'de, C> for $name {
            fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
                decoder: &mut D,
            ) -> Result<Self, DecodeError> {
                <Self as Decode<C>>::decode(decoder)
            }
        }
    };
}

/// Lower-case letters, digits and inner hyphens, 1 to [`limits::NAME_CHARS`] characters.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let outer = |b: Option<u8>| b.is_some_and(|b| b != b'-');
    text.len() <= limits::NAME_CHARS
        && text.bytes().all(inner)
        && outer(text.bytes().next())
        && outer(text.bytes().last())
}

/// A semantic version: three numbers, then an optional pre-release and build.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| {
        !part.is_empty()
            && part.len() <= 9
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let rest = &text[core.len()..];
    let tail = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'+');
    text.len() <= limits::NAME_CHARS
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && rest.bytes().all(tail)
        && rest.len() != 1
}

/// Letters, digits, `.`, `_` and `-`, as a topic name allows.
fn is_queue(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !text.is_empty()
        && text.len() <= limits::NAME_CHARS
        && text.bytes().all(allowed)
        && text.bytes().any(|b| b != b'.')
}

/// What Kafka takes as a topic's name.
fn is_topic(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=limits::TOPIC_CHARS).contains(&text.len())
        && text.bytes().all(allowed)
        && !matches!(text, "." | "..")
}

text! {
    /// A namespace or a flow's name within it.
    Name, "name", "use 1 to 63 lower-case letters, digits and inner hyphens", is_label
}
text! {
    /// A flow's version, such as `1.4.0`.
    Version, "version", "use a semantic version such as 1.0.0", is_version
}
text! {
    /// A task type, and the queue that carries its tasks.
    Queue, "queue or task type", "use 1 to 63 letters, digits, dots, underscores and hyphens", is_queue
}
text! {
    /// A topic of the user's own Kafka cluster.
    TopicName, "topic", "use 1 to 249 letters, digits, dots, underscores and hyphens", is_topic
}

/// A flow, whatever its version. Shown as `namespace/name`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
pub struct FlowName {
    /// The namespace.
    pub namespace: Name,
    /// The name within it.
    pub name: Name,
}

impl fmt::Display for FlowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One version of a flow. Shown as `namespace/name@version`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
pub struct FlowVersion {
    /// The flow.
    pub flow: FlowName,
    /// Its version.
    pub version: Version,
}

impl fmt::Display for FlowVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.flow, self.version)
    }
}

impl FromStr for FlowName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let Some((namespace, name)) = text.split_once('/') else {
            let (what, rule) = ("flow", "use NAMESPACE/NAME");
            let text = text.chars().take(limits::NAME_CHARS + 1).collect();
            return Err(InvalidName { what, rule, text });
        };
        Ok(Self { namespace: Name::new(namespace)?, name: Name::new(name)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_their_kind() {
        let check = |valid: bool, expect: bool, text: &str| assert_eq!(valid, expect, "{text}");
        for (text, expect) in [
            ("shop", true),
            ("a-1", true),
            ("", false),
            ("-a", false),
            ("A", false),
            ("a_b", false),
        ] {
            check(Name::new(text).is_ok(), expect, text);
        }
        for (text, expect) in [
            ("1.0.0", true),
            ("1.2.3-rc.1+x", true),
            ("1.0", false),
            ("01.0.0", false),
            ("1.0.0-", false),
        ] {
            check(Version::new(text).is_ok(), expect, text);
        }
        for (text, expect) in [("http", true), ("a.B_c-1", true), ("..", false), ("a/b", false)] {
            check(Queue::new(text).is_ok(), expect, text);
        }
        let long = "t".repeat(limits::TOPIC_CHARS + 1);
        for (text, expect) in [
            ("shop.orders", true),
            ("A_b-1", true),
            ("", false),
            (".", false),
            ("..", false),
            ("a/b", false),
            ("a b", false),
            (&long[1..], true),
            (&long, false),
        ] {
            check(TopicName::new(text).is_ok(), expect, text);
        }
        check(Name::new(&"a".repeat(64)).is_err(), true, "64 characters");
    }
}
