//! Messages that may be CloudEvents, in the modes of Kafka and HTTP.
//!
//! An event that was decoded survives every mode. The exception is one whose data is not what its
//! content type says; that one survives the structured mode, which says what it is.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use flowmill_cloudevents::{Data, Event, EventError, http, kafka};

/// Checks what the bytes stand for.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    check_any(&mut bytes).ok();
}

fn check_any(bytes: &mut Unstructured<'_>) -> Result<()> {
    let of_kafka = bytes.arbitrary()?;
    let headers = headers(bytes, if of_kafka { "ce_" } else { "ce-" })?;
    let body = Bytes::copy_from_slice(bytes.bytes(bytes.len())?);
    if of_kafka {
        let headers = headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        let found = kafka::decode(&kafka::Message { headers, value: Some(body) });
        survives(found.into_iter().collect());
        return Ok(());
    }
    let headers =
        headers.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into()));
    let message = http::Message { headers: headers.collect(), body };
    let found = http::decode(&message);
    check_one(&found, http::decode_one(&message));
    survives(found.unwrap_or_default());
    Ok(())
}

/// What is read as one event is what is read of any mode.
fn check_one(found: &Answer<Vec<Event>>, one: Answer<Event>) {
    match one {
        Err(EventError::Batch) => {}
        one => assert_eq!(one.map(|event| vec![event]), *found),
    }
}

type Answer<T> = std::result::Result<T, EventError>;

/// Headers of the names that matter, with any values.
fn headers(bytes: &mut Unstructured<'_>, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
    const NAMES: [&str; 9] = [
        "id",
        "source",
        "type",
        "subject",
        "time",
        "dataschema",
        "traceparent",
        "data",
        "datacontenttype",
    ];
    const TYPES: [&str; 6] = [
        "application/json",
        "text/plain",
        "application/cloudevents+json",
        "application/cloudevents-batch+json; charset=utf-8",
        "application/x+json",
        "application/octet-stream",
    ];
    let mut headers = Vec::new();
    if bytes.ratio(7, 8)? {
        headers.push((format!("{prefix}specversion"), b"1.0".to_vec()));
    }
    match bytes.int_in_range(0..=2)? {
        0 => {}
        1 => headers.push(("content-type".to_owned(), bytes.choose(&TYPES)?.as_bytes().to_vec())),
        _ => headers.push(("content-type".to_owned(), bytes.arbitrary()?)),
    }
    for _ in 0..bytes.int_in_range(0..=6)? {
        let name = match bytes.ratio(7, 8)? {
            true => (*bytes.choose(&NAMES)?).to_owned(),
            false => bytes.arbitrary()?,
        };
        headers.push((format!("{prefix}{name}"), bytes.arbitrary()?));
    }
    Ok(headers)
}

fn survives(events: Vec<Event>) {
    for event in &events {
        assert_eq!(kafka::decode(&kafka::structured(event)).as_ref(), Ok(event));
        assert_eq!(http::decode_one(&http::structured(event)).as_ref(), Ok(event));
        let kafka = kafka::decode(&kafka::binary(event));
        let http = http::decode_one(&http::binary(event));
        assert_eq!(kafka, http);
        if is_what_it_says(event) {
            assert_eq!(kafka.as_ref(), Ok(event));
        }
    }
    assert_eq!(http::decode(&http::batched(&events)), Ok(events));
}

/// Whether the data is of its content type.
fn is_what_it_says(event: &Event) -> bool {
    let Some(content_type) = &event.data_content_type else {
        // Without one, what reads as JSON is JSON.
        return matches!(event.data, None | Some(Data::Json(_)));
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = essence.ends_with("/json") || essence.ends_with("+json");
    match &event.data {
        None => true,
        Some(Data::Json(_)) => json,
        Some(Data::Text(text)) => !json && !text.is_empty(),
        Some(Data::Binary(bytes)) => !json && !bytes.is_empty(),
    }
}
