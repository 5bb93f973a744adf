//! `flowmill validate`, and what the program says to wrong use.

use serde_json::json;

use crate::program::{Files, flowmill, repository_file};

#[test]
fn the_examples_are_valid() {
    for name in ["orders", "routing", "resilient", "reminder", "approval", "kafka-orders"] {
        let file = repository_file(&format!("examples/{name}.yaml"));
        let ended = flowmill(&["validate", file.to_str().unwrap()]).with_code(0);
        assert!(ended.stdout.contains("ok, "), "{}", ended.stdout);
    }
}

#[test]
fn every_error_of_every_file_is_said() {
    let files = Files::new();
    let good = std::fs::read_to_string(repository_file("examples/orders.yaml")).unwrap();
    let one = files.write("one.yaml", &good.replace("type: filter", "type: filtre"));
    let two = files.write("two.yaml", "flowmill: [");
    let right = files.write("right.yaml", &good);
    let ended = flowmill(&["validate", &one, &two, &right]).with_code(2);
    assert!(ended.stderr.contains(&format!("{one}:7:")), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean `filter`?"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("{two}:")), "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{right}: ok, shop/orders@1.0.0, 4 nodes\n"));

    let ended = flowmill(&["validate", &one, &right, "--output", "json"]).with_code(2);
    let verdicts = ended.json();
    assert_eq!(verdicts[0]["valid"], json!(false));
    assert_eq!(verdicts[0]["errors"][0]["code"], json!("unknown-type"));
    assert_eq!(verdicts[0]["errors"][0]["line"], json!(7));
    assert_eq!(verdicts[1]["flow"], json!("shop/orders"));
}

#[test]
fn wrong_use_is_code_2() {
    for arguments in [
        &["fly"][..],
        &["validate"],
        &["run"],
        &["start", "orders"],
        &["executions", "get", "not-an-id"],
        &["bench", "--concurrency", "0"],
        &["bench", "--target", "ftp://x"],
        &["bench", "--rate", "1", "--concurrency", "1"],
        &["validate", "/there/is/no/such/file"],
    ] {
        flowmill(arguments).with_code(2);
    }
}

#[test]
fn a_completion_script_is_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = flowmill(&["completions", shell]).with_code(0);
        assert!(ended.stdout.contains("executions"), "{shell}");
    }
}
