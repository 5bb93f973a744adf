//! The values of cells, with their kinds and versions.
//!
//! The same version of an execution must give the same bytes, since at an equal timestamp the
//! servers keep the greater value of each cell: nothing here depends on when or where it is
//! written.

use bincode::{Decode, Encode};
use bytes::Bytes;
use flowmill_model::envelope::{self, FrameError};
use flowmill_model::{Sequence, Timestamp, framed, limits};

use crate::row::{Checkpoint, ExecutionWrite, Listing, RowVersion, Status, Watermark};

/// What stands before a state, or before the parts' number of one that is kept in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct StateHead {
    /// Of the batch that last changed the execution.
    pub(super) version: RowVersion,
    /// The number of events the state contains.
    pub(super) sequence: Sequence,
    /// How many parts the state is kept in; 0 when it follows.
    pub(super) chunks: u32,
}

/// What lists, purges and later writes need of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Shown {
    /// Of the batch that last changed the execution.
    pub(super) version: RowVersion,
    /// How many events it has.
    pub(super) sequence: Sequence,
    /// How lists show it.
    pub(super) listing: Listing,
    /// When it may be purged.
    pub(super) purge_at: Option<Timestamp>,
}

/// What stands before the events of a row of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct EventsHead {
    /// The version they were written with, and how many parts they are kept in; `None` when they
    /// follow.
    chunks: Option<(RowVersion, u32)>,
}

/// The cells `watermark` and `margin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct Mark(Watermark);

framed! {
    StateHead = 210, 1;
    Shown = 211, 1;
    EventsHead = 212, 1;
    Mark = 213, 1;
}

impl Shown {
    /// What an entry says.
    pub(super) fn of(entry: &ExecutionWrite) -> Self {
        Self {
            version: entry.version,
            sequence: entry.sequence,
            listing: entry.listing.clone(),
            purge_at: entry.purge_at,
        }
    }

    /// The cell.
    pub(super) fn encode(&self) -> Bytes {
        envelope::encode(self).into()
    }

    /// What a cell says.
    pub(super) fn decode(cell: &[u8]) -> Result<Self, FrameError> {
        envelope::decode(cell)
    }

    /// The status.
    pub(super) const fn status(&self) -> Status {
        self.listing.status
    }
}

/// A value that is kept whole in its cell, or in parts elsewhere.
pub(super) struct Divided {
    /// The cell.
    pub(super) cell: Bytes,
    /// The parts, in order; none when the cell holds it all.
    pub(super) parts: Vec<Bytes>,
}

/// The cell of a state, and the parts of one that is too large for it.
pub(super) fn divide_state(entry: &ExecutionWrite) -> Divided {
    let parts = parts(&entry.checkpoint, limits::STORE_STATE_CELL_BYTES);
    let (version, sequence) = (entry.version, entry.sequence);
    let head = StateHead { version, sequence, chunks: count(&parts) };
    Divided { cell: cell(&head, if parts.is_empty() { &entry.checkpoint } else { &[] }), parts }
}

/// The cell of a row of history, and the parts of one that is too large for it.
pub(super) fn divide_events(version: RowVersion, events: &Bytes) -> Divided {
    let parts = parts(events, limits::STORE_EVENTS_CELL_BYTES);
    let chunks = (!parts.is_empty()).then(|| (version, count(&parts)));
    let head = EventsHead { chunks };
    Divided { cell: cell(&head, if parts.is_empty() { events } else { &[] }), parts }
}

fn cell<T: envelope::Framed>(head: &T, body: &[u8]) -> Bytes {
    let mut cell = Vec::with_capacity(48 + body.len());
    envelope::write(head, &mut cell);
    cell.extend_from_slice(body);
    cell.into()
}

/// The parts of a value that is larger than `most`.
fn parts(value: &Bytes, most: usize) -> Vec<Bytes> {
    if value.len() <= most {
        return Vec::new();
    }
    let starts = (0..value.len()).step_by(limits::STORE_PART_BYTES);
    let end = |start: usize| value.len().min(start + limits::STORE_PART_BYTES);
    starts.map(|start| value.slice(start..end(start))).collect()
}

