//! Deploying and looking at flows.

use flowmill_model::limits;
use reqwest::Method;
use serde_json::json;

use crate::rig::{Answer, Rig, Served, definition};

#[tokio::test]
async fn a_version_is_created_once_and_conflicts_with_other_content() {
    let served = Rig::new().await.serve().await;
    let path = "/v1/flows/shop/orders";
    let created = served.put_yaml(path, definition("orders", "1.0.0")).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.body["flow"], "shop/orders");
    assert_eq!(created.body["version"], "1.0.0");
    assert_eq!(created.body["created"], true);
    assert!(created.header("flowmill-position").is_some());

    let again = served.put_yaml(path, definition("orders", "1.0.0")).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.body["created"], false);
    assert_eq!(again.body["hash"], created.body["hash"]);

    let other = definition("orders", "1.0.0").replace("total", "amount");
    served.put_yaml(path, other).await.assert_problem(409, "version-conflict");
}

#[tokio::test]
async fn a_definition_may_be_json_too() {
    let served = Rig::new().await.serve().await;
    let body = r#"{"flowmill": 1,
        "document": {"namespace": "shop", "name": "small", "version": "1.0.0"},
        "nodes": [{"id": "s", "type": "start"}, {"id": "e", "type": "end"}],
        "connections": ["s.out -> e.in"]}"#;
    let answer = Answer::of(served.json(Method::PUT, "/v1/flows/shop/small", body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn every_error_of_a_definition_is_told_with_its_place() {
    let served = Rig::new().await.serve().await;
    let wrong = definition("orders", "1.0.0")
        .replace("type: signal", "type: sygnal")
        .replace("source.out -> hold.in", "source.out -> held.in");
    let answer = served.put_yaml("/v1/flows/shop/orders", wrong).await;
    answer.assert_problem(422, "invalid-definition");
    let errors = answer.body["errors"].as_array().unwrap();
    assert!(errors.len() >= 2, "{answer:?}");
    for error in errors {
        for field in ["code", "message", "help", "pointer"] {
            assert!(error[field].is_string(), "{field} of {error}");
        }
        assert!(error["line"].as_u64() >= Some(1) && error["column"].as_u64() >= Some(1));
    }
}

#[tokio::test]
async fn the_address_and_the_document_must_name_one_flow() {
    let served = Rig::new().await.serve().await;
    let answer = served.put_yaml("/v1/flows/store/orders", definition("others", "1.0.0")).await;
    answer.assert_problem(422, "invalid-definition");
    assert_eq!(answer.text("/errors/0/pointer"), "/document/namespace");
    assert_eq!(answer.text("/errors/1/pointer"), "/document/name");
}

#[tokio::test]
async fn a_flow_shows_its_versions_and_the_definition_asked_for() {
    let served = Served::with_flows().await;
    let path = "/v1/flows/shop/hold";
    assert_eq!(served.put_yaml(path, definition("hold", "1.10.0")).await.status, 201);
    let flow = served.get(path).await;
    assert_eq!(flow.status, 200, "{flow:?}");
    assert_eq!(flow.body["default"], "1.10.0");
    assert_eq!(flow.text("/versions/0/version"), "1.0.0");
    assert_eq!(flow.text("/versions/0/title"), "A flow");
    assert_eq!(flow.text("/versions/1/version"), "1.10.0");
    assert_eq!(flow.text("/definition/document/version"), "1.10.0");
    let first = served.get("/v1/flows/shop/hold?version=1.0.0").await;
    assert_eq!(first.text("/definition/document/version"), "1.0.0");

    served.get("/v1/flows/shop/hold?version=9.0.0").await.assert_problem(404, "not-found");
    served.get("/v1/flows/shop/hold?version=nine").await.assert_problem(400, "bad-request");
    served.get("/v1/flows/shop/nothing").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn flows_are_listed_page_by_page() {
    let served = Served::with_flows().await;
    let all = served.get("/v1/flows").await;
    assert_eq!(all.text("/flows/0/flow"), "shop/echo");
    assert_eq!(all.text("/flows/1/flow"), "shop/hold");
    assert!(all.body["next"].is_null());
    assert!(all.body["flows"][0].get("definition").is_none());

    let first = served.get("/v1/flows?limit=1").await;
    assert_eq!(first.body["flows"].as_array().unwrap().len(), 1);
    let next = served.get(&format!("/v1/flows?limit=1&page={}", first.text("/next"))).await;
    assert_eq!(next.text("/flows/0/flow"), "shop/hold");
    assert!(next.body["next"].is_null());
}

#[tokio::test]
async fn a_spread_is_a_number_of_shards() {
    let served = Rig::new().await.serve().await;
    let put = |spread: &str| {
        let path = format!("/v1/flows/shop/orders?spread={spread}");
        let served = &served;
        async move { served.put_yaml(&path, definition("orders", "1.0.0")).await }
    };
    put("0").await.assert_problem(400, "bad-request");
    put("many").await.assert_problem(400, "bad-request");
    assert_eq!(put("2").await.status, 201);
}

#[tokio::test]
async fn a_version_is_the_default_one_once_it_is_chosen() {
    let served = Rig::new().await.serve().await;
    for version in ["1.0.0", "1.1.0"] {
        let answer = served.put_yaml("/v1/flows/shop/hold", definition("hold", version)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let choose = |body: &'static str| {
        let path = "/v1/flows/shop/hold/default";
        Answer::of(served.json(Method::PUT, path, body))
    };
    for _ in 0..2 {
        let chosen = choose(r#"{"version": "1.0.0"}"#).await;
        assert_eq!(chosen.status, 200, "{chosen:?}");
        assert_eq!(chosen.body["default"], "1.0.0");
        assert!(chosen.header("flowmill-position").is_some());
        let started = served.post("/v1/flows/shop/hold/executions", r#"{"total": 1}"#).await;
        assert_eq!(started.body["version"], "1.0.0");
    }
    let chosen = choose(r#"{"version": "1.1.0"}"#).await;
    assert_eq!(chosen.body["default"], "1.1.0", "{chosen:?}");

    choose(r#"{"version": "2.0.0"}"#).await.assert_problem(404, "not-found");
    for wrong in ["{}", "[]", "", r#"{"version": "newest"}"#, r#"{"version": "1.0.0", "x": 1}"#] {
        choose(wrong).await.assert_problem(400, "bad-request");
    }
    let other = Answer::of(served.json(
        Method::PUT,
        "/v1/flows/shop/none/default",
        r#"{"version": "1.0.0"}"#,
    ));
    other.await.assert_problem(404, "not-found");
}

/// A definition with a trigger on a topic of its own.
fn triggered(name: &str, version: &str) -> String {
    definition(name, version) + &format!("triggers: [{{ kafka: {{ topic: {name} }} }}]\n")
}

#[tokio::test]
async fn one_flow_too_many_with_triggers_is_refused_until_another_one_has_none() {
    let served = Rig::new().await.serve().await;
    let put = async |name: &str, text: String| {
        served.put_yaml(&format!("/v1/flows/shop/{name}"), text).await
    };
    let activate = async |version: &str| {
        let body = format!(r#"{{"version": "{version}"}}"#);
        Answer::of(served.json(Method::PUT, "/v1/flows/shop/late/default", &body)).await
    };
    // It had triggers when there were fewer.
    assert_eq!(put("late", triggered("late", "1.0.0")).await.status, 201);
    assert_eq!(put("late", definition("late", "2.0.0")).await.status, 201);
    for number in 0..limits::TRIGGERED_FLOWS {
        let name = format!("flow-{number}");
        assert_eq!(put(&name, triggered(&name, "1.0.0")).await.status, 201, "{name}");
    }

    let refused = put("more", triggered("more", "1.0.0")).await;
    refused.assert_problem(409, "conflict");
    let detail = refused.text("/detail");
    assert!(detail.starts_with("64 other flows have triggers already, and 64 may"), "{detail}");
    served.get("/v1/flows/shop/more").await.assert_problem(404, "not-found");
    let refused = activate("1.0.0").await;
    refused.assert_problem(409, "conflict");
    assert_eq!(served.get("/v1/flows/shop/late").await.body["default"], "2.0.0");

    // Those that have triggers may be changed, and those without are not counted.
    assert_eq!(put("flow-0", triggered("flow-0", "1.1.0")).await.status, 201);
    assert_eq!(put("plain", definition("plain", "1.0.0")).await.status, 201);
    assert_eq!(put("flow-0", definition("flow-0", "2.0.0")).await.status, 201);
    assert_eq!(activate("1.0.0").await.status, 200);
    put("more", triggered("more", "1.0.0")).await.assert_problem(409, "conflict");
}

#[tokio::test]
async fn a_deploy_and_a_flow_show_the_verdict_of_each_connection() {
    let served = Rig::new().await.serve().await;
    let path = "/v1/flows/shop/orders";
    let typed = definition("orders", "1.0.0")
        .replace("type: signal,", "type: signal, input: { schema: { required: [total, id] } },");
    let created = served.put_yaml(path, typed.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    let [connection] = &created.body["connections"].as_array().unwrap()[..] else {
        panic!("one connection: {created:?}")
    };
    assert_eq!(connection["from"], "source.out");
    assert_eq!(connection["to"], "hold.in");
    assert_eq!(connection["verdict"], "runtime-check");
    assert_eq!(connection["given"], "{total: any}");
    assert!(connection["why"].as_str().unwrap().contains("is refused at `/id`"), "{connection}");
    assert_eq!(served.get(path).await.body["connections"], created.body["connections"]);
    assert_eq!(served.put_yaml(path, typed).await.body["connections"], created.body["connections"]);

    let untyped = served.put_yaml(path, definition("orders", "1.1.0")).await;
    let expect = json!([{ "from": "source.out", "to": "hold.in", "verdict": "subtype" }]);
    assert_eq!(untyped.body["connections"], expect);

    let wrong = definition("orders", "2.0.0")
        .replace("type: signal,", "type: signal, input: { schema: { type: string } },");
    let refused = served.put_yaml(path, wrong).await;
    refused.assert_problem(422, "invalid-definition");
    assert_eq!(refused.text("/errors/0/code"), "incompatible-types");
}
