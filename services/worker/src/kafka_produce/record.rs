//! From a task's input to the record to write.

use bytes::Bytes;
use flowmill_cloudevents::{Data, Event, kafka};
use flowmill_flow::Json;
use flowmill_log::Header;
use flowmill_model::{FlowName, TopicName};

/// The header with the task's idempotency key.
const IDEMPOTENCY_KEY: &str = "flowmill-idempotency-key";

/// The header that says what the value is.
const CONTENT_TYPE: &str = "content-type";

/// A record to write.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) topic: TopicName,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Vec<Header>,
}

/// Why a task's input describes no record, in words.
pub(super) type Unusable = String;

impl Record {
    /// Reads a task's input.
    pub(super) fn read(
        input: &Json,
        flow: &FlowName,
        idempotency_key: &str,
    ) -> Result<Self, Unusable> {
        let topic = scalar(input, "topic")?.ok_or("its topic is null")?;
        let topic = TopicName::new(&topic).map_err(|error| error.to_string())?;
        let key = scalar(input, "key")?.map(Bytes::from);
        let given = given_headers(input)?;
        let value = input.get("value").filter(|value| !value.is_null());
        let event = input.get("event").filter(|event| !event.is_null());
        let (mut headers, value) = match event {
            None => (given, value.map(|value| plain(&value))),
            Some(event) => {
                let event = cloud_event(&event, value, flow, idempotency_key, &given)?;
                let kafka::Message { headers, value } = kafka::binary(&event);
                let own = headers.into_iter().map(|(name, value)| Header::new(name, value));
                let given = given.into_iter().filter(|header| header.name != CONTENT_TYPE);
                (own.chain(given).collect(), value)
            }
        };
        headers.push(Header::new(IDEMPOTENCY_KEY, idempotency_key.to_owned()));
        Ok(Self { topic, key, value, headers })
    }
}

/// A string as it is, anything else as JSON.
fn plain(value: &Json) -> Bytes {
    value.as_str().map_or_else(|| value.to_bytes(), |text| text.to_owned().into())
}

/// A string, number or boolean as text; `None` for `null` and for nothing.
fn scalar(of: &Json, field: &str) -> Result<Option<String>, Unusable> {
    let Some(value) = of.get(field).filter(|value| !value.is_null()) else { return Ok(None) };
    text(&value, field).map(Some)
}

fn text(value: &Json, name: &str) -> Result<String, Unusable> {
    if value.items().is_some() || value.entries().is_some() {
        let kind = value.kind();
        return Err(format!("`{name}` is {kind}; it takes a string, a number or a boolean"));
    }
    Ok(String::from_utf8_lossy(&plain(value)).into_owned())
}

fn given_headers(input: &Json) -> Result<Vec<Header>, Unusable> {
    let Some(headers) = input.get("headers") else { return Ok(Vec::new()) };
    let entries = headers.entries().into_iter().flatten();
    let given = entries.filter(|(_, value)| !value.is_null()).map(|(name, value)| {
        if name.contains('\0') {
            return Err("the name of a header holds a NUL".to_owned());
        }
        let value = text(&value, &name)?;
        Ok(Header::new(name, value))
    });
    given.collect()
}

fn cloud_event(
    described: &Json,
    value: Option<Json>,
    flow: &FlowName,
    idempotency_key: &str,
    given: &[Header],
) -> Result<Event, Unusable> {
    let kind = scalar(described, "type")?.unwrap_or_default();
    let source = scalar(described, "source")?.unwrap_or_else(|| format!("/{flow}"));
    let event = Event::new(idempotency_key, source, kind);
    let mut event = event.map_err(|error| format!("it is no event: {error}"))?;
    event.subject = scalar(described, "subject")?;
    let said = given.iter().find(|header| header.name == CONTENT_TYPE);
    let said = said.map(|header| String::from_utf8_lossy(&header.value).into_owned());
    let default = match &value {
        Some(value) if value.as_str().is_some() => Some("text/plain; charset=utf-8".to_owned()),
        Some(_) => Some("application/json".to_owned()),
        None => None,
    };
    event.data_content_type = said.or(default);
    event.data = value.map(|value| match value.as_str() {
        Some(text) => Data::Text(text.to_owned()),
        None => Data::Json(value),
    });
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Result<Record, Unusable> {
        let input = Json::parse(input.as_bytes()).expect(input);
        Record::read(&input, &"shop/orders".parse().expect("a flow"), "k-1")
    }

    #[track_caller]
    fn check(input: &str, key: Option<&str>, value: Option<&str>, headers: &[&str]) {
        let record = read(input).expect(input);
        let shown =
            |header: &Header| format!("{}={}", header.name, String::from_utf8_lossy(&header.value));
        let found: Vec<_> = record.headers.iter().map(shown).collect();
        assert_eq!(record.topic.as_str(), "t");
        assert_eq!(record.key.as_deref(), key.map(str::as_bytes), "{input}");
        assert_eq!(record.value.as_deref(), value.map(str::as_bytes), "{input}");
        assert_eq!(found, headers, "{input}");
    }

    const KEY: &str = "flowmill-idempotency-key=k-1";

    #[test]
    fn a_plain_record_is_what_its_parameters_gave() {
        check(r#"{"topic":"t","value":{"a":1}}"#, None, Some("{\"a\":1}"), &[KEY]);
        check(r#"{"topic":"t","key":5,"value":"text"}"#, Some("5"), Some("text"), &[KEY]);
        check(r#"{"topic":"t","key":null,"value":null}"#, None, None, &[KEY]);
        let headers = r#"{"topic":"t","value":1,"headers":{"a":"x","b":null,"c":true}}"#;
        check(headers, None, Some("1"), &["a=x", "c=true", KEY]);
    }

    #[test]
    fn an_event_is_one_in_binary_mode_whose_id_is_the_key() {
        let event = r#"{"topic":"t","value":{"a":1},"event":{"type":"paid","subject":"o"}}"#;
        let expect = [
            "ce_specversion=1.0",
            "ce_id=k-1",
            "ce_source=/shop/orders",
            "ce_type=paid",
            "ce_subject=o",
            "content-type=application/json",
            KEY,
        ];
        check(event, None, Some("{\"a\":1}"), &expect);
        let text = r#"{"topic":"t","value":"x","headers":{"content-type":"text/csv","h":"1"},
            "event":{"type":"paid","source":"/s"}}"#;
        let expect = [
            "ce_specversion=1.0",
            "ce_id=k-1",
            "ce_source=/s",
            "ce_type=paid",
            "content-type=text/csv",
            "h=1",
            KEY,
        ];
        check(text, None, Some("x"), &expect);
    }

    #[test]
    fn what_describes_no_record_says_why() {
        let check = |input: &str, words: &str| {
            let why = read(input).expect_err(input);
            assert!(why.contains(words), "{why}");
        };
        check("{}", "topic is null");
        check(r#"{"topic":"a/b"}"#, "249");
        check(r#"{"topic":"t","key":[1]}"#, "`key` is an array");
        check(r#"{"topic":"t","headers":{"h":{}}}"#, "`h` is an object");
        check(r#"{"topic":"t","event":{"type":""}}"#, "`type` is missing");
    }
}
