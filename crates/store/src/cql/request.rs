//! Requests: prepared statements with their values, one or several that are sent together.

use std::sync::Arc;

use bytes::Bytes;
use scylla::cluster::metadata::ColumnType;
use scylla::serialize::SerializationError;
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::{CellWriter, WrittenCellProof};

use super::statements::Statement;

/// One value of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `boolean`
    Truth(bool),
    /// `tinyint`
    Tiny(i8),
    /// `int`
    Int(i32),
    /// `bigint`
    Big(i64),
    /// `text`
    Text(Arc<str>),
    /// `blob`
    Blob(Bytes),
    /// `list<blob>`
    Blobs(Vec<Bytes>),
}

impl Value {
    /// A blob of a few bytes.
    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self::Blob(Bytes::copy_from_slice(bytes))
    }

    /// About how many bytes it takes in a request.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Truth(_) | Self::Tiny(_) => 5,
            Self::Int(_) => 8,
            Self::Big(_) => 12,
            Self::Text(text) => 4 + text.len(),
            Self::Blob(blob) => 4 + blob.len(),
            Self::Blobs(blobs) => 8 + blobs.iter().map(|blob| 4 + blob.len()).sum::<usize>(),
        }
    }
}

impl SerializeValue for Value {
    fn serialize<'b>(
        &self,
        kind: &ColumnType<'_>,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match self {
            Self::Truth(value) => value.serialize(kind, writer),
            Self::Tiny(value) => value.serialize(kind, writer),
            Self::Int(value) => value.serialize(kind, writer),
            Self::Big(value) => value.serialize(kind, writer),
            Self::Text(value) => value.as_ref().serialize(kind, writer),
            Self::Blob(value) => value.serialize(kind, writer),
            Self::Blobs(value) => value.serialize(kind, writer),
        }
    }
}

/// A statement with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) statement: Statement,
    pub(super) values: Vec<Value>,
}

impl Bound {
    /// About how many bytes it takes in a request.
    pub(super) fn size(&self) -> usize {
        self.values.iter().map(Value::size).sum()
    }
}

/// Changes that are sent together. Never empty. Planned for one partition each; see
/// `together.rs`.
pub(super) type Request = Vec<Bound>;
