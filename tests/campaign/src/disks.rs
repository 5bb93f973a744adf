//! File systems of a size of their own for the servers, which can be filled.
//!
//! They are in memory, and mounted where only this process and its children see them: they are gone
//! when these are, however they end.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

/// The size of each: far more than a server takes in an hour, and little of a machine's memory.
const SIZE: &str = "3g";

/// What says that this process may mount.
const MARK: &str = "FLOWMILL_CAMPAIGN_MOUNTS";

/// What is written at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Both.
#[derive(Debug)]
pub(crate) struct Disks {
    pub(crate) kafka: Disk,
    pub(crate) cql: Disk,
    /// Where they are mounted.
    _folder: TempDir,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Disk(PathBuf);

/// Begins this program anew where it may mount, unless it has been.
///
/// # Errors
/// It may not.
pub(crate) fn own_mounts() -> anyhow::Result<()> {
    if std::env::var_os(MARK).is_some() {
        return Ok(());
    }
    let mut again = Command::new("unshare");
    again.arg("--mount").arg(std::env::current_exe()?).args(std::env::args_os().skip(1));
    Err(again.env(MARK, "1").exec()).context("N16 needs `unshare`, and to be root")
}

impl Disks {
    /// Mounts them.
    ///
    /// # Errors
    /// Nothing can be mounted.
    pub(crate) fn mount() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("flowmill-disks-").tempdir()?;
        let disk = |name| Disk::mount(folder.path().join(name));
        Ok(Self { kafka: disk("kafka")?, cql: disk("cql")?, _folder: folder })
    }
}

impl Drop for Disk {
    /// Lets the folder it is mounted on be deleted. What cannot be unmounted goes with the process.
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

impl Disk {
    fn mount(at: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir(&at)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SIZE}"), "flowmill"]).arg(&at);
        ensure!(mount.status()?.success(), "N16 mounts file systems, and needs to be root");
        Ok(Self(at))
    }

    /// The folder that is the file system.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Leaves no room in it; says how many bytes that took.
    pub(crate) fn fill(&self) -> anyhow::Result<u64> {
        let mut ballast = File::create(self.ballast())?;
        let (block, mut bytes) = (vec![0; BLOCK_BYTES], 0);
        loop {
            match ballast.write(&block) {
                Ok(0) => bail!("nothing more is written, and nobody says why"),
                Ok(written) => bytes += u64::try_from(written)?,
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(bytes),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes room again.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}
