//! Entries: what the frames of a segment file say.
//!
//! The first byte of a body is the entry's kind; the rest is below, all numbers little-endian.
//!
//! | kind | what | body after the kind |
//! |---|---|---|
//! | 1 | a record | topic `u16`, partition `u16`, offset `u64`, written at `u64` ms, key length `u32`, key, value |
//! | 2 | a trim | topic `u16`, partition `u16`, first kept offset `u64` |
//! | 3 | a topic, made or changed | id `u16`, partitions `u16`, retention `u8` and `u64` ms, name length `u16`, name |
//! | 4 | all topics and positions | number of topics `u16`; each as in 3, then for each partition first kept and next offset, `u64` each |
//! | 5 | the log was closed in good order | nothing |
//! | 6 | a record with headers | as 1 up to the key's length, then number of headers `u32`; each header's name length `u32`, value length `u32`, name, value; then key, value |
//!
//! A record says its own offset: one that is moved to a later segment keeps it, and of two
//! entries for one offset the later one counts. Numbers once used are never used for another kind.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use flowmill_model::Timestamp;

use crate::contract::{Header, Record};
use crate::topic::{Retention, Topic};

/// A partition, by the number of its topic in this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartitionId {
    /// The topic's number.
    pub(super) topic: u16,
    /// The partition's number within it.
    pub(super) number: u16,
}

/// What comes before the key and value of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    pub(super) partition: PartitionId,
    pub(super) offset: u64,
    pub(super) at: Timestamp,
    key_bytes: u32,
}

/// A topic as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TopicEntry {
    pub(super) id: u16,
    pub(super) topic: Topic,
    pub(super) partitions: u16,
    pub(super) retention: Retention,
}

/// A topic with the first kept and the next offset of each of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TopicState {
    pub(super) entry: TopicEntry,
    pub(super) positions: Vec<(u64, u64)>,
}

/// An entry. A record's value is left where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Record { head: RecordHead, key: &'a [u8] },
    Trim { partition: PartitionId, before: u64 },
    Topic(TopicEntry),
    State(Vec<TopicState>),
    Closed,
}

/// A whole body that says nothing this build understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry cannot be decoded")]
pub(super) struct Undecodable;

const RECORD: u8 = 1;
const TRIM: u8 = 2;
const TOPIC: u8 = 3;
const STATE: u8 = 4;
const CLOSED: u8 = 5;
const HEADED: u8 = 6;

const RECORD_HEAD_BYTES: usize = 25;

/// Bytes of the body of a record's entry.
pub(super) fn record_bytes(record: &Record) -> usize {
    let headers = match record.headers.len() {
        0 => 0,
        count => 4 + count * 8,
    };
    RECORD_HEAD_BYTES + headers + record.bytes()
}

/// Bytes of the body of a trim's entry.
pub(super) const TRIM_BYTES: usize = 13;

/// Bytes of the body of a topic's entry, at most: a queue's name is 63 characters.
pub(super) const TOPIC_BYTES_MAX: usize = 16 + 6 + flowmill_model::limits::NAME_CHARS;

pub(super) fn put_record(
    out: &mut Vec<u8>,
    partition: PartitionId,
    offset: u64,
    at: Timestamp,
    record: &Record,
) {
    out.put_u8(if record.headers.is_empty() { RECORD } else { HEADED });
    put_partition(out, partition);
    out.put_u64_le(offset);
    out.put_u64_le(at.as_millis());
    put_length(out, record.key.len());
    if !record.headers.is_empty() {
        put_headers(out, &record.headers);
    }
    out.put_slice(&record.key);
    out.put_slice(&record.value);
}

