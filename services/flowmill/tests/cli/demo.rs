//! `flowmill demo`.

use serde_json::json;

use crate::program::flowmill;

#[test]
fn every_order_arrives_once_and_the_summary_says_so() {
    let ended = flowmill(&["demo", "--orders", "200", "--output", "json"]).with_code(0);
    let summary = ended.json();
    assert_eq!(summary["right"], json!(true));
    assert_eq!(summary["completed"], json!(200));
    let (forwarded, filtered) = (summary["forwarded"].as_u64(), summary["filtered"].as_u64());
    assert_eq!(forwarded.unwrap() + filtered.unwrap(), 200);
    assert!(ended.stderr.contains("of 200 orders"), "{}", ended.stderr);
}

#[test]
fn one_execution_is_shown_from_its_start_to_its_end() {
    let ended = flowmill(&["demo", "--orders", "20"]).with_code(0);
    for text in ["started", "task-scheduled", "completed", "20 orders: ", "p50 ", "every order"] {
        assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
    }
}
