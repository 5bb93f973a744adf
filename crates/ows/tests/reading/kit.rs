//! The specification's own examples, scenarios and invalid documents, against a list of what is
//! refused.
//!
//! They are not part of this repository: `FLOWMILL_OWS_DIR` names a copy of the specification's
//! repository at 1.0.3. Without it nothing is run. The list of examples has two sides: what is on
//! it as refused must be refused for that, and what is on it as `ok` must be accepted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{read, shown};

/// What becomes of each example: its name, and `ok` or the constructs for which it is refused.
const EXAMPLES: &str = include_str!("kit/examples.tsv");

/// Where the specification is, if it is said.
#[expect(clippy::print_stdout, reason = "what was not run must be seen")]
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("FLOWMILL_OWS_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("not run: set FLOWMILL_OWS_DIR to the repository of the specification at 1.0.3");
    }
    folder
}

/// The documents of a folder, by name.
fn files(folder: &Path, extension: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    let named = wanted.map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
    });
    named.collect()
}

/// `ok`, the constructs for which a document is refused, or its errors.
fn outcome(text: &str) -> String {
    let Err(errors) = read(text) else { return "ok".to_owned() };
    let constructs: Option<Vec<_>> = errors.iter().map(|error| error.construct).collect();
    let Some(mut constructs) = constructs else { return shown(&errors) };
    constructs.sort_unstable();
    constructs.dedup();
    constructs.iter().map(|construct| construct.name()).collect::<Vec<_>>().join(",")
}

#[test]
fn examples_are_accepted_or_refused_as_listed() {
    let Some(folder) = folder() else { return };
    let entry =
        |line: &'static str| line.split_once('\t').unwrap_or_else(|| panic!("{line}: a tab"));
    let mut listed: BTreeMap<_, _> = EXAMPLES.lines().map(entry).collect();
    let mut wrong = Vec::new();
    for (name, text) in files(&folder.join("examples"), "yaml") {
        let found = outcome(&text);
        match listed.remove(name.as_str()) {
            Some(expect) if expect == found => {}
            expect => wrong.push(format!("{name}\t{found}\t(listed: {expect:?})")),
        }
    }
    wrong.extend(listed.keys().map(|name| format!("{name}: there is no such example")));
    assert!(wrong.is_empty(), "otherwise than listed:\n{}", wrong.join("\n"));
}

#[test]
fn every_workflow_of_the_conformance_kit_is_accepted() {
    let Some(folder) = folder() else { return };
    let mut read = 0;
    for (name, text) in files(&folder.join("ctk/features"), "feature") {
        for document in documents(&text) {
            assert_eq!(outcome(&document), "ok", "{name}\n{document}");
            read += 1;
        }
    }
    assert!(read > 0, "there are workflows");
}

/// The workflows in a file of scenarios.
fn documents(text: &str) -> Vec<String> {
    let blocks = text.split("\"\"\"yaml").skip(1).filter_map(|rest| rest.split("\"\"\"").next());
    let documents = blocks.filter(|block| block.contains("document:") && block.contains("dsl:"));
    documents.map(|block| block.to_owned()).collect()
}

#[test]
fn invalid_documents_are_refused() {
    let Some(folder) = folder() else { return };
    let invalid = files(&folder.join(".ci/validation/test/fixtures/invalid"), "yaml");
    assert!(!invalid.is_empty(), "there are invalid documents");
    for (name, text) in invalid {
        let errors = read(&text).expect_err(&name);
        println!("{name}:\n{}", shown(&errors));
        assert!(errors.iter().all(|error| error.construct.is_none()), "{name}");
    }
}
