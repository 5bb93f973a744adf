use proptest::prelude::*;

use super::*;

fn rewritten(text: &str) -> String {
    let value = Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    String::from_utf8(value.to_bytes().to_vec()).expect("JSON is UTF-8")
}

#[test]
fn values_are_read_and_written_compactly() {
    let check = |text: &str, expect: &str| assert_eq!(rewritten(text), expect, "{text}");
    check(" null ", "null");
    check("[true , false]", "[true,false]");
    check(r#"{"b" : 1, "a" : {}}"#, r#"{"b":1,"a":{}}"#);
    check("[]", "[]");
    check(r#""a\u00e9\ud83d\ude00\n\/\b""#, "\"aé😀\\n/\\u0008\"");
    check(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
    check("-0", "0");
}

#[test]
fn numbers_keep_their_digits() {
    for text in ["0", "-12", "1.10", "1e400", "123456789012345678901234567890", "0.1", "1E-7"] {
        assert_eq!(rewritten(text), text);
    }
    let long = "9".repeat(100_000);
    assert_eq!(rewritten(&long), long);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let check = |text: &str, what: &str| {
        let error = Json::parse(text.as_bytes()).expect_err(text);
        assert!(error.what.contains(what), "{text}: {error}");
    };
    for text in ["", " ", "{", "[1,", "{\"a\":", "[1"] {
        check(text, "ends too early");
    }
    check("\"a", "closing quote");
    check("1 2", "more text");
    check("[1 2]", "comma");
    check("[1,]", "no value");
    check("{\"a\":1,}", "key in double quotes");
    check("{a:1}", "key in double quotes");
    check("{\"a\" 1}", "colon");
    check("[}", "no value");
    check("[1}", "wrong kind");
    check("01", "zero");
    check("-", "digit");
    check("1.", "digit");
    check("1e", "digit");
    check("+1", "no value");
    check("NaN", "no value");
    check("\"\\x\"", "escape");
    check("\"\\u12\"", "four hexadecimal");
    check("\"\\ud800\"", "surrogate");
    check("\"\\ud800\\u0041\"", "surrogate");
    check("\"\u{1}\"", "control character");
    check("# comment", "no value");
    let error = Json::parse(b"{\n  \"a\": x}").expect_err("no value");
    assert_eq!((error.line, error.column), (2, 8));
    let error = Json::parse(b"\"\xff\"").expect_err("no UTF-8");
    assert_eq!((error.what, error.column), ("the text is not UTF-8", 2));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let limit = flowmill_model::limits::JSON_DEPTH;
    assert!(Json::parse(nested(limit).as_bytes()).is_ok());
    let error = Json::parse(nested(limit + 1).as_bytes()).expect_err("too deep");
    assert!(error.what.contains("deep"));
    assert!(Json::parse("[".repeat(1_000_000).as_bytes()).is_err());
}

#[test]
fn canonical_text_does_not_depend_on_spelling() {
    let canonical = |text: &str| Json::parse(text.as_bytes()).expect(text).to_canonical_bytes();
    assert_eq!(canonical(r#"{"b":[1.0, 1e3],"a":1}"#), r#"{"a":1,"b":[1,1000]}"#);
    assert_eq!(canonical("0.50"), canonical("5e-1"));
    assert_ne!(canonical("1"), canonical("\"1\""));
}

#[test]
fn what_json_has_no_text_for_is_replaced() {
    let check = |value: Value, expect: &str| {
        assert_eq!(Json::from_value(value).to_bytes(), expect);
    };
    check(Value::from(f64::NAN), "null");
    check(Value::from(f64::INFINITY), "1.7976931348623157e308");
    check(Value::from(f64::NEG_INFINITY), "-1.7976931348623157e308");
    check(Value::from(2.0), "2");
    check(Value::from(0.1 + 0.2), "0.30000000000000004");
    check(Value::from(1e-9), "1e-9");
    check(Value::Number(Number::from_text(".5")), "0.5");
}

#[test]
fn parts_are_reached() {
    let value = Json::parse(br#"{"s":"x","n":7,"f":1.5,"b":true,"l":[1,2]}"#).expect("JSON");
    assert_eq!(value.get("s").as_ref().and_then(Json::as_str), Some("x"));
    assert_eq!(value.get("n").and_then(|n| n.as_u64()), Some(7));
    assert_eq!(value.get("f").and_then(|n| n.as_u64()), None);
    assert_eq!(value.get("f").and_then(|n| n.as_f64()), Some(1.5));
    assert_eq!(value.get("b").and_then(|b| b.as_bool()), Some(true));
    assert_eq!(value.get("l").map(|l| l.items().expect("an array").len()), Some(2));
    assert_eq!(value.entries().expect("an object").count(), 5);
    assert!(value.get("x").is_none() && value.items().is_none());
    assert_eq!(format!("{value:?}"), "Json(an object)", "the content is not shown");
}

/// Any JSON value, a few levels deep.
fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_read_as_serde_json_reads_it(value in value()) {
        let text = serde_json::to_vec(&value).expect("JSON");
        let read = Json::parse(&text).expect("JSON");
        prop_assert_eq!(serde_json::Value::from(&read), value.clone());
        let again: serde_json::Value = serde_json::from_slice(&read.to_bytes()).expect("JSON");
        prop_assert_eq!(&again, &value);
        prop_assert_eq!(Json::from(value).to_canonical_bytes(), read.to_canonical_bytes());
    }

    #[test]
    fn text_is_accepted_exactly_when_serde_json_accepts_it(text in "[\\[\\]{},:\"a0-9.eE+\\- \\\\u]{0,12}") {
        let expect: Result<serde_json::Value, _> = serde_json::from_str(&text);
        let out_of_range = expect.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        // There it stops, and has not looked at what follows.
        prop_assume!(!out_of_range);
        prop_assert_eq!(Json::parse(text.as_bytes()).is_ok(), expect.is_ok(), "{}", text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _outcome = Json::parse(&bytes);
    }
}
