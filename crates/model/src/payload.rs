//! JSON text as bytes: what travels between nodes, into tasks and out of executions.
//!
//! A payload is parsed only where somebody looks inside it. Bytes, not a value tree, because
//! most payloads are only passed on, and because the stored form must not depend on a value
//! type's encoding.

use std::fmt;

use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};
use bytes::Bytes;

/// One JSON value as text (UTF-8). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Bytes);

impl Payload {
    /// Wraps JSON text. The caller has made or checked it.
    pub const fn new(json: Bytes) -> Self {
        Self(json)
    }

    /// The JSON value `null`.
    pub const fn null() -> Self {
        Self(Bytes::from_static(b"null"))
    }

    /// The text.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text's length, in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text at all, which no JSON value has.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Payload {
    fn from(json: Vec<u8>) -> Self {
        Self(json.into())
    }
}

impl From<Bytes> for Payload {
    fn from(json: Bytes) -> Self {
        Self(json)
    }
}

impl From<&'static str> for Payload {
    fn from(json: &'static str) -> Self {
        Self(Bytes::from_static(json.as_bytes()))
    }
}

impl fmt::Debug for Payload {
    /// Shows the size and never the content: a payload may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl Encode for Payload {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0[..].encode(encoder)
    }
}

impl<C> Decode<C> for Payload {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Vec::<u8>::decode(decoder).map(|bytes| Self(bytes.into()))
    }
}

impl<'de, C> BorrowDecode<'de, C> for Payload {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Vec::<u8>::decode(decoder).map(|bytes| Self(bytes.into()))
    }
}
