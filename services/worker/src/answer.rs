//! From a response to what the node gives: `{status, headers, body}`.
//!
//! Header names are in lower case; values of a repeated header are joined with `, `, but
//! `set-cookie`, whose values hold commas, is always an array. The body is a JSON value when the
//! content type says so and it is one (no body at all is `null` then); else it is text.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_flow::Json;
use flowmill_model::{Payload, Timestamp, limits};
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, SET_COOKIE};
use reqwest::StatusCode;

use crate::failure::CallError;

/// The node's output.
pub(crate) fn output(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Payload {
    let answer = Json::object([
        ("status", Json::from(u64::from(status.as_u16()))),
        ("headers", listed(headers)),
        ("body", value(headers, body)),
    ]);
    Payload::from(answer.to_bytes())
}

/// Refuses headers that take more room than a request's may.
pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), CallError> {
    let size =
        |(name, value): (&http::HeaderName, &http::HeaderValue)| name.as_str().len() + value.len();
    let (bytes, limit) = (headers.iter().map(size).sum::<usize>(), limits::HTTP_HEAD_BYTES);
    if bytes > limit || headers.len() > limits::HTTP_HEADERS {
        return Err(CallError::TooLarge { what: "the head", limit });
    }
    Ok(())
}

fn listed(headers: &HeaderMap) -> Json {
    let mut listed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        listed.entry(name.as_str()).or_default().push(value);
    }
    Json::object(listed.into_iter().map(|(name, values)| {
        let value = if name == SET_COOKIE.as_str() {
            Json::array(values.into_iter().map(Json::string))
        } else {
            Json::string(values.join(", "))
        };
        (name, value)
    }))
}

fn value(headers: &HeaderMap, body: &[u8]) -> Json {
    let text = || Json::string(String::from_utf8_lossy(body));
    if !is_json(headers) {
        return text();
    }
    if body.is_empty() {
        return Json::null();
    }
    Json::parse(body).unwrap_or_else(|_| text())
}

/// Whether the content type is JSON or a format made of it.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

/// How long the other side asks to be left alone: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let millis = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    let date = Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
    Some(date.since(now))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of_kind(kind: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).expect("a value"));
        headers
    }

    fn text(payload: &Payload) -> String {
        String::from_utf8(payload.as_bytes().to_vec()).expect("JSON is UTF-8")
    }

    #[test]
    fn a_body_is_what_its_content_type_says() {
        let check = |kind: &str, body: &str, expect: &str| {
            let output = text(&output(StatusCode::OK, &of_kind(kind), body.as_bytes()));
            assert!(output.ends_with(&format!("\"body\":{expect}}}")), "{kind}: {output}");
        };
        check("application/json", "{\"n\":1.10}", "{\"n\":1.10}");
        check("Application/Problem+JSON; charset=utf-8", "[1]", "[1]");
        check("application/json", "", "null");
        check("application/json", "{", "\"{\"");
        check("text/plain", "{\"n\":1}", "\"{\\\"n\\\":1}\"");
        check("text/plain", "", "\"\"");
    }

    #[test]
    fn what_a_node_gives_fits_its_manifest() {
        let outputs =
            flowmill_flow::built_in_type("http.request").expect("a type").manifest.outputs();
        let schema = flowmill_flow::Schema::compile(&outputs[0].schema().into()).expect("a schema");
        let mut headers = of_kind("application/json");
        headers.append(SET_COOKIE, HeaderValue::from_static("c=1"));
        for body in ["", "{\"n\":1}", "{"] {
            let given = output(StatusCode::OK, &headers, body.as_bytes());
            let given = Json::parse(given.as_bytes()).expect("JSON");
            assert_eq!(schema.validate(&given), Ok(()), "{body}");
        }
    }

    #[test]
    fn headers_are_listed_by_lower_case_name() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("X-B", "2"), ("x-a", "1"), ("x-b", "3"), ("set-cookie", "c=1")] {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_static(value));
        }
        let expect = "{\"status\":201,\"headers\":{\"set-cookie\":[\"c=1\"],\"x-a\":\"1\",\
                      \"x-b\":\"2, 3\"},\"body\":\"\"}";
        assert_eq!(text(&output(StatusCode::CREATED, &headers, b"")), expect);
    }

    #[test]
    fn a_head_over_its_limit_is_refused() {
        let mut headers = HeaderMap::new();
        let value =
            HeaderValue::from_str(&"x".repeat(limits::HTTP_HEAD_BYTES - 3)).expect("a value");
        headers.insert("x-a", value);
        assert!(check_headers(&headers).is_ok());
        headers.insert("x-b", HeaderValue::from_static("1"));
        assert!(check_headers(&headers).is_err());
    }

    #[test]
    fn a_time_to_wait_is_given_in_seconds_or_as_a_date() {
        let now = Timestamp::from_millis(784_111_777_000);
        let check = |text: &'static str, expect: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(retry_after(&headers, now), expect.map(Duration::from_secs), "{text}");
        };
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(0));
        check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
        check("-1", None);
        check("soon", None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
