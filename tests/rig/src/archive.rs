//! Class-data archives: what a server's virtual machine made of its jars, kept for the next start.
//!
//! With one a broker answers in about half the time, and its processor time is half, too. An archive
//! belongs to one version of Java, one class path and one place of the jars; a machine that finds it
//! does not fit goes on without.

use std::ffi::OsString;
use std::path::Path;

use crate::cache::{self, Jars};
use crate::{RigError, java};

/// The options that have a machine of `java` use the archive of these jars. If there is none,
/// `run` runs the server once, with the option that has its machine write one at the end.
pub(crate) fn of(
    jars: &Jars,
    java: &Path,
    run: impl FnOnce(Vec<OsString>) -> Result<(), RigError>,
) -> Result<Vec<OsString>, RigError> {
    let name = format!("{}-java-{}.jsa", jars.name, java::version(java));
    let archive = cache::once(&name, |beside| {
        let archive = beside.join("archive");
        run(options("-XX:ArchiveClassesAtExit=", &archive))?;
        Ok(archive)
    })?;
    Ok(options("-XX:SharedArchiveFile=", &archive))
}

fn options(option: &str, archive: &Path) -> Vec<OsString> {
    let mut option = OsString::from(option);
    option.push(archive);
    // What does not fit is passed over without a word.
    vec!["-Xshare:auto".into(), "-Xlog:cds=off".into(), "-Xlog:cds+dynamic=off".into(), option]
}
