//! `flowmill validate`, and what the program says to wrong use.

use serde_json::json;

use crate::program::{Files, flowmill, repository_file};

/// Every YAML file under examples/ and in its folder of workers.
pub(crate) fn example_files() -> Vec<String> {
    let folders = ["examples", "examples/workers"].map(repository_file);
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.map(|path| path.to_str().unwrap().to_owned()).collect()
}

/// Every flow among them.
pub(crate) fn examples() -> Vec<String> {
    let mut flows = example_files();
    flows.retain(|file| !file.ends_with(".test.yaml"));
    assert!(flows.len() >= 8, "{flows:?}");
    flows
}

#[test]
fn the_examples_are_valid() {
    for file in examples() {
        let ended = flowmill(&["validate", &file]).with_code(0);
        assert!(ended.stdout.contains("ok, "), "{}", ended.stdout);
    }
}

#[test]
fn the_examples_can_be_drawn() {
    for file in examples() {
        let mermaid = flowmill(&["graph", &file]).with_code(0).stdout;
        assert!(mermaid.starts_with("flowchart LR\n  n0(["), "{mermaid}");
        let dot = flowmill(&["graph", &file, "--as", "dot"]).with_code(0).stdout;
        assert!(dot.starts_with("digraph \"") && dot.ends_with("}\n"), "{dot}");
    }
}

#[test]
fn a_wrong_definition_is_not_drawn() {
    let files = Files::new();
    let wrong = files.write("wrong.yaml", "flowmill: [");
    let ended = flowmill(&["graph", &wrong]).with_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("error["), "{}", ended.stderr);
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
fn verdicts_are_said_of_connections_into_nodes_that_say_what_they_take() {
    let file = repository_file("examples/typed-orders.yaml").to_str().unwrap().to_owned();
    let said = flowmill(&["validate", &file]).with_code(0).stdout;
    let lines: Vec<_> = said.lines().skip(1).map(str::trim).collect();
    assert!(
        lines.iter().any(|line| line.contains(" -> price.in") && line.contains("subtype")),
        "{said}"
    );
    assert!(
        lines.iter().any(|line| line.contains("runtime-check") && line.contains("is refused")),
        "{said}"
    );
    let json = flowmill(&["validate", &file, "--output", "json"]).with_code(0).json();
    assert_eq!(json[0]["connections"][0]["from"], json!("source.out"));
    assert_eq!(json[0]["connections"][0]["verdict"], json!("subtype"));
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
