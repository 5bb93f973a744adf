//! Standard output and standard error: the only place that prints.
//!
//! Results go to standard output, everything else to standard error. A reader that goes away
//! (`| head`) ends a command in good order.

use std::io::{self, Write};

use serde::Serialize;

use crate::exit::Failure;

/// Prints a line of a result.
///
/// # Errors
/// [`Failure::OutputClosed`] when nobody reads any more.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::OutputClosed;
        }
        Failure::Other(anyhow::Error::new(error).context("the output cannot be written"))
    })
}

/// Prints a result as indented JSON.
///
/// # Errors
/// As for [`print()`].
pub(crate) fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    print(&serde_json::to_string_pretty(value).expect("what the API sends has a JSON form"))
}

/// Says something beside the result. Nothing can be done if nobody listens.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Writes without a line's end, for a line that is written again and again.
pub(crate) fn rewrite_line(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush()));
}
