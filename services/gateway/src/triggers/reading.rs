//! Makes a start of a record: decodes its envelope, evaluates the trigger's expressions, checks
//! the input. Pure, and as slow as the expressions are: it runs on a thread of its own.

use flowmill_cloudevents::{kafka, to_json};
use flowmill_flow::{Envelope, Flow, Json, KafkaTrigger, SchemaViolation, Trigger};
use flowmill_model::{ErrorCode, Payload, TopicName, TraceContext, limits};

use super::record::{TriggerRecord, text};
use crate::key::IdempotencyKey;

/// A start that a record asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// What tells it apart; the record's place when `None`.
    pub(super) key: Option<IdempotencyKey>,
    pub(super) input: Payload,
    pub(super) trace: Option<TraceContext>,
}

/// Why a record cannot be used: it is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) code: ErrorCode,
    /// What is wrong, never with a part of the record in it that is not in an expression's error.
    pub(super) detail: String,
}

/// The flow's trigger on a topic.
pub(super) fn trigger_on<'a>(flow: &'a Flow, topic: &TopicName) -> Option<&'a KafkaTrigger> {
    flow.triggers().iter().find_map(|trigger| match trigger {
        Trigger::Kafka(trigger) => (trigger.topic == *topic).then_some(trigger),
    })
}

/// What a record asks for; `None` when the trigger's filter passes it over.
pub(super) fn read(
    flow: &Flow,
    trigger: &KafkaTrigger,
    record: &TriggerRecord,
) -> Result<Option<Asked>, Unusable> {
    let value = decode(trigger.envelope, record)?;
    // A CloudEvent can carry its producer's trace as an attribute.
    let trace = record.trace().or_else(|| value.get("traceparent")?.as_str()?.parse().ok());
    let start = trigger.read(value, record.describe());
    let start = start.map_err(|fault| unusable(ErrorCode::Expression, fault.to_string()))?;
    let Some(start) = start else { return Ok(None) };
    if let Some(schema) = &flow.input_schema {
        schema.validate(&start.input).map_err(|violations| misfit(&violations))?;
    }
    let input = Payload::new(start.input.to_bytes());
    if input.len() > limits::PAYLOAD_BYTES {
        return Err(too_large("the input", input.len()));
    }
    let key = start.key.map(IdempotencyKey::of_content).transpose();
    let key = key.map_err(|error| unusable(ErrorCode::InvalidInput, error.to_string()))?;
    Ok(Some(Asked { key, input, trace }))
}

/// What expressions see as `.`.
fn decode(envelope: Envelope, record: &TriggerRecord) -> Result<Json, Unusable> {
    let bytes = record.bytes();
    if bytes > limits::PAYLOAD_BYTES {
        return Err(too_large("the record", bytes));
    }
    match (envelope, &record.value) {
        (Envelope::CloudEvents, value) => {
            let message = kafka::Message { headers: record.headers.clone(), value: value.clone() };
            let event = kafka::decode(&message).map_err(|error| {
                unusable(ErrorCode::InvalidInput, format!("the record is no CloudEvent: {error}"))
            })?;
            Ok(to_json(&event))
        }
        (Envelope::Json | Envelope::Raw, None) => Ok(Json::null()),
        (Envelope::Json, Some(value)) => Json::parse(value).map_err(|error| {
            unusable(ErrorCode::InvalidInput, format!("the value is no JSON: {error}"))
        }),
        (Envelope::Raw, Some(value)) => Ok(text(value)),
    }
}

fn unusable(code: ErrorCode, detail: String) -> Unusable {
    Unusable { code, detail }
}

fn too_large(what: &str, bytes: usize) -> Unusable {
    let allowed = limits::PAYLOAD_BYTES;
    unusable(ErrorCode::TooLarge, format!("{what} has {bytes} bytes, {allowed} are allowed"))
}

