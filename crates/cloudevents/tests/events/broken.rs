//! What is no event, and what the sender is told.

use flowmill_cloudevents::{EventError, http, kafka};

fn record(headers: &[(&str, &str)], value: &str) -> kafka::Message {
    let header = |(name, value): &(&str, &str)| ((*name).to_owned(), value.to_string().into());
    let headers = headers.iter().map(header).collect();
    kafka::Message { headers, value: Some(value.to_owned().into()) }
}

const COMPLETE: [(&str, &str); 4] =
    [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/s"), ("ce_type", "t")];

#[track_caller]
fn check_binary(more: &[(&str, &str)], without: &str, value: &str, expect: &str) {
    let kept = COMPLETE.iter().filter(|(name, _)| *name != without).chain(more);
    let headers: Vec<_> = kept.copied().collect();
    let error = kafka::decode(&record(&headers, value)).expect_err(expect);
    assert_eq!(error.to_string(), expect);
}

#[test]
fn a_binary_record_says_what_is_wrong_with_it() {
    let none = "there is neither a specversion nor a content type of CloudEvents";
    check_binary(&[], "ce_specversion", "{}", none);
    check_binary(&[], "ce_id", "{}", "the attribute `id` is missing");
    check_binary(&[("ce_source", "")], "", "{}", "the attribute `source` is missing");
    let version = "the specversion is `0.3`; 1.0 is supported";
    check_binary(&[("ce_specversion", "0.3")], "", "{}", version);
    let name = "`a_b` is no name of an attribute: use lower-case letters and digits";
    check_binary(&[("ce_a_b", "x")], "", "{}", name);
    let time = "the attribute `time` is not a time as RFC 3339, such as 2026-01-02T03:04:05Z";
    check_binary(&[("ce_time", "yesterday")], "", "{}", time);
    check_binary(&[("content-type", "application/json")], "", "{", "the event's data is no JSON");
}

#[track_caller]
fn check_structured(value: &str, expect: &str) {
    let message = record(&[("content-type", "application/cloudevents+json")], value);
    assert_eq!(kafka::decode(&message).expect_err(expect).to_string(), expect, "{value}");
}

#[test]
fn a_structured_record_says_what_is_wrong_with_it() {
    check_structured("", "the event is no JSON");
    check_structured("[]", "the event is an array; a JSON object is expected");
    check_structured("{}", "the attribute `specversion` is missing");
    check_structured("{\"specversion\":\"1.0\"}", "the attribute `id` is missing");
    let with = |more: &str| {
        format!("{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",{more}}}")
    };
    check_structured(&with("\"subject\":1"), "the attribute `subject` is not a string");
    let nested = "the attribute `x` is not a string, a number or a boolean";
    check_structured(&with("\"x\":{}"), nested);
    let two = "there are both `data` and `data_base64`";
    check_structured(&with("\"data\":1,\"data_base64\":\"YQ==\""), two);
    let base64 = "the attribute `data_base64` is not base64";
    check_structured(&with("\"data_base64\":\"%\""), base64);
}

#[test]
fn other_formats_and_batches_are_refused_where_one_event_is_expected() {
    let avro = [("content-type", "application/cloudevents+avro")];
    let error = kafka::decode(&record(&avro, "x")).expect_err("avro");
    assert_eq!(error, EventError::Format("application/cloudevents+avro".to_owned()));
    let batch = [("content-type", "application/cloudevents-batch+json")];
    assert_eq!(kafka::decode(&record(&batch, "[]")), Err(EventError::Batch));
    let headers = vec![("Content-Type".to_owned(), batch[0].1.to_owned())];
    let message = http::Message { headers, body: "[]".into() };
    assert_eq!(http::decode_one(&message), Err(EventError::Batch));
    assert_eq!(http::decode(&message), Ok(Vec::new()));
}
