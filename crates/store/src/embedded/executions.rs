//! Table `executions`: id -> version, sequence, what lists show, pending timers, state.
//!
//! **Invariant:** `timers`, `lists` and `ends` hold exactly the rows that follow from the heads
//! in here.

use bincode::{Decode, Encode};
use bytes::Bytes;
use flowmill_model::{
    ExecutionId, FlowName, FlowVersion, Sequence, TimerId, Timestamp, Version, framed,
};
use redb::TableDefinition;

use super::failure::Failure;
use super::flows::FlowNumber;
use super::seal::{open, seal};
use crate::row::{Checkpoint, Listing, RowVersion, Status, TimerKey};

/// The table.
pub(super) const TABLE: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("executions");

/// All of a row but the state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Head {
    /// Of the batch that last changed the execution.
    pub(super) version: RowVersion,
    /// The number of events the state contains.
    pub(super) sequence: Sequence,
    /// The flow.
    pub(super) flow: FlowNumber,
    /// The flow's version.
    pub(super) flow_version: Version,
    /// The status.
    pub(super) status: Status,
    /// When it started.
    pub(super) started_at: Timestamp,
    /// When it ended, if it has.
    pub(super) ended_at: Option<Timestamp>,
    /// Its rows in table `timers`.
    pub(super) timers: Vec<(Timestamp, TimerId)>,
    /// When it may be purged: its row in table `ends`.
    pub(super) purge_at: Option<Timestamp>,
}

/// A [`Head`] as version 1 wrote it. Its row in `ends` stood at the end.
#[derive(Encode, Decode)]
struct HeadV1 {
    version: RowVersion,
    sequence: Sequence,
    flow: FlowNumber,
    flow_version: Version,
    status: Status,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    timers: Vec<(Timestamp, TimerId)>,
}

framed! {
    Head = 200, 2;
    HeadV1 = 200, 1;
}

impl From<HeadV1> for Head {
    fn from(old: HeadV1) -> Self {
        let HeadV1 { version, sequence, flow, flow_version, status, .. } = old;
        let HeadV1 { started_at, ended_at, timers, .. } = old;
        let purge_at = ended_at;
        Self {
            version,
            sequence,
            flow,
            flow_version,
            status,
            started_at,
            ended_at,
            timers,
            purge_at,
        }
    }
}

impl Head {
    /// What lists show of it, given the name behind its flow number.
    pub(super) fn listing(self, flow: FlowName) -> Listing {
        Listing {
            flow: FlowVersion { flow, version: self.flow_version },
            status: self.status,
            started_at: self.started_at,
            ended_at: self.ended_at,
        }
    }

    /// The keys of its rows in table `timers`.
    pub(super) fn timer_keys(&self, execution: ExecutionId) -> impl Iterator<Item = TimerKey> {
        self.timers.iter().map(move |&(due, timer)| TimerKey { due, execution, timer })
    }
}

/// The row's key.
pub(super) const fn key(id: ExecutionId) -> [u8; 16] {
    id.to_bits().to_be_bytes()
}

/// The row's value, in `out`.
pub(super) fn encode<'o>(head: &Head, state: &[u8], out: &'o mut Vec<u8>) -> &'o [u8] {
    seal(head, state, out)
}

/// The head of the row of `id`.
pub(super) fn head(id: ExecutionId, value: &[u8]) -> Result<Head, Failure> {
    split(id, value).map(|(head, _)| head)
}

/// The checkpoint in the row of `id`.
pub(super) fn checkpoint(id: ExecutionId, value: &[u8]) -> Result<Checkpoint, Failure> {
    let (head, state) = split(id, value)?;
    let state = Bytes::copy_from_slice(state);
    Ok(Checkpoint { version: head.version, sequence: head.sequence, state })
}

/// The head, as whichever version wrote it, and the state.
fn split(id: ExecutionId, value: &[u8]) -> Result<(Head, &[u8]), Failure> {
    let (frame, state) = open(value).map_err(|error| Failure::row("executions", id, error))?;
    let head = match frame.version {
        1 => frame.decode::<HeadV1>().map(Head::from),
        _ => frame.decode(),
    };
    Ok((head.map_err(|error| Failure::row("executions", id, error))?, state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_survives_its_encoding(
            bits: u128,
            numbers: [u64; 4],
            ends: (Option<u64>, Option<u64>),
            flow: u32,
            status in 0..7_usize,
            timers: Vec<(u64, u32)>,
            state: Vec<u8>,
        ) {
            let wanted = ExecutionId::from_bits(bits);
            prop_assert_eq!(u128::from_be_bytes(key(wanted)), bits);
            let timer = |(due, timer)| (Timestamp::from_millis(due), TimerId::new(timer));
            let wrote = Head {
                version: RowVersion::from_raw(numbers[0]),
                sequence: Sequence::new(numbers[1]),
                flow: FlowNumber::new(flow),
                flow_version: Version::new("1.2.3-rc.1").expect("valid"),
                status: Status::ALL[status],
                started_at: Timestamp::from_millis(numbers[2]),
                ended_at: ends.0.map(Timestamp::from_millis),
                timers: timers.into_iter().map(timer).collect(),
                purge_at: ends.1.map(Timestamp::from_millis),
            };
            let mut buffer = Vec::new();
            let value = encode(&wrote, &state, &mut buffer);
            let read = checkpoint(wanted, value).expect("whole");
            prop_assert_eq!((read.version, read.sequence), (wrote.version, wrote.sequence));
            prop_assert_eq!(&read.state[..], &state[..]);
            prop_assert_eq!(head(wanted, value).expect("whole"), wrote);
        }
    }

    #[test]
    fn rows_written_by_version_1_are_read() {
        let value = crate::embedded::golden::bytes(include_str!("golden/execution-1.hex"));
        let read = head(ExecutionId::from_bits(1), &value).expect("whole");
        assert_eq!(read.flow_version.as_str(), "1.0.0");
        assert_eq!(read.timers, [(Timestamp::from_millis(1_000), TimerId::new(3))]);
        assert_eq!(read.purge_at, read.ended_at);
        assert_eq!(checkpoint(ExecutionId::from_bits(1), &value).expect("whole").state, "state");
    }
}
