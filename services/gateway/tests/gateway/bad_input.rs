//! Requests that are wrong, each with its status and a clear problem.

use reqwest::Method;

use crate::rig::{Answer, Served, definition};

const START: &str = "/v1/flows/shop/hold/executions";

#[tokio::test]
async fn malformed_json_is_refused_with_its_place() {
    let served = Served::with_flows().await;
    let answer = served.post(START, "{\n  \"total\": 1,\n  oops\n}").await;
    answer.assert_problem(400, "bad-request");
    assert_eq!(answer.body["errors"][0]["line"], 3);
    assert_eq!(answer.body["errors"][0]["column"], 3);
    for body in ["", " ", "{", "{} {}", "nul", "{'a': 1}", "[1,]", "\u{feff}{}", "\u{0}"] {
        served.post(START, body).await.assert_problem(400, "bad-request");
    }
    let not_utf8 = served.json(Method::POST, START, "").body(vec![b'"', 0xff, b'"']);
    Answer::of(not_utf8).await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn json_nested_too_deeply_is_refused_and_not_followed() {
    let served = Served::with_flows().await;
    for depth in [200, 100_000] {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        served.post(START, &body).await.assert_problem(400, "bad-request");
    }
}

#[tokio::test]
async fn an_input_over_the_limit_is_too_large_and_one_at_it_is_not() {
    let served = Served::with_flows().await;
    let body = |bytes: usize| {
        let frame = r#"{"total":""}"#.len();
        format!(r#"{{"total":"{}"}}"#, "x".repeat(bytes - frame))
    };
    let limit = 1024 * 1024;
    let at = served.post(START, &body(limit)).await;
    assert_eq!(at.status, 202, "{:?}", at.status);
    for bytes in [limit + 1, 5 * limit] {
        served.post(START, &body(bytes)).await.assert_problem(413, "payload-too-large");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_bounded_too() {
    let served = Served::with_flows().await;
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 128 * 1024]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let request = served.json(Method::POST, START, "").body(body);
    Answer::of(request).await.assert_problem(413, "payload-too-large");
}

#[tokio::test]
async fn a_definition_of_5_mb_is_too_large() {
    let served = Served::with_flows().await;
    let text = format!("{}# {}", definition("hold", "1.0.0"), "x".repeat(5 * 1024 * 1024));
    let answer = served.put_yaml("/v1/flows/shop/hold", text).await;
    answer.assert_problem(413, "payload-too-large");
}

#[tokio::test]
async fn a_yaml_bomb_is_an_error_of_the_definition() {
    let served = Served::with_flows().await;
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n\
                c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c]\n";
    let answer = served.put_yaml("/v1/flows/shop/hold", bomb).await;
    answer.assert_problem(422, "invalid-definition");
}

#[tokio::test]
async fn a_content_type_that_is_not_taken_is_named() {
    let served = Served::with_flows().await;
    let check = async |method: Method, path: &str, content_type: Option<&str>| {
        let request = served.request(method, path).body("{}");
        let request = match content_type {
            Some(value) => request.header("content-type", value),
            None => request,
        };
        Answer::of(request).await.assert_problem(415, "unsupported-media-type");
    };
    for content_type in [None, Some("text/plain"), Some("application/yaml"), Some("garbage")] {
        check(Method::POST, START, content_type).await;
    }
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        check(Method::PUT, "/v1/flows/shop/hold", content_type).await;
    }
    let id = served.start("hold").await;
    check(Method::POST, &format!("/v1/executions/{id}/cancel"), Some("text/plain")).await;
    check(Method::POST, &format!("/v1/executions/{id}/signals/go"), None).await;
}

#[tokio::test]
async fn addresses_that_do_not_exist_are_problems_too() {
    let served = Served::with_flows().await;
    for path in [
        "/",
        "/v1",
        "/v2/flows",
        "//v1/flows",
        "/v1//flows",
        "/v1/flows/",
        "/v1/flows/shop",
        "/v1/flows/shop/hold/executions/1",
        "/v1/flows;a=b",
        "/v1/flows.json",
        "/v1/executions/x/y",
        "/healthz/",
        "/%2e%2e/etc/passwd",
    ] {
        served.get(path).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn tricks_with_encoded_paths_lead_nowhere() {
    let served = Served::with_flows().await;
    for path in [
        "/v1/flows/shop%2Fhold",
        "/v1/flows/shop/..%2F..%2Fhealthz",
        "/v1/flows/shop/%252e%252e",
        "/v1/flows/SHOP/hold",
        "/v1/flows/shop/hold;v=1",
        "/v1/flows/shop/hold%00",
        "/v1/executions/..%2Fflows",
        "/v1/executions/%20",
    ] {
        served.get(path).await.assert_problem(404, "not-found");
    }
    served.get("/v1/flows/shop/%ff").await.assert_problem(400, "bad-request");
    let put = served.put_yaml("/v1/flows/SHOP/hold", definition("hold", "1.0.0")).await;
    put.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn parameters_that_are_not_known_are_refused() {
    let served = Served::with_flows().await;
    let answer = served.post(&format!("{START}?wiat=3s"), r#"{"total": 1}"#).await;
    answer.assert_problem(400, "bad-request");
    assert!(answer.text("/detail").contains("wiat"), "{answer:?}");
    served.get("/v1/flows/shop/hold?wait=1s").await.assert_problem(400, "bad-request");
}
