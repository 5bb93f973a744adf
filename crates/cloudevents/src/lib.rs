//! CloudEvents 1.0: what is in an event, and how Kafka and HTTP carry it.
//!
//! An [`Event`] is made of attributes and data. Each protocol has a *binary mode*, in which
//! attributes are headers and the data is the content as it is, and a *structured mode*, in which
//! the whole event is one JSON document. HTTP has a *batched mode* besides: a JSON array of
//! events. [`kafka`] and [`http`] decode whatever mode a message is in and encode any.
//!
//! Pure: no client, no clock, no random ids. It reads bytes from strangers; what is no event is
//! refused with the reason, never guessed.
//!
//! **Invariants**
//! * An event has a non-empty `id`, `source` and `type`, and its `time` is RFC 3339.
//! * An event whose data is what its content type says is decoded, in every mode, to the event that
//!   was encoded.
//!
//! Values of extensions are text, as the binary mode has them: a number or a boolean of the
//! structured mode becomes its text. Other formats than JSON (Avro, Protobuf) are not here.

mod attributes;
mod error;
mod event;
pub mod http;
mod json;
pub mod kafka;
mod media_type;

pub use error::EventError;
pub use event::{Data, Event};
pub use json::{from_json, to_json};

/// The version of the specification that is read and written.
pub const SPEC_VERSION: &str = "1.0";
