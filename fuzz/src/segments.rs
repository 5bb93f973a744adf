//! The files of an embedded log, damaged, then opened.
//!
//! A log that opens holds what it held after some step of its life, all partitions together, and
//! goes on from there. One that does not says which file and where, and has changed nothing. Bytes
//! whose checksums were made anew are no damage but a forgery: of them it is only asked that
//! opening ends.

mod damage;
mod image;
mod life;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use flowmill_log::embedded::OpenError;
use flowmill_log::{EmbeddedLog, Log, Record};

use self::damage::{Done, damage};
use self::image::{Files, Image};
use self::life::{Contents, contents, history, settings};

/// What was made once, and where logs are opened.
struct Bench {
    images: Vec<Image>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn get() -> &'static Self {
        static BENCH: OnceLock<Bench> = OnceLock::new();
        BENCH.get_or_init(|| Self { images: life::images(), folder: scratch() })
    }
}

/// Makes what every input needs, so that no input takes the time.
pub fn prepare() {
    Bench::get();
}

/// A folder in memory, where there is one.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("there is room for a folder")
}

/// Damages and opens as the bytes say.
pub fn check(data: &[u8]) {
    check_log(&mut Unstructured::new(data)).ok();
}

fn check_log(bytes: &mut Unstructured<'_>) -> Result<()> {
    let Bench { images, folder } = Bench::get();
    let image = bytes.choose(images)?;
    let mut files = image.files.clone();
    let goes_on = bytes.arbitrary()?;
    let done = damage(&mut files, image, bytes)?;
    put(folder.path(), &files);
    let found = EmbeddedLog::open(folder.path(), settings());
    match found {
        Err(error) => check_refused(&error, &done, folder.path(), &files),
        Ok(log) if done.forged => drop(log),
        Ok(log) => check_opened(log, image, folder.path(), goes_on),
    }
    Ok(())
}

/// Makes a folder that holds these files and no others.
fn put(folder: &Path, files: &Files) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        fs::remove_file(entry.expect("it can be listed").path()).expect("it can be removed");
    }
    for (name, content) in files {
        fs::write(folder.join(name), content).expect("there is room");
    }
}

fn check_refused(error: &OpenError, done: &Done, folder: &Path, files: &Files) {
    let names = |file: &Path| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let content = files.get(name).unwrap_or_else(|| panic!("no such file: {error}"));
        assert!(file.parent() == Some(folder), "{error}");
        content
    };
    match error {
        OpenError::Damaged { file, position, what } => {
            assert!(*position <= names(file).len() as u64 && !what.is_empty(), "{error}");
        }
        OpenError::Newer { file, found, known } => {
            let content = names(file);
            assert!(found > known && content[8..12] == found.to_le_bytes(), "{error}");
        }
        OpenError::Missing { folder: named, what } => {
            assert!(named == folder && !what.is_empty(), "{error}");
        }
        OpenError::OtherLog { file } => drop(names(file)),
        OpenError::InUse { .. } | OpenError::Setting { .. } | OpenError::Io { .. } => {
            panic!("{error}: {error:?}, after {done:?}")
        }
    }
    for (name, content) in files {
        let now = fs::read(folder.join(name)).expect("it is still there");
        assert!(now == *content, "{name} was changed, though: {error}, after {done:?}");
    }
}

fn check_opened(log: EmbeddedLog, image: &Image, folder: &Path, goes_on: bool) {
    let mut found = contents(&log);
    assert!(image.states.contains(&found), "it never held that: {found:?}");
    if !goes_on {
        return;
    }
    let Some(kept) = found.get_mut(&history(0)) else { return };
    let record = Record::of("one more");
    let offset = futures::executor::block_on(log.append(&history(0), record.clone()));
    assert_eq!(offset.expect("the log is open").get(), kept.next);
    kept.take(record);
    assert_eq!(contents(&log), found);
    drop(log);
    let again = EmbeddedLog::open(folder, settings()).expect("it was closed in good order");
    let again: Contents = contents(&again);
    assert_eq!(again, found);
}