fn put_headers(out: &mut Vec<u8>, headers: &[Header]) {
    put_length(out, headers.len());
    for Header { name, value } in headers {
        put_length(out, name.len());
        put_length(out, value.len());
        out.put_slice(name.as_bytes());
        out.put_slice(value);
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.put_u32_le(u32::try_from(length).expect("a record is far below 4 GiB"));
}

pub(super) fn put_trim(out: &mut Vec<u8>, partition: PartitionId, before: u64) {
    out.put_u8(TRIM);
    put_partition(out, partition);
    out.put_u64_le(before);
}

pub(super) fn put_topic(out: &mut Vec<u8>, entry: &TopicEntry) {
    out.put_u8(TOPIC);
    put_topic_fields(out, entry);
}

pub(super) fn put_state(out: &mut Vec<u8>, topics: &[TopicState]) {
    out.put_u8(STATE);
    out.put_u16_le(u16::try_from(topics.len()).expect("topics are numbered by 16 bits"));
    for topic in topics {
        put_topic_fields(out, &topic.entry);
        for (start, next) in &topic.positions {
            out.put_u64_le(*start);
            out.put_u64_le(*next);
        }
    }
}

pub(super) fn put_closed(out: &mut Vec<u8>) {
    out.put_u8(CLOSED);
}

fn put_partition(out: &mut Vec<u8>, partition: PartitionId) {
    out.put_u16_le(partition.topic);
    out.put_u16_le(partition.number);
}

fn put_topic_fields(out: &mut Vec<u8>, entry: &TopicEntry) {
    out.put_u16_le(entry.id);
    out.put_u16_le(entry.partitions);
    let (retention, time) = match entry.retention {
        Retention::UntilTrimmed => (0, Duration::ZERO),
        Retention::For(time) => (1, time),
        Retention::Compacted => (2, Duration::ZERO),
    };
    out.put_u8(retention);
    out.put_u64_le(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let name = entry.topic.to_string();
    out.put_u16_le(u16::try_from(name.len()).expect("a topic's name is short"));
    out.put_slice(name.as_bytes());
}

impl<'a> Entry<'a> {
    /// Reads a whole body.
    pub(super) fn decode(mut body: &'a [u8]) -> Result<Self, Undecodable> {
        decode(&mut body).filter(|_| body.is_empty()).ok_or(Undecodable)
    }
}

/// The record that a body holds; key and values stay where they are.
pub(super) fn record_of(body: &Bytes) -> Result<Record, Undecodable> {
    let mut rest = &body[..];
    let (_, headers, key) = record_parts(&mut rest).ok_or(Undecodable)?;
    let header = |(name, value): (&str, &[u8])| Header::new(name.to_owned(), body.slice_ref(value));
    Ok(Record {
        key: body.slice_ref(key),
        value: body.slice_ref(rest),
        headers: headers.into_iter().map(header).collect(),
    })
}

type Headers<'a> = Vec<(&'a str, &'a [u8])>;

/// Takes a record's head, headers and key off the front of a body; what is left is the value.
fn record_parts<'a>(body: &mut &'a [u8]) -> Option<(RecordHead, Headers<'a>, &'a [u8])> {
    let kind = body.try_get_u8().ok()?;
    let head = RecordHead {
        partition: partition(body)?,
        offset: body.try_get_u64_le().ok()?,
        at: Timestamp::from_millis(body.try_get_u64_le().ok()?),
        key_bytes: body.try_get_u32_le().ok()?,
    };
    let headers = match kind {
        RECORD => Vec::new(),
        HEADED => headers(body)?,
        _ => return None,
    };
    let key = slice(body, head.key_bytes as usize)?;
    Some((head, headers, key))
}

fn headers<'a>(body: &mut &'a [u8]) -> Option<Headers<'a>> {
    let count = body.try_get_u32_le().ok()?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let (name, value) = (body.try_get_u32_le().ok()?, body.try_get_u32_le().ok()?);
        let name = std::str::from_utf8(slice(body, name as usize)?).ok()?;
        headers.push((name, slice(body, value as usize)?));
    }
    Some(headers)
}

fn decode<'a>(body: &mut &'a [u8]) -> Option<Entry<'a>> {
    if matches!(body.first(), Some(&RECORD | &HEADED)) {
        let (head, _, key) = record_parts(body)?;
        *body = &[];
        return Some(Entry::Record { head, key });
    }
    match body.try_get_u8().ok()? {
        TRIM => {
            let partition = partition(body)?;
            Some(Entry::Trim { partition, before: body.try_get_u64_le().ok()? })
        }
        TOPIC => topic(body).map(Entry::Topic),
        STATE => {
            let topics = body.try_get_u16_le().ok()?;
            (0..topics).map(|_| topic_state(body)).collect::<Option<_>>().map(Entry::State)
        }
        CLOSED => Some(Entry::Closed),
        _ => None,
    }
}

fn partition(body: &mut &[u8]) -> Option<PartitionId> {
    Some(PartitionId { topic: body.try_get_u16_le().ok()?, number: body.try_get_u16_le().ok()? })
}

fn slice<'a>(body: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, rest) = body.split_at_checked(bytes)?;
    *body = rest;
    Some(taken)
}

