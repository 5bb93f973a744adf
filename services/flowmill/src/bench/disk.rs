//! How long the disk takes to make a small write safe: the unit in which latency with fsync is
//! to be read.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Writes that are measured.
const WRITES: usize = 100;

/// Bytes of each write.
const BYTES: usize = 4096;

/// How long one write and its sync took.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fsync {
    /// In the median, in milliseconds.
    pub(crate) p50_ms: f64,
    /// In the worst of a hundred, in milliseconds.
    pub(crate) max_ms: f64,
}

/// Measures it in a file of its own in `folder`, which is removed again. Blocks.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn measure(folder: &Path) -> io::Result<Fsync> {
    let path = folder.join("bench-fsync.tmp");
    let measured = measure_file(&path);
    let removed = std::fs::remove_file(&path);
    let mut taken = measured?;
    removed?;
    taken.sort_unstable();
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    Ok(Fsync { p50_ms: millis(taken[WRITES / 2]), max_ms: millis(taken[WRITES - 1]) })
}

fn measure_file(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    // Room first, so that a sync does not have to write where the file ends.
    file.write_all(&vec![0; BYTES * WRITES])?;
    file.sync_all()?;
    io::Seek::rewind(&mut file)?;
    let mut taken = Vec::with_capacity(WRITES);
    for number in 0..WRITES {
        let bytes = vec![u8::try_from(number % 251).unwrap_or_default(); BYTES];
        let begun = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        taken.push(begun.elapsed());
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measurement_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let fsync = measure(folder.path()).unwrap();
        assert!(fsync.p50_ms <= fsync.max_ms);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
