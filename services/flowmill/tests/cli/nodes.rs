//! `flowmill nodes`.

use serde_json::json;

use crate::program::flowmill;

#[test]
fn every_node_type_is_listed() {
    let ended = flowmill(&["nodes", "list"]).with_code(0);
    assert!(ended.stdout.starts_with("TYPE"), "{}", ended.stdout);
    for name in ["start", "map", "switch", "http.request", "kafka.produce"] {
        assert!(ended.stdout.lines().any(|line| line.starts_with(name)), "{}", ended.stdout);
    }
    let listed = flowmill(&["nodes", "list", "--json"]).with_code(0).json();
    assert_eq!(listed["nodeTypes"].as_array().unwrap().len(), ended.stdout.lines().count() - 1);
}

#[test]
fn a_node_type_is_shown_with_ports_parameters_and_an_example() {
    let shown = flowmill(&["nodes", "show", "http.request"]).with_code(0).stdout;
    for part in
        ["error", "status: integer", "authentication.basic.username", "retry", "- id: charge"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let manifest = flowmill(&["nodes", "show", "map", "--json"]).with_code(0).json();
    assert_eq!(manifest["kind"], json!("control"));
    assert_eq!(manifest["parameters"]["required"], json!(["expression"]));
    assert_eq!(manifest, flowmill(&["nodes", "show", "map", "--output", "json"]).json());
}

#[test]
fn a_node_type_that_is_not_there_is_code_2_and_the_nearest_is_named() {
    let ended = flowmill(&["nodes", "show", "kafka.prodce"]).with_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("did you mean `kafka.produce`?"), "{}", ended.stderr);
}