fn topic(body: &mut &[u8]) -> Option<TopicEntry> {
    let (id, partitions) = (body.try_get_u16_le().ok()?, body.try_get_u16_le().ok()?);
    let (retention, time) = (body.try_get_u8().ok()?, body.try_get_u64_le().ok()?);
    let retention = match retention {
        0 => Retention::UntilTrimmed,
        1 => Retention::For(Duration::from_millis(time)),
        2 => Retention::Compacted,
        _ => return None,
    };
    let name_bytes = body.try_get_u16_le().ok()?;
    let name = std::str::from_utf8(slice(body, name_bytes.into())?).ok()?;
    Some(TopicEntry { id, topic: name.parse().ok()?, partitions, retention })
}

fn topic_state(body: &mut &[u8]) -> Option<TopicState> {
    let entry = topic(body)?;
    let position = |_| {
        let (start, next) = (body.try_get_u64_le().ok()?, body.try_get_u64_le().ok()?);
        (start <= next).then_some((start, next))
    };
    let positions = (0..entry.partitions).map(position).collect::<Option<_>>()?;
    Some(TopicState { entry, positions })
}

#[cfg(test)]
mod tests {
    use flowmill_model::Queue;

    use super::*;

    const ID: PartitionId = PartitionId { topic: 3, number: 0x0102 };

    fn entry(topic: Topic, retention: Retention) -> TopicEntry {
        TopicEntry { id: 9, topic, partitions: 2, retention }
    }

    fn body(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut body = Vec::new();
        write(&mut body);
        body
    }

    fn check(body: &[u8], expect: &Entry<'_>) {
        assert_eq!(Entry::decode(body).as_ref(), Ok(expect));
        for cut in 0..body.len() {
            assert_ne!(Entry::decode(&body[..cut]).as_ref(), Ok(expect), "cut at {cut}");
        }
    }

    #[test]
    fn entries_survive_their_bytes() {
        let tasks = Topic::Tasks(Queue::new(&"q".repeat(63)).expect("a queue"));
        for retention in
            [Retention::UntilTrimmed, Retention::For(Duration::from_secs(7)), Retention::Compacted]
        {
            let entry = entry(tasks.clone(), retention);
            let topic = body(|out| put_topic(out, &entry));
            assert!(topic.len() <= TOPIC_BYTES_MAX);
            check(&topic, &Entry::Topic(entry.clone()));
            let state = vec![TopicState { entry, positions: vec![(1, 2), (3, u64::MAX)] }];
            check(&body(|out| put_state(out, &state)), &Entry::State(state));
        }
        let trim = body(|out| put_trim(out, ID, 7));
        assert_eq!(trim.len(), TRIM_BYTES);
        check(&trim, &Entry::Trim { partition: ID, before: 7 });
        check(&body(put_closed), &Entry::Closed);
    }

    #[test]
    fn a_record_survives_its_bytes() {
        let mut record = Record::keyed("key", "value");
        for headers in
            [vec![], vec![Header::new("a", ""), Header::new("", "b"), Header::new("a", "b")]]
        {
            record.headers = headers;
            let bytes = body(|out| put_record(out, ID, 5, Timestamp::from_millis(6), &record));
            assert_eq!(bytes.len(), record_bytes(&record));
            let Ok(Entry::Record { head, key }) = Entry::decode(&bytes) else {
                panic!("no record")
            };
            assert_eq!((head.partition, head.offset, head.at.as_millis()), (ID, 5, 6));
            assert_eq!(key, b"key");
            assert_eq!(record_of(&bytes.into()), Ok(record.clone()));
        }
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for bytes in [&[][..], &[0], &[7], &[255; 40], &[CLOSED, 0], &[RECORD; 25], &[HEADED; 25]] {
            assert_eq!(Entry::decode(bytes), Err(Undecodable), "{bytes:?}");
        }
        let entry = entry(Topic::History, Retention::UntilTrimmed);
        let backwards = vec![TopicState { entry, positions: vec![(1, 1), (3, 2)] }];
        assert_eq!(Entry::decode(&body(|out| put_state(out, &backwards))), Err(Undecodable));
    }

    #[test]
    fn the_bytes_of_a_record_do_not_change() {
        let mut record = Record::keyed("k", "v");
        let bytes = body(|out| put_record(out, ID, 5, Timestamp::from_millis(6), &record));
        let expected =
            [1, 3, 0, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'k', b'v'];
        assert_eq!(bytes, expected);
        record.headers.push(Header::new("h", "w"));
        let bytes = body(|out| put_record(out, ID, 5, Timestamp::from_millis(6), &record));
        let expected = [
            6, 3, 0, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
            1, 0, 0, 0, 1, 0, 0, 0, b'h', b'w', b'k', b'v',
        ];
        assert_eq!(bytes, expected);
    }
}
