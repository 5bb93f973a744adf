//! The rows of a flush as they are kept in memory for a while: compressed, since there are many,
//! much alike, and few are ever looked at again.

use std::mem::take;

use bytes::Bytes;
use flowmill_model::ExecutionId;

use crate::row::{Checkpoint, ExecutionWrite, HistoryRow, Write};

/// States and events that are compressed together, in bytes. Enough to show what they have in
/// common, and few enough to look at one of them.
const BLOCK_BYTES: usize = 64 * 1024;

/// What an entry takes besides its state, its events and its timers, in bytes.
const ENTRY_BYTES: usize = 512;

/// A flush, compressed.
#[derive(Debug)]
pub(super) struct Packed {
    /// The entries, without states and events.
    entries: Vec<ExecutionWrite>,
    /// The bytes of each entry's state and events.
    lengths: Vec<(usize, usize)>,
    blocks: Vec<Block>,
}

/// States and events of some entries that follow one another.
#[derive(Debug)]
struct Block {
    /// The first entry after them.
    end: usize,
    compressed: Vec<u8>,
}

/// About how many bytes a flush takes in memory before it is compressed.
pub(super) fn bytes_of(write: &Write) -> usize {
    let blobs = |entry: &ExecutionWrite| entry.checkpoint.len() + events(entry).len();
    write.executions.iter().map(|entry| fixed(entry) + blobs(entry)).sum()
}

/// What an entry takes however well it compresses.
fn fixed(entry: &ExecutionWrite) -> usize {
    ENTRY_BYTES + (entry.timers_set.len() + entry.timers_cleared.len()) * 32
}

fn events(entry: &ExecutionWrite) -> &[u8] {
    entry.history.as_ref().map_or(&[], |row| &row.blob)
}

impl Packed {
    pub(super) fn of(write: Write) -> Self {
        let mut entries = write.executions;
        let mut lengths = Vec::with_capacity(entries.len());
        let (mut blocks, mut plain) = (Vec::new(), Vec::with_capacity(BLOCK_BYTES));
        let count = entries.len();
        for (entry, end) in entries.iter_mut().zip(1..) {
            let state = take(&mut entry.checkpoint);
            let row = entry.history.as_mut();
            let events = row.map_or_else(Bytes::new, |row| take(&mut row.blob));
            lengths.push((state.len(), events.len()));
            plain.extend_from_slice(&state);
            plain.extend_from_slice(&events);
            if plain.len() >= BLOCK_BYTES || end == count {
                blocks.push(Block { end, compressed: lz4_flex::compress_prepend_size(&plain) });
                plain.clear();
            }
        }
        Self { entries, lengths, blocks }
    }

    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let compressed: usize = self.blocks.iter().map(|block| block.compressed.len()).sum();
        compressed + self.entries.iter().map(fixed).sum::<usize>()
    }

    /// The executions, each with the version that its rows have.
    pub(super) fn entries(&self) -> &[ExecutionWrite] {
        &self.entries
    }

    /// The flush, as it was.
    pub(super) fn unpack(&self) -> Write {
        let mut executions = Vec::with_capacity(self.entries.len());
        for block in &self.blocks {
            self.unpack_block(executions.len(), block, &mut executions);
        }
        Write { executions }
    }

    /// The state of one of the executions.
    pub(super) fn checkpoint(&self, id: ExecutionId) -> Option<Checkpoint> {
        let place = self.entries.iter().position(|entry| entry.id == id)?;
        let number = self.blocks.partition_point(|block| block.end <= place);
        let first = number.checked_sub(1).map_or(0, |before| self.blocks[before].end);
        let mut entries = Vec::new();
        self.unpack_block(first, self.blocks.get(number)?, &mut entries);
        let ExecutionWrite { version, sequence, checkpoint, .. } =
            entries.into_iter().nth(place - first)?;
        Some(Checkpoint { version, sequence, state: checkpoint })
    }

    fn unpack_block(&self, first: usize, block: &Block, into: &mut Vec<ExecutionWrite>) {
        let plain = lz4_flex::decompress_size_prepended(&block.compressed);
        let mut plain = Bytes::from(plain.expect("this process compressed it"));
        let entries = self.entries[first..block.end].iter().zip(&self.lengths[first..block.end]);
        into.extend(entries.map(|(entry, (state, events))| {
            let checkpoint = plain.split_to(*state);
            let blob = plain.split_to(*events);
            let history = entry.history.as_ref().map(|row| HistoryRow { blob, ..row.clone() });
            ExecutionWrite { checkpoint, history, ..entry.clone() }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample::{entry, id, timer, with_events};

    /// Flushes of entries with and without events, among them some that are larger than a block.
    fn flush(sizes: &[usize]) -> Write {
        let entry = |(size, n): (&usize, u128)| {
            let mut entry = entry(id(n), 1 + n as u64);
            entry.checkpoint = (0..*size).map(|byte| (byte % 7) as u8 ^ n as u8).collect();
            match n % 3 {
                0 => entry,
                1 => with_events(entry, 4, 90),
                _ => ExecutionWrite { timers_set: vec![timer(id(n), 10, 1)], ..entry },
            }
        };
        Write { executions: sizes.iter().zip(0..).map(entry).collect() }
    }

    #[test]
    fn a_flush_is_what_it_was() {
        let large = BLOCK_BYTES + 1;
        for sizes in [&[][..], &[0], &[1, 0, 3], &[large, 5, large, large, 0], &[9_000; 40]] {
            let (write, packed) = (flush(sizes), Packed::of(flush(sizes)));
            assert_eq!(packed.unpack(), write, "{sizes:?}");
            for entry in write.executions {
                let found = packed.checkpoint(entry.id).expect("it is there");
                assert_eq!((found.version, found.sequence), (entry.version, entry.sequence));
                assert_eq!(found.state, entry.checkpoint, "{} of {sizes:?}", entry.id);
            }
            assert_eq!(packed.checkpoint(id(1_000)), None);
        }
    }

    #[test]
    fn what_is_alike_takes_little() {
        let write = flush(&[4_000; 100]);
        let (before, after) = (bytes_of(&write), Packed::of(write).bytes());
        assert!(after * 5 < before, "{after} of {before} bytes");
        assert!(after > 100 * ENTRY_BYTES, "an entry takes something of its own");
    }
}
