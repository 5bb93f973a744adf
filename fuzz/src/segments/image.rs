//! A log's files, and all that it ever held.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use super::life::Contents;

/// The bytes of each file, by its name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A log's files at one time.
pub(super) struct Image {
    pub(super) files: Files,
    /// What it held after each step up to then.
    pub(super) states: HashSet<Contents>,
}

/// Bytes of a segment's head, of a frame's head, and what frames are padded to.
pub(super) const FIRST_ENTRY: usize = 64;
pub(super) const HEAD: usize = 16;
pub(super) const ALIGN: usize = 8;

/// The files that make the log up; what it has made ahead of need is none of them.
pub(super) fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are ASCII");
        if name == "meta" || name.ends_with(".segment") {
            files.insert(name.to_owned(), fs::read(&path).expect("it can be read"));
        }
    }
    files
}

/// Where the frames of a segment begin, and where the last one ends.
pub(super) fn frames(segment: &[u8]) -> Vec<usize> {
    let mut places = vec![FIRST_ENTRY];
    let mut at = FIRST_ENTRY;
    while let Some(length) = segment.get(at..at + 4) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let end = at + HEAD + length.next_multiple_of(ALIGN);
        if length == 0 || end > segment.len() {
            break;
        }
        at = end;
        places.push(at);
    }
    places
}
