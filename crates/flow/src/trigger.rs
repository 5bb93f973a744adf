//! What starts executions of a flow by itself.
//!
//! A trigger is part of a flow's version. It says where records come from and, by expressions,
//! which of them start an execution, with which input, and by which key they are told apart.
//!
//! An expression of a trigger sees the record's value as `.` and the rest of the record as
//! `$record`. There is no execution yet, so the variables of nodes are not known here.
//!
//! Pure: reading records, and what becomes of a start, are the gateway's part.

use flowmill_model::{TopicName, limits};

use crate::expression::{Expression, ExpressionFault, FaultKind, Scope};
use crate::json::Json;

/// What starts executions.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// The records of a Kafka topic.
    Kafka(KafkaTrigger),
}

/// Each record of a topic starts one execution, unless a filter passes it over.
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaTrigger {
    /// The topic.
    pub topic: TopicName,
    /// Where reading begins when the trigger's group has no position yet.
    pub from: Position,
    /// What a record's value is.
    pub envelope: Envelope,
    /// What tells starts apart; the record's place when `None`.
    pub key: Option<Expression>,
    /// Which records count; all when `None`.
    pub filter: Option<Expression>,
    /// What the execution's input is; the value itself when `None`.
    pub input: Option<Expression>,
}

/// Where reading a topic begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// With the first record that is kept.
    Earliest,
    /// With the next record that comes.
    Latest,
}

/// How a record's value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// As JSON.
    Json,
    /// As a CloudEvent, in binary or structured mode.
    CloudEvents,
    /// As text, whatever it says.
    Raw,
}

/// A start that a record asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggeredStart {
    /// What tells it apart, 1 to [`limits::IDEMPOTENCY_KEY_CHARS`] characters; the record's place
    /// when `None`.
    pub key: Option<String>,
    /// The execution's input.
    pub input: Json,
}

impl KafkaTrigger {
    /// The start that a record asks for; `None` when the filter passes it over.
    ///
    /// `value` is what the envelope holds, `record` what expressions see as `$record`. Each
    /// expression is evaluated at most once.
    ///
    /// # Errors
    /// When an expression fails, or the key is no text.
    pub fn read(
        &self,
        value: Json,
        record: Json,
    ) -> Result<Option<TriggeredStart>, ExpressionFault> {
        let scope = Scope { record, ..Scope::default() };
        if let Some(filter) = &self.filter
            && !filter.condition(&value, &scope)?
        {
            return Ok(None);
        }
        let key = match &self.key {
            Some(expression) => Some(key(expression, &value, &scope)?),
            None => None,
        };
        let input = match &self.input {
            Some(expression) => expression.evaluate(&value, &scope)?,
            None => value,
        };
        Ok(Some(TriggeredStart { key, input }))
    }
}

/// A key is a text or a number. Nothing stands for "no key": a record without one is a mistake
/// of its producer that somebody should see.
fn key(expression: &Expression, value: &Json, scope: &Scope) -> Result<String, ExpressionFault> {
    let value = expression.evaluate(value, scope)?;
    let text = match value.as_str() {
        Some(text) => Some(text.to_owned()),
        None => value.as_f64().map(|_| String::from_utf8_lossy(&value.to_bytes()).into_owned()),
    };
    let fits = |text: &String| (1..=limits::IDEMPOTENCY_KEY_CHARS).contains(&text.chars().count());
    text.filter(fits).ok_or_else(|| {
        let expected = "a key is a number, or a text of 1 to 256 characters";
        expression.fault(FaultKind::unexpected(&value, expected))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, compile};

    fn trigger(parameters: &str) -> KafkaTrigger {
        let text = format!(
            "flowmill: 1\n\
             document: {{ namespace: shop, name: orders, version: 1.0.0 }}\n\
             triggers: [{{ kafka: {{ topic: shop.orders, {parameters} }} }}]\n\
             nodes: [{{ id: s, type: start }}]\n"
        );
        let flow = compile(text.as_bytes(), Format::Yaml).expect(&text);
        let [Trigger::Kafka(trigger)] = flow.triggers() else { panic!("one trigger") };
        trigger.clone()
    }

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).expect(text)
    }

    #[track_caller]
    fn check(parameters: &str, value: &str, expect: Option<(Option<&str>, &str)>) {
        let record = json(r#"{"topic":"shop.orders","key":"k7","offset":7,"headers":{"h":"x"}}"#);
        let start = trigger(parameters).read(json(value), record).expect(parameters);
        let found = start.as_ref().map(|s| (s.key.as_deref(), s.input.clone()));
        assert_eq!(found, expect.map(|(key, input)| (key, json(input))), "{parameters}");
    }

    #[test]
    fn a_record_starts_an_execution_with_what_the_expressions_give() {
        check("", "{\"a\":1}", Some((None, "{\"a\":1}")));
        check("input: '{a, at: $record.offset}'", "{\"a\":1}", Some((None, "{\"a\":1,\"at\":7}")));
        check("key: .id", "{\"id\":\"o-1\"}", Some((Some("o-1"), "{\"id\":\"o-1\"}")));
        check("key: .id", "{\"id\":17}", Some((Some("17"), "{\"id\":17}")));
        check("key: $record.key, input: '1'", "null", Some((Some("k7"), "1")));
        check("envelope: cloudevents", "{\"id\":\"e\",\"data\":[1]}", Some((None, "[1]")));
    }

    #[test]
    fn a_filter_passes_records_over_before_anything_else_is_evaluated() {
        check("filter: '.a > 1', input: error", "{\"a\":1}", None);
        check("filter: '$record.headers.h == \"x\"'", "1", Some((None, "1")));
        check("filter: .missing, key: .none", "{}", None);
    }

    #[test]
    fn a_key_that_is_no_text_or_an_expression_that_fails_is_a_fault() {
        let long = format!("{{\"id\":\"{}\"}}", "k".repeat(limits::IDEMPOTENCY_KEY_CHARS + 1));
        for value in ["{}", "{\"id\":\"\"}", "{\"id\":[1]}", "{\"id\":true}", "[]", &long] {
            let read = trigger("key: .id").read(json(value), Json::null());
            assert!(read.is_err(), "{value}");
        }
    }
}