fn misfit(violations: &[SchemaViolation]) -> Unusable {
    let all: Vec<_> = violations.iter().map(ToString::to_string).collect();
    let detail = format!("the input does not fit the flow's schema: {}", all.join("; "));
    unusable(ErrorCode::InvalidInput, detail)
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use flowmill_flow::{Format, compile};

    fn flow(parameters: &str) -> Flow {
        let text = format!(
            "flowmill: 1\n\
             document: {{ namespace: shop, name: orders, version: 1.0.0 }}\n\
             input: {{ schema: {{ type: [object, string, 'null', number], required: [id] }} }}\n\
             triggers: [{{ kafka: {{ topic: t{parameters} }} }}]\n\
             nodes: [{{ id: s, type: start }}]\n"
        );
        compile(text.as_bytes(), Format::Yaml).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn record(value: &[u8], headers: &[(&str, &str)]) -> TriggerRecord {
        let topic = TopicName::new("t").unwrap();
        let header = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), bytes::Bytes::copy_from_slice(value.as_bytes()))
        };
        TriggerRecord {
            place: Place { topic, partition: 1, offset: 7, timestamp: Some(1_000) },
            key: Some("k".into()),
            value: (value != b"-").then(|| bytes::Bytes::copy_from_slice(value)),
            headers: headers.iter().map(header).collect(),
        }
    }

    #[track_caller]
    fn asked(parameters: &str, record: &TriggerRecord) -> Result<Option<Asked>, Unusable> {
        let flow = flow(parameters);
        read(&flow, trigger_on(&flow, &record.place.topic).unwrap(), record)
    }

    #[track_caller]
    fn check(parameters: &str, record: &TriggerRecord, expect: &str) {
        let asked = asked(parameters, record).unwrap().unwrap();
        assert_eq!(asked.input.as_bytes(), expect.as_bytes(), "{parameters}");
    }

    const EVENT: [(&str, &str); 5] = [
        ("ce_specversion", "1.0"),
        ("ce_id", "1"),
        ("ce_source", "/s"),
        ("ce_type", "t"),
        ("content-type", "application/json"),
    ];

    #[test]
    fn an_envelope_says_what_a_value_is() {
        check("", &record(b"{\"id\": 1}", &[]), "{\"id\":1}");
        check("", &record(b"-", &[]), "null");
        check(", envelope: raw", &record(b"plain", &[]), "\"plain\"");
        check(", envelope: raw", &record(b"\xff\x00", &[]), "\"/wA=\"");
        check(", envelope: cloudevents", &record(b"{\"id\":2}", &EVENT), "{\"id\":2}");
        let parts = ", envelope: cloudevents, input: '{id, source, at: $record.offset}'";
        check(parts, &record(b"{}", &EVENT), "{\"id\":\"1\",\"source\":\"/s\",\"at\":7}");
        let headers = ", envelope: raw, input: '$record.headers.h'";
        check(headers, &record(b"", &[("h", "a"), ("h", "b")]), "\"b\"");
    }

    #[test]
    fn a_trace_comes_by_a_header_or_an_attribute() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let by_header = asked("", &record(b"1", &[("traceparent", text)])).unwrap().unwrap();
        assert_eq!(by_header.trace.map(|t| t.to_string()).as_deref(), Some(text));
        let headers: Vec<_> = EVENT.into_iter().chain([("ce_traceparent", text)]).collect();
        let event = asked(", envelope: cloudevents, input: '1'", &record(b"1", &headers));
        assert_eq!(event.unwrap().unwrap().trace.map(|t| t.to_string()).as_deref(), Some(text));
    }

    #[track_caller]
    fn check_unusable(parameters: &str, record: &TriggerRecord, code: ErrorCode, words: &str) {
        let unusable = asked(parameters, record).unwrap_err();
        assert_eq!(unusable.code, code, "{unusable:?}");
        assert!(unusable.detail.contains(words), "{unusable:?}");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        use ErrorCode as Code;
        check_unusable("", &record(b"{", &[]), Code::InvalidInput, "no JSON");
        check_unusable("", &record(b"{}", &[]), Code::InvalidInput, "schema");
        let event = ", envelope: cloudevents";
        check_unusable(event, &record(b"{}", &[]), Code::InvalidInput, "no CloudEvent");
        check_unusable(", input: error", &record(b"1", &[]), Code::Expression, "error");
        check_unusable(", key: .id", &record(b"{}", &[]), Code::Expression, "key");
        let large = vec![b' '; limits::PAYLOAD_BYTES + 1];
        check_unusable("", &record(&large, &[]), Code::TooLarge, "the record has");
    }
}
