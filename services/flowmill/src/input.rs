//! JSON given on the command line: as text, as a file, or on standard input.

use std::io::Read;

use bytes::Bytes;

use crate::exit::Failure;

/// Reads what `--input` and its like name: `-` is standard input, `@file` a file, anything else
/// the JSON text itself. Whether it is JSON is found out by whoever takes it.
///
/// # Errors
/// When a file or standard input cannot be read.
pub(crate) fn read(argument: &str) -> Result<Bytes, Failure> {
    match argument.strip_prefix('@') {
        Some(file) => read_file(file),
        None if argument == "-" => read_stdin(),
        None => Ok(Bytes::copy_from_slice(argument.as_bytes())),
    }
}

/// Reads a file; `-` is standard input.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_source(file: &str) -> Result<Bytes, Failure> {
    if file == "-" { read_stdin() } else { read_file(file) }
}

fn read_file(file: &str) -> Result<Bytes, Failure> {
    let unreadable = |error| Failure::wrong(format!("{file} cannot be read: {error}"));
    std::fs::read(file).map(Bytes::from).map_err(unreadable)
}

fn read_stdin() -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Failure::wrong(format!("standard input cannot be read: {error}")))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_json_or_names_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("input.json");
        std::fs::write(&file, "[1]").unwrap();
        assert_eq!(read("{\"a\": 1}").unwrap(), "{\"a\": 1}");
        assert_eq!(read(&format!("@{}", file.display())).unwrap(), "[1]");
        let missing = read("@/there/is/no/such/file").unwrap_err().to_string();
        assert!(missing.starts_with("/there/is/no/such/file cannot be read"), "{missing}");
    }
}
