//! `flowmill fmt`.

use crate::program::{Files, flowmill, flowmill_with_stdin, repository_file};

const UNTIDY: &str = "\
# A flow.
document: {name: double, namespace: test, version: 1.0.0}
flowmill: 1
nodes:
- type: start   # where it begins
  id: begin
- {id: done, type: end}
connections: ['begin.out -> done.in']
";

const TIDY: &str = "\
# A flow.
flowmill: 1
document: { namespace: test, name: double, version: 1.0.0 }
nodes:
  - id: begin
    type: start  # where it begins
  - { id: done, type: end }
connections: [\"begin.out -> done.in\"]
";

#[test]
fn the_examples_are_laid_out() {
    let folder = repository_file("examples");
    let ended = flowmill(&["fmt", "--check", folder.to_str().unwrap()]).with_code(0);
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_file_is_laid_out_once_and_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new();
    let file = files.write("double.yaml", UNTIDY);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let ended = flowmill(&["fmt", "--check", &file]).with_code(1);
    assert_eq!(ended.stdout, format!("{file}\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), UNTIDY);
    let ended = flowmill(&["fmt", &file]).with_code(0);
    assert_eq!(ended.stdout, format!("{file}\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), TIDY);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(flowmill(&["fmt", &file]).with_code(0).stdout, "");
    flowmill(&["fmt", "--check", files.path().to_str().unwrap()]).with_code(0);
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn standard_input_is_printed() {
    let ended = flowmill_with_stdin(&["fmt", "-"], UNTIDY).with_code(0);
    assert_eq!(ended.stdout, TIDY);
    flowmill_with_stdin(&["fmt", "--check", "-"], UNTIDY).with_code(1);
    flowmill_with_stdin(&["fmt", "--check", "-"], TIDY).with_code(0);
    let ended = flowmill_with_stdin(&["fmt", "-"], "{\"nodes\": [], \"flowmill\": 1}").with_code(0);
    assert_eq!(ended.stdout, "{\n  \"flowmill\": 1,\n  \"nodes\": []\n}\n");
}

#[test]
fn what_cannot_be_read_is_code_2_with_its_place_and_stays() {
    let files = Files::new();
    let wrong = files.write("wrong.yaml", "flowmill: 1\nnodes: [\n");
    let right = files.write("right.yaml", UNTIDY);
    let ended = flowmill(&["fmt", &wrong, &right]).with_code(2);
    assert!(ended.stderr.contains(&format!("{wrong}:")), "{}", ended.stderr);
    assert!(ended.stderr.contains("error["), "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{right}\n"), "the other is laid out all the same");
    assert_eq!(std::fs::read_to_string(&wrong).unwrap(), "flowmill: 1\nnodes: [\n");
}
