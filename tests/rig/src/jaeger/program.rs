//! The program of Jaeger: built once from its Go module, kept outside the tree.
//!
//! Its module cannot be installed as it is, since it replaces one of its dependencies, which only the
//! main module of a build may do. So the main module is one made here, with the requirements,
//! replacements and checksums of Jaeger's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::RigError;
use crate::cache;
use crate::error::{at, doing};

/// The name in the cache.
const NAME: &str = "jaeger-2.13.0";

const MODULE: &str = "github.com/jaegertracing/jaeger";

/// The module's version that is Jaeger 2.13.0. Modules of version 2 would have another path.
const VERSION: &str = "v1.76.0";

/// The folder of the program in the module.
const PROGRAM: &str = "github.com/jaegertracing/jaeger/cmd/jaeger";

/// What Go says of a module that it has fetched.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fetched {
    dir: PathBuf,
    sum: String,
    go_mod_sum: String,
}

/// The program's place. Builds it if it is not there; who comes meanwhile waits.
pub(super) fn path() -> Result<PathBuf, RigError> {
    cache::once(NAME, build)
}

/// Whether it is built.
pub(super) fn is_there() -> bool {
    cache::folder().join(NAME).exists()
}

fn build(beside: &Path) -> Result<PathBuf, RigError> {
    let module = format!("{MODULE}@{VERSION}");
    let description = beside.join("go.mod");
    fs::write(&description, "module rig\n\ngo 1.21\n").map_err(at(&description))?;
    let said = go(beside, &["mod", "download", "-json", &module])?;
    let fetched = serde_json::from_slice(&said).map_err(|error| failed(error.to_string()))?;
    become_main(beside, &fetched)?;
    let require = format!("-require={module}");
    go(beside, &["mod", "edit", "-module=rig", "-toolchain=none", &require])?;
    let options = ["-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"];
    go(beside, &[&["build"], &options[..], &["-o", NAME, PROGRAM]].concat())?;
    Ok(beside.join(NAME))
}

/// Takes over the module's requirements and checksums, and adds its own.
fn become_main(beside: &Path, fetched: &Fetched) -> Result<(), RigError> {
    let Fetched { dir, sum, go_mod_sum } = fetched;
    let read = |name| fs::read_to_string(dir.join(name)).map_err(at(dir));
    let write = |name, text: String| fs::write(beside.join(name), text).map_err(at(beside));
    let own = format!("{MODULE} {VERSION} {sum}\n{MODULE} {VERSION}/go.mod {go_mod_sum}\n");
    write("go.mod", read("go.mod")?)?;
    write("go.sum", read("go.sum")? + &own)
}

/// Runs Go; gives what it said.
fn go(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, RigError> {
    let mut go = Command::new("go");
    go.args(arguments).current_dir(folder).stdin(Stdio::null());
    go.env("GOWORK", "off").env("CGO_ENABLED", "0");
    let ended = go.output().map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        if missing { RigError::NoGo } else { doing("go")(error) }
    })?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    Err(failed(String::from_utf8_lossy(&ended.stderr).trim().to_owned()))
}

fn failed(said: String) -> RigError {
    RigError::Build { what: "Jaeger", said }
}
