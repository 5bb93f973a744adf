//! Whether the service got every order it should, once, and nothing else.
//!
//! A call may come again: calls are made at least once, and the idempotency key is how a service
//! tells. So "once" means one key for each order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::sink::Call;

/// What the check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Orders that arrived, once each and as they should.
    pub(crate) right: usize,
    /// Calls that repeated an earlier one under its key.
    pub(crate) repeats: usize,
    /// What is wrong, a line each.
    pub(crate) wrong: Vec<String>,
}

/// Compares what arrived with what should have.
pub(crate) fn check(expected: &BTreeMap<String, Value>, calls: &[Call]) -> Report {
    let mut report = Report::default();
    let mut by_key: BTreeMap<&str, &Value> = BTreeMap::new();
    for call in calls {
        let (Some(key), Some(body)) = (call.key.as_deref(), call.body.as_ref()) else {
            report.wrong.push("a call came without an idempotency key or a JSON body".to_owned());
            continue;
        };
        match by_key.insert(key, body) {
            None => {}
            Some(earlier) if earlier == body => report.repeats += 1,
            Some(_) => report.wrong.push(format!("two bodies came under the key {key}")),
        }
    }
    let mut seen = BTreeSet::new();
    for body in by_key.into_values() {
        judge(body, expected, &mut seen, &mut report);
    }
    let missing = expected.keys().filter(|id| !seen.contains(id.as_str()));
    report.wrong.extend(missing.map(|id| format!("{id} did not arrive")));
    report
}

fn judge<'a>(
    body: &'a Value,
    expected: &BTreeMap<String, Value>,
    seen: &mut BTreeSet<&'a str>,
    report: &mut Report,
) {
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
    match expected.get(id) {
        None => report.wrong.push(format!("{body} arrived and should not have")),
        Some(_) if !seen.insert(id) => {
            report.wrong.push(format!("{id} arrived under more than one key"));
        }
        Some(right) if right == body => report.right += 1,
        Some(right) => report.wrong.push(format!("{id} arrived as {body}, not as {right}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(calls: &[(&str, Value)]) -> Report {
        let expected = BTreeMap::from([
            ("a".to_owned(), json!({"id": "a", "amount": 101})),
            ("b".to_owned(), json!({"id": "b", "amount": 200})),
        ]);
        let calls: Vec<_> = calls
            .iter()
            .map(|(key, body)| Call { key: Some((*key).to_owned()), body: Some(body.clone()) })
            .collect();
        check(&expected, &calls)
    }

    #[test]
    fn every_order_once_is_right_also_when_a_call_is_repeated() {
        let (a, b) = (json!({"id": "a", "amount": 101}), json!({"id": "b", "amount": 200}));
        let report = found(&[("1", a.clone()), ("2", b), ("1", a)]);
        assert_eq!(report, Report { right: 2, repeats: 1, wrong: vec![] });
    }

    #[test]
    fn whatever_else_arrives_is_wrong() {
        let (a, b) = (json!({"id": "a", "amount": 101}), json!({"id": "b", "amount": 200}));
        let check = |calls: &[(&str, Value)], expect: &str| {
            assert_eq!(found(calls).wrong, [expect]);
        };
        check(&[("1", a.clone())], "b did not arrive");
        check(
            &[("1", a.clone()), ("2", b.clone()), ("3", a.clone())],
            "a arrived under more than one key",
        );
        check(
            &[("1", a.clone()), ("2", b.clone()), ("3", json!({"id": "c"}))],
            r#"{"id":"c"} arrived and should not have"#,
        );
        check(
            &[("1", a.clone()), ("2", json!({"amount": 1, "id": "b"}))],
            r#"b arrived as {"amount":1,"id":"b"}, not as {"amount":200,"id":"b"}"#,
        );
        let found = found(&[("1", a), ("1", b)]).wrong;
        assert_eq!(found, ["two bodies came under the key 1", "a did not arrive"]);
    }
}
