//! Bytes as records of every topic that is framed, and as stored states.
//!
//! What decodes is encoded again and decodes to the same. The first byte says whether the rest is
//! a record, or a body that gets the frame of a kind, so that a search need not find lengths.

use std::fmt::Debug;

use flowmill_engine::Execution;
use flowmill_model::command::CommandRecord;
use flowmill_model::envelope::{self, FrameError, Framed};
use flowmill_model::event::Event;
use flowmill_model::history::{Batch, Claim, DefinitionRecord, HistoryRecord, RecordedTransition};
use flowmill_model::shard::ShardAnnouncement;
use flowmill_model::task::ResultRecord;

/// The number of a stored state's frame.
const STATE: u32 = 150;

/// The number of the first kind of event, and how many there are.
const EVENTS: (u32, u32) = (100, Event::NAMES.len() as u32);

/// Checks the bytes.
pub fn check(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let kinds = [
        CommandRecord::KIND,
        ResultRecord::KIND,
        Claim::KIND,
        Batch::KIND,
        DefinitionRecord::KIND,
        RecordedTransition::KIND,
        ShardAnnouncement::KIND,
        STATE,
    ];
    let kind = usize::from(kind) % (1 + kinds.len() + EVENTS.1 as usize);
    match kind.checked_sub(1) {
        None => check_record(rest),
        Some(kind) => {
            let event = || EVENTS.0 + (kind - kinds.len()) as u32;
            check_record(&frame(kinds.get(kind).copied().unwrap_or_else(event), 1, rest));
        }
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u32, version: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 15);
    for mut number in [kind, version, u32::try_from(body.len()).expect("it is small")] {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }
    out.extend_from_slice(body);
    out
}

fn check_record(bytes: &[u8]) {
    survives::<CommandRecord>(bytes);
    survives::<ResultRecord>(bytes);
    survives::<DefinitionRecord>(bytes);
    survives::<RecordedTransition>(bytes);
    survives::<ShardAnnouncement>(bytes);
    check_history(bytes);
    check_events(bytes);
    check_state(bytes);
}

/// Whatever decodes is the same after another turn.
pub(crate) fn survives<T: Framed + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let found: T = envelope::decode(bytes).ok()?;
    let again = envelope::decode(&envelope::encode(&found));
    assert_eq!(again.as_ref().ok(), Some(&found), "{:?}", again.as_ref().err());
    Some(found)
}

fn check_history(bytes: &[u8]) {
    let Ok(found) = HistoryRecord::decode(bytes) else { return };
    let claimed = match &found {
        HistoryRecord::Claim(claim) => Some(claim.epoch),
        HistoryRecord::Batch(batch) => {
            batch.transitions.iter().for_each(|transition| check_events(&transition.events.0));
            None
        }
    };
    assert_eq!(HistoryRecord::claim_of(bytes), claimed);
    assert_eq!(HistoryRecord::decode(&found.encode()).expect("it was read before"), found);
}

fn check_events(bytes: &[u8]) {
    let Ok(found) = Event::decode_all(bytes) else { return };
    let again = Event::encode_all(&found);
    assert!(again.len() <= found.iter().map(Event::size_bound).sum());
    assert_eq!(Event::decode_all(&again).expect("they were read before"), found);
}

fn check_state(bytes: &[u8]) {
    let Ok(found) = Execution::decode(bytes) else { return };
    let again: Result<_, FrameError> = Execution::decode(&found.encode());
    assert!(again.expect("it was read before") == found, "a state is another one");
}