fn count(parts: &[Bytes]) -> u32 {
    u32::try_from(parts.len()).expect("a state has fewer parts than bytes")
}

/// What the cell of a state says: what stands before it, and the state if it follows.
pub(super) fn state(cell: &[u8]) -> Result<(StateHead, &[u8]), FrameError> {
    let mut rest = cell;
    let head = envelope::read(&mut rest)?.decode()?;
    Ok((head, rest))
}

impl StateHead {
    /// The checkpoint with this state.
    pub(super) const fn checkpoint(self, state: Bytes) -> Checkpoint {
        Checkpoint { version: self.version, sequence: self.sequence, state }
    }
}

/// What the cell of a row of history says: the events, or where their parts are.
pub(super) fn events(cell: &[u8]) -> Result<Result<&[u8], (RowVersion, u32)>, FrameError> {
    let mut rest = cell;
    let head: EventsHead = envelope::read(&mut rest)?.decode()?;
    Ok(head.chunks.map_or(Ok(rest), Err))
}

/// The cell of a mark.
pub(super) fn encode_mark(mark: Watermark) -> Bytes {
    envelope::encode(&Mark(mark)).into()
}

/// What the cell of a mark says.
pub(super) fn mark(cell: &[u8]) -> Result<Watermark, FrameError> {
    envelope::decode::<Mark>(cell).map(|Mark(mark)| mark)
}

/// The version of an execution as a server's timestamp.
pub(super) fn stamp(version: RowVersion) -> i64 {
    i64::try_from(version.get()).expect("a version has 50 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample::{ended, entry, id, watermark};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn of_size(size: usize) -> ExecutionWrite {
        let mut entry = entry(id(1), 7);
        entry.checkpoint = (0..size).map(|n| n as u8).collect();
        entry
    }

    #[test]
    fn a_state_is_kept_whole_up_to_its_limit_and_in_parts_above() {
        for (size, count) in [(0, 0), (65_536, 0), (65_537, 2), (1_000_000, 16)] {
            let entry = of_size(size);
            let Divided { cell, parts } = divide_state(&entry);
            let (head, inline) = state(&cell).expect("it was written");
            assert_eq!((head.chunks, parts.len()), (count, count as usize));
            assert_eq!([inline, &parts.concat()].concat(), entry.checkpoint, "{size} bytes");
            assert_eq!((head.version, head.sequence), (entry.version, entry.sequence));
        }
    }

    #[test]
    fn events_are_kept_whole_or_name_their_parts() {
        let version = RowVersion::from_raw(7);
        for size in [1, 1 << 20, (1 << 20) + 1] {
            let blob: Bytes = vec![5; size].into();
            let Divided { cell, parts } = divide_events(version, &blob);
            match events(&cell).expect("it was written") {
                Ok(inline) => assert_eq!((inline, parts.len()), (&blob[..], 0)),
                Err((of, count)) => {
                    assert_eq!((of, count as usize), (version, parts.len()));
                    assert_eq!(parts.concat(), blob);
                }
            }
        }
    }

    #[test]
    fn cells_written_by_version_1_are_read_and_written_the_same() {
        let entry = ended(entry(id(1), 7), 2_000);
        let cells = [
            hex(&divide_state(&entry).cell),
            hex(&Shown::of(&entry).encode()),
            hex(&divide_events(RowVersion::from_raw(7), &Bytes::from_static(b"events")).cell),
            hex(&encode_mark(watermark(5))),
        ];
        let stored: Vec<&str> = include_str!("golden/cells-1.txt").lines().collect();
        assert_eq!(cells.each_ref().map(String::as_str), stored[..]);
        assert_eq!(Shown::decode(&Shown::of(&entry).encode()).expect("whole"), Shown::of(&entry));
        assert_eq!(mark(&encode_mark(watermark(5))).expect("whole"), watermark(5));
    }
}
