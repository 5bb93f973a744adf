//! `flowmill fmt`: documents in their one layout.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use flowmill_flow::{LayoutError, lay_out};
use flowmill_model::limits;
use tempfile::NamedTempFile;

use crate::cli::EXIT_CODES;
use crate::definition::{self, WrongDefinition};
use crate::exit::{Failure, Outcome};
use crate::{input, terminal};

/// Lay definitions and test cases out as all are; no server is needed.
///
/// Comments stay, keys are put into the order of the reference. What a file says does not change:
/// one for which that cannot be is left as it is. Prints the files that changed. Exits with 2 when
/// a file cannot be read as YAML or JSON.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct FmtArgs {
    /// Files, or folders whose documents are meant; `-` lays out standard input and prints it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Change nothing; exit with 1 if a file would change, and print which.
    #[arg(long)]
    check: bool,
}

/// Lays the files out.
///
/// # Errors
/// When a file cannot be read or written, or the output is closed.
pub(crate) fn execute(args: &FmtArgs) -> Result<Outcome, Failure> {
    let mut files = Vec::new();
    args.files.iter().try_for_each(|file| collect(file, &mut files))?;
    let (mut wrong, mut changed) = (false, false);
    for file in &files {
        match format(file, args.check)? {
            Some(Change::Wrong) => wrong = true,
            Some(Change::Laid) => changed = true,
            None => {}
        }
    }
    Ok(match (wrong, changed && args.check) {
        (true, _) => Outcome::Wrong,
        (false, true) => Outcome::Faulted,
        (false, false) => Outcome::Done,
    })
}

/// What was done about a file.
enum Change {
    /// It is laid out now, or would be.
    Laid,
    /// It stays as it is; why was said.
    Wrong,
}

/// Adds a file, or the documents of a folder and those below it.
fn collect(file: &str, files: &mut Vec<String>) -> Result<(), Failure> {
    if file == "-" || !Path::new(file).is_dir() {
        files.push(file.to_owned());
        return Ok(());
    }
    let mut folders = vec![PathBuf::from(file)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let shown = folder.display().to_string();
        let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let unreadable = |error| Failure::wrong(format!("{shown} cannot be read: {error}"));
        for entry in entries.map_err(unreadable)? {
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if is_document(&path) {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort_unstable();
    files.extend(found);
    Ok(())
}

/// Whether a file in a folder is one of ours, by its name and by what is in it.
fn is_document(path: &Path) -> bool {
    let ending = path.extension().and_then(std::ffi::OsStr::to_str);
    let size = std::fs::metadata(path).map_or(u64::MAX, |found| found.len());
    matches!(ending, Some("yaml" | "yml" | "json"))
        && size <= limits::DEFINITION_BYTES as u64
        && std::fs::read_to_string(path).is_ok_and(|text| {
            let version = |line: &str| line.trim_start().trim_matches('"').starts_with("flowmill");
            text.lines().any(|line| version(line.trim_start_matches(['{', ' '])))
        })
}

fn format(file: &str, check: bool) -> Result<Option<Change>, Failure> {
    let source = input::read_source(file)?;
    let laid_out = match lay_out(&source, definition::format_of(file)) {
        Ok(laid_out) => laid_out,
        Err(LayoutError::Unreadable(diagnostics)) => {
            WrongDefinition::new(file, source, diagnostics).report();
            return Ok(Some(Change::Wrong));
        }
        Err(error @ LayoutError::Changed(_)) => {
            terminal::note(&format!("{file}: {error}; it stays as it is"));
            return Ok(Some(Change::Wrong));
        }
    };
    let same = laid_out.as_bytes() == &source[..];
    if file == "-" && !check {
        terminal::print(laid_out.trim_end_matches('\n'))?;
        return Ok(None);
    }
    if same {
        return Ok(None);
    }
    if !check {
        replace(file, &laid_out).with_context(|| format!("{file} cannot be written"))?;
    }
    terminal::print(file)?;
    Ok(Some(Change::Laid))
}

/// Puts a text in a file's place at once: nobody sees a part of it, and a link stays one.
fn replace(file: &str, text: &str) -> anyhow::Result<()> {
    let path = std::fs::canonicalize(file)?;
    let folder = path.parent().context("a file is in a folder")?;
    let mut new = NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&path)?;
    Ok(())
}
