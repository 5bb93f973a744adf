//! Framed records that were whole once, and are damaged, cut, or of a newer version.
//!
//! A frame has no checksum of its own: the log's records have one. So a flipped bit may give
//! another value; everything else is an error of the kind that was promised.

use std::fmt::Debug;

use arbitrary::{Result, Unstructured};
use flowmill_model::command::CommandRecord;
use flowmill_model::envelope::{self, FrameError, Framed};
use flowmill_model::event::Event;
use flowmill_model::history::{Batch, Claim, DefinitionRecord, HistoryRecord, RecordedTransition};
use flowmill_model::shard::ShardAnnouncement;
use flowmill_model::task::ResultRecord;

use crate::make::Make;
use crate::records::{frame, survives};

/// Checks what the bytes stand for: a record and what happens to it.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    // Bytes that stand for nothing are of no interest.
    check_any(&mut bytes).ok();
}

fn check_any(bytes: &mut Unstructured<'_>) -> Result<()> {
    match bytes.int_in_range(0..=8)? {
        0 => check_one::<CommandRecord>(bytes),
        1 => check_one::<ResultRecord>(bytes),
        2 => check_one::<Claim>(bytes),
        3 => check_one::<Batch>(bytes),
        4 => check_one::<DefinitionRecord>(bytes),
        5 => check_one::<RecordedTransition>(bytes),
        6 => check_one::<ShardAnnouncement>(bytes),
        7 => check_history(bytes),
        _ => check_events(bytes),
    }
}

fn check_one<T: Framed + Make + PartialEq + Debug>(bytes: &mut Unstructured<'_>) -> Result<()> {
    let value = T::make(bytes)?;
    let whole = envelope::encode(&value);
    assert_eq!(envelope::decode::<T>(&whole).expect("it is whole"), value);
    match bytes.int_in_range(0..=4)? {
        0 => {
            let cut = bytes.choose_index(whole.len())?;
            let error = envelope::decode::<T>(&whole[..cut]).expect_err("it is cut");
            assert!(matches!(error, FrameError::Truncated), "cut at {cut}: {error}");
        }
        1 => {
            let more: &[u8] = bytes.arbitrary()?;
            let found = envelope::decode::<T>(&[&whole, more].concat());
            let Err(FrameError::Trailing(left)) = found else {
                return Ok(assert!(more.is_empty() && found.is_ok(), "{found:?}"));
            };
            assert_eq!(left, more.len());
        }
        2 => check_version::<T>(&whole, bytes.arbitrary()?),
        3 => check_kind::<T>(&whole, bytes.arbitrary()?),
        _ => check_flipped::<T>(&whole, bytes)?,
    }
    Ok(())
}

fn check_version<T: Framed + Debug>(mut whole: &[u8], version: u32) {
    let body = envelope::read(&mut whole).expect("it is whole").body;
    let found = envelope::decode::<T>(&frame(T::KIND, version, body));
    match version {
        0 => assert!(matches!(found, Err(FrameError::Header)), "{found:?}"),
        known if known <= T::VERSION => assert!(found.is_ok(), "{found:?}"),
        newer => {
            let error = found.expect_err("it is newer");
            assert!(error.is_newer_format(), "{error}");
            let FrameError::NewerVersion { kind, version, supported } = error else {
                panic!("{error}");
            };
            assert_eq!((kind, version, supported), (T::KIND, newer, T::VERSION));
        }
    }
}

fn check_kind<T: Framed + Debug>(mut whole: &[u8], kind: u32) {
    let body = envelope::read(&mut whole).expect("it is whole").body;
    let found = envelope::decode::<T>(&frame(kind, T::VERSION, body));
    if kind == T::KIND {
        return assert!(found.is_ok(), "{found:?}");
    }
    let error = found.expect_err("it is of another kind");
    assert!(error.is_newer_format(), "{error}");
    assert!(matches!(error, FrameError::UnknownKind { kind: k, .. } if k == kind), "{error}");
}

/// What decodes must decode again; what does not is a newer format only if its header says so.
fn check_flipped<T: Framed + PartialEq + Debug>(
    whole: &[u8],
    bytes: &mut Unstructured<'_>,
) -> Result<()> {
    let mut damaged = whole.to_vec();
    damage(&mut damaged, bytes)?;
    if let Err(error) = envelope::decode::<T>(&damaged) {
        let header =
            |mut bytes: &[u8]| envelope::read(&mut bytes).ok().map(|f| (f.kind, f.version));
        assert!(!error.is_newer_format() || header(&damaged) != header(whole), "{error}");
    }
    survives::<T>(&damaged);
    Ok(())
}

/// Flips bits, overwrites, or copies a part over another.
pub(crate) fn damage(target: &mut [u8], bytes: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..bytes.int_in_range(1..=4)? {
        if target.is_empty() {
            return Ok(());
        }
        let at = bytes.choose_index(target.len())?;
        match bytes.int_in_range(0..=2)? {
            0 => target[at] ^= 1 << bytes.int_in_range(0..=7)?,
            1 => target[at] = bytes.arbitrary()?,
            _ => {
                let from = bytes.choose_index(target.len())?;
                let most = target.len() - at.max(from);
                let count = bytes.int_in_range(1..=most)?;
                target.copy_within(from..from + count, at);
            }
        }
    }
    Ok(())
}

fn check_history(bytes: &mut Unstructured<'_>) -> Result<()> {
    let value = HistoryRecord::make(bytes)?;
    let mut whole = value.encode();
    assert_eq!(HistoryRecord::decode(&whole).expect("it is whole"), value);
    let cut = bytes.choose_index(whole.len())?;
    let error = HistoryRecord::decode(&whole[..cut]).expect_err("it is cut");
    assert!(matches!(error, FrameError::Truncated), "cut at {cut}: {error}");
    damage(&mut whole, bytes)?;
    if let Ok(found) = HistoryRecord::decode(&whole) {
        assert_eq!(HistoryRecord::decode(&found.encode()).expect("it was read before"), found);
    }
    Ok(())
}

/// Events that are cut between two of them are fewer events: a transition has their number.
fn check_events(bytes: &mut Unstructured<'_>) -> Result<()> {
    let events: Vec<Event> = Make::make(bytes)?;
    let whole = Event::encode_all(&events);
    assert!(whole.len() <= events.iter().map(Event::size_bound).sum());
    assert_eq!(Event::decode_all(&whole).expect("they are whole"), events);
    if whole.is_empty() {
        return Ok(());
    }
    let cut = bytes.choose_index(whole.len())?;
    match Event::decode_all(&whole[..cut]) {
        Ok(fewer) => assert_eq!(fewer[..], events[..fewer.len()]),
        Err(error) => assert!(matches!(error, FrameError::Truncated), "cut at {cut}: {error}"),
    }
    Ok(())
}
