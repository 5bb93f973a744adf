//! What flows are made of, as the API tells it.

use flowmill_types::Manifest;

use crate::rig::Served;

#[tokio::test]
async fn every_node_type_is_listed_and_is_a_manifest() {
    let served = Served::with_flows().await;
    let listed = served.get("/v1/node-types").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let types = listed.body["nodeTypes"].as_array().unwrap();
    assert_eq!((&types[0]["type"], &types[0]["kind"]), (&"start".into(), &"trigger".into()));
    for node_type in types {
        Manifest::read(node_type).unwrap_or_else(|error| panic!("{error}: {node_type}"));
        let path = format!("/v1/node-types/{}", node_type["type"].as_str().unwrap());
        assert_eq!(served.get(&path).await.body, *node_type);
    }
}

#[tokio::test]
async fn a_node_type_that_is_not_there_is_not_found_and_the_nearest_is_named() {
    let served = Served::with_flows().await;
    let answer = served.get("/v1/node-types/http.requst").await;
    answer.assert_problem(404, "not-found");
    assert!(answer.text("/detail").contains("did you mean `http.request`?"), "{answer:?}");
}
