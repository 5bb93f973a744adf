//! What is had once and kept outside the tree; among it the servers' jars, which Maven fetches.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::RigError;
use crate::error::{at, doing};

/// The plugin that copies jars, in the version that was tried.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Something to fetch.
pub(crate) struct Jars {
    /// Its name with its version: the name of its folder.
    pub(crate) name: &'static str,
    /// The Maven project whose dependencies it is.
    pub(crate) project: &'static str,
}

/// Where everything fetched is kept: `FLOWMILL_CACHE`, else `flowmill` in the user's cache folder.
pub fn folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = set("FLOWMILL_CACHE").or_else(|| of_user().map(|cache| cache.join("flowmill")));
    cache.unwrap_or_else(|| std::env::temp_dir().join("flowmill")).join("rig")
}

/// The place of something in the cache. `make` makes it if it is not there, in a folder beside that
/// it is given, and says where it is; who comes meanwhile waits.
pub(crate) fn once(
    name: &str,
    make: impl FnOnce(&Path) -> Result<PathBuf, RigError>,
) -> Result<PathBuf, RigError> {
    let (cache, place) = (folder(), folder().join(name));
    if place.exists() {
        return Ok(place);
    }
    fs::create_dir_all(&cache).map_err(at(&cache))?;
    let lock = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock).map_err(at(&lock))?;
    lock.lock().map_err(doing(format!("waiting for another who makes {name}")))?;
    if !place.exists() {
        let beside = tempfile::tempdir_in(&cache).map_err(at(&cache))?;
        let made = make(beside.path())?;
        // It takes its place once it is whole.
        fs::rename(&made, &place).map_err(at(&place))?;
    }
    Ok(place)
}

impl Jars {
    /// A class path of all jars, which are fetched if they are not there.
    pub(crate) fn class_path(&self) -> Result<OsString, RigError> {
        list(&once(self.name, |beside| self.fetch(beside))?)
    }

    fn fetch(&self, beside: &Path) -> Result<PathBuf, RigError> {
        let (project, jars) = (beside.join("pom.xml"), beside.join("jars"));
        fs::write(&project, self.project).map_err(at(&project))?;
        let mut maven = Command::new("mvn");
        maven.args(["--quiet", "--batch-mode", "--file"]).arg(&project).arg(COPY);
        maven.args(["-DincludeScope=runtime", "-DoutputDirectory=jars"]).stdin(Stdio::null());
        let ended = maven.output().map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            if missing { RigError::NoMaven } else { doing("mvn")(error) }
        })?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
            return Err(RigError::Fetch { what: self.name, said });
        }
        Ok(jars)
    }
}

/// The jars in a fixed order, as a class path.
fn list(jars: &Path) -> Result<OsString, RigError> {
    let entries = fs::read_dir(jars).map_err(at(jars))?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(at(jars))?;
    paths.sort();
    std::env::join_paths(paths).map_err(|error| doing("a class path")(std::io::Error::other(error)))
}
