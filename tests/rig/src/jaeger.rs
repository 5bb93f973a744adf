//! Jaeger, in memory: takes traces over OTLP and tells over HTTP what it was given.

mod probe;
mod program;

use std::fs;

use tempfile::TempDir;

use crate::error::{at, doing};
use crate::server::Server;
use crate::{RigError, ports};

const SETTINGS: &str = include_str!("jaeger/jaeger.yaml");

/// A running Jaeger. Gone with its traces when it is dropped.
#[derive(Debug)]
pub struct Jaeger {
    server: Server,
    otlp: u16,
    query: u16,
    /// The last to be dropped.
    _folder: TempDir,
}

impl Jaeger {
    /// Starts it and waits until it answers. The first time on a machine it is built, which takes
    /// minutes.
    ///
    /// # Errors
    /// Go is missing, it cannot be built, or it does not start.
    pub fn start() -> Result<Self, RigError> {
        let program = program::path()?;
        let folder = tempfile::Builder::new().prefix("flowmill-jaeger-").tempdir();
        let folder = folder.map_err(doing("a temporary folder"))?;
        let [otlp, query, grpc, health] = ports::free(4)?[..] else { return Err(RigError::NoPort) };
        let settings = folder.path().join("jaeger.yaml");
        let text = [("OTLP", otlp), ("QUERY", query), ("GRPC", grpc), ("HEALTH", health)]
            .iter()
            .fold(SETTINGS.to_owned(), |text, (name, port)| {
                text.replace(&format!("@{name}@"), &port.to_string())
            });
        fs::write(&settings, text).map_err(at(&settings))?;
        let said = folder.path().join("output");
        let command = [program.into(), "--config".into(), settings.into()];
        let server = Server::start("Jaeger", (&said, folder.path()), command)?;
        server.answers(|| probe::ready(otlp, query))?;
        Ok(Self { server, otlp, query, _folder: folder })
    }

    /// Whether it is built already, so that a start takes no minutes.
    pub fn is_built() -> bool {
        program::is_there()
    }

    /// Where traces are sent over OTLP with gRPC: `http://127.0.0.1:PORT`.
    pub fn otlp_grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp)
    }

    /// Where its HTTP API is: `http://127.0.0.1:PORT`. It has no slash at the end.
    pub fn query(&self) -> String {
        format!("http://127.0.0.1:{}", self.query)
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Whether it takes traces and answers questions now.
    pub fn answers(&self) -> bool {
        probe::ready(self.otlp, self.query).is_ok()
    }
}
