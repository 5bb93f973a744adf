//! Records that cannot be used, as they stand among the dead letters: key, value and headers as
//! they were, behind headers that say where the record is from and why it is here.

use std::time::Duration;

use bytes::Bytes;
use flowmill_log::{AppendError, Header, Log, NotWritten, Partition, Record, Topic};
use flowmill_model::{FlowName, limits};

use super::reading::Unusable;
use super::record::{Place, TriggerRecord};

/// Pause before a dead letter that could not be written is written again.
const AGAIN: Duration = Duration::from_millis(500);

/// Bytes that the headers of a dead letter that are its own may take.
const OWN_BYTES: usize = 64 * 1024;

/// Makes a dead letter of a record; answers once it is durable.
pub(super) async fn bury(log: &dyn Log, flow: &FlowName, record: &TriggerRecord, why: &Unusable) {
    let mut letter = letter(flow, record, why, limits::RECORD_BYTES - OWN_BYTES);
    loop {
        let partitions = log.partitions(&Topic::DeadLetters).unwrap_or(1).max(1);
        let number = record.place.partition.unsigned_abs() % u32::from(partitions);
        let to = Partition::new(Topic::DeadLetters, u16::try_from(number).unwrap_or(0));
        let error = match log.append(&to, letter.clone()).await {
            Ok(_) => return,
            Err(error) => error,
        };
        tracing::warn!(%error, %flow, "a dead letter cannot be written; trying again");
        if matches!(error, AppendError::NotWritten(NotWritten::TooLarge { .. })) {
            letter.value = Bytes::new();
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The dead letter; a value beyond `room` is cut, and headers beyond it left out.
fn letter(flow: &FlowName, record: &TriggerRecord, why: &Unusable, room: usize) -> Record {
    let Place { topic, partition, offset, timestamp } = &record.place;
    let detail: String = why.detail.chars().take(limits::PROBLEM_DETAIL_CHARS).collect();
    let mut headers = vec![
        header("flowmill-reason", why.code.as_str()),
        header("flowmill-error", &detail),
        header("flowmill-flow", &flow.to_string()),
        header("flowmill-topic", topic.as_str()),
        header("flowmill-partition", &partition.to_string()),
        header("flowmill-offset", &offset.to_string()),
    ];
    headers.extend(timestamp.map(|at| header("flowmill-timestamp", &at.to_string())));
    let mut room = room;
    let mut take = |bytes: usize| {
        let fits = bytes <= room;
        room -= if fits { bytes } else { 0 };
        fits
    };
    let key = record.key.clone().filter(|key| take(key.len())).unwrap_or_default();
    for (name, value) in &record.headers {
        if take(name.len() + value.len()) {
            headers.push(Header::new(name.clone(), value.clone()));
        }
    }
    let value = record.value.clone().unwrap_or_default();
    let kept = value.len().min(room);
    if kept < value.len() {
        headers.push(header("flowmill-cut", &value.len().to_string()));
    }
    Record { key, value: value.slice(..kept), headers }
}

fn header(name: &'static str, value: &str) -> Header {
    Header::new(name, Bytes::copy_from_slice(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowmill_model::{ErrorCode, TopicName};

    #[test]
    fn a_dead_letter_is_the_record_and_why_it_is_one() {
        let record = TriggerRecord {
            place: Place {
                topic: TopicName::new("shop.orders").unwrap(),
                partition: 3,
                offset: 17,
                timestamp: Some(1_000),
            },
            key: Some("key".into()),
            value: Some("0123456789".into()),
            headers: vec![("h".to_owned(), "x".into())],
        };
        let why = Unusable { code: ErrorCode::InvalidInput, detail: "no JSON".to_owned() };
        let flow = "shop/orders".parse().unwrap();
        let whole = letter(&flow, &record, &why, 100);
        assert_eq!((&whole.key[..], &whole.value[..]), (&b"key"[..], &b"0123456789"[..]));
        let shown =
            |header: &Header| format!("{}={}", header.name, String::from_utf8_lossy(&header.value));
        let headers: Vec<_> = whole.headers.iter().map(shown).collect();
        let expect = [
            "flowmill-reason=invalid-input",
            "flowmill-error=no JSON",
            "flowmill-flow=shop/orders",
            "flowmill-topic=shop.orders",
            "flowmill-partition=3",
            "flowmill-offset=17",
            "flowmill-timestamp=1000",
            "h=x",
        ];
        assert_eq!(headers, expect);
        let cut = letter(&flow, &record, &why, 9);
        assert_eq!(&cut.value[..], b"0123", "the key and a header take their part of the room");
        assert_eq!(shown(cut.headers.last().unwrap()), "flowmill-cut=10");
    }
}
