//! The API's description says what the routes do.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::rig::{Answer, Served};

fn described() -> Value {
    serde_json::from_str(flowmill_gateway::openapi()).unwrap()
}

#[test]
fn the_description_in_the_documentation_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, flowmill_gateway::openapi()).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        stored,
        flowmill_gateway::openapi(),
        "docs/reference/openapi.json is not what the routes say; run the test with \
         FLOWMILL_BLESS=1 to write it anew"
    );
}

#[test]
fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
    let description = described();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut open = vec![&description];
    let mut references = 0;
    while let Some(value) = open.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(description.pointer(pointer).is_some(), "{reference}");
        }
        open.extend(value.as_object().into_iter().flat_map(|entries| entries.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    assert!(references > 20, "{references}");
}

#[tokio::test]
async fn the_server_serves_it() {
    let served = Served::with_flows().await;
    let answer = served.get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, described());
}

#[tokio::test]
async fn every_described_operation_is_there_and_no_other_method_is() {
    let served = Served::with_flows().await;
    for (path, item) in described()["paths"].as_object().unwrap() {
        let address = path
            .replace("{namespace}", "shop")
            .replace("{name}", "nothing")
            .replace("{type}", "map")
            .replace("{id}", "00010000000000000000000000000001");
        for method in ["get", "put", "post", "delete", "patch"] {
            let upper = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = Answer::of(served.request(upper, &address)).await;
            if item.get(method).is_some() {
                let routed = answer.status != 405
                    && answer.body["detail"] != "there is no such address; see /openapi.json";
                assert!(routed, "{method} {path}: {answer:?}");
            } else {
                answer.assert_problem(405, "method-not-allowed");
                assert!(answer.header("allow").is_some(), "{method} {path}");
            }
        }
    }
}
