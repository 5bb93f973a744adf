//! Apache Cassandra, one node: a CQL server that stands for ScyllaDB.

mod probe;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::cache::Jars;
use crate::error::{at, doing};
use crate::server::Server;
use crate::{RigError, java, ports};

const JARS: Jars = Jars { name: "cassandra-5.0.9", project: include_str!("cassandra/pom.xml") };

/// Packages of the JDK that Cassandra reaches into.
const OPENED: &[&str] = &[
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
];

/// Packages of the JDK that it uses and the JDK does not offer.
const EXPORTED: &[&str] = &[
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.management/com.sun.jmx.remote.security",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.unsupported/sun.misc",
];

/// Options of the virtual machine: small, and quick to start.
const MACHINE: &[&str] = &[
    "-Xms128m",
    "-Xmx512m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-XX:MaxDirectMemorySize=192m",
    "-Djdk.attach.allowAttachSelf=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.eventLoopThreads=2",
    "-Dcassandra-foreground=yes",
    "-Dcassandra.available_processors=2",
    "-Dcassandra.ring_delay_ms=0",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
];

/// A running server. Gone with its data when it is dropped.
#[derive(Debug)]
pub struct Cassandra {
    server: Option<Server>,
    port: u16,
    command: Vec<OsString>,
    /// The last to be dropped.
    folder: TempDir,
}

impl Cassandra {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// Java or Maven is missing, the jars cannot be fetched, or the server does not start.
    pub fn start() -> Result<Self, RigError> {
        let (java, class_path) = (java::find()?, JARS.class_path()?);
        let folder = tempfile::Builder::new().prefix("flowmill-cassandra-").tempdir();
        let folder = folder.map_err(doing("a temporary folder"))?;
        let ports = ports::free(2)?;
        let root = folder.path().display().to_string();
        let settings = include_str!("cassandra/cassandra.yaml")
            .replace("@PORT@", &ports[0].to_string())
            .replace("@STORAGE_PORT@", &ports[1].to_string())
            .replace("@DATA@", &root);
        for (name, text) in [
            ("cassandra.yaml", settings.as_str()),
            ("logback.xml", include_str!("cassandra/logback.xml")),
        ] {
            let file = folder.path().join(name);
            fs::write(&file, text).map_err(at(&file))?;
        }
        let command = command(java, class_path, &root);
        let mut cassandra = Self { server: None, port: ports[0], command, folder };
        cassandra.restart()?;
        Ok(cassandra)
    }

    /// Where clients connect: `127.0.0.1:PORT`.
    pub fn contact(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The ids of the processes that run.
    pub fn pids(&self) -> Vec<u32> {
        self.server.iter().map(Server::pid).collect()
    }

    /// Whether the server answers a query now.
    pub fn answers(&self) -> bool {
        probe::ready(self.port).is_ok()
    }

    /// Ends the server as a crash would.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self) -> Result<(), RigError> {
        self.server.take().ok_or_else(|| state("does not run"))?.kill()
    }

    /// Ends the server in good order.
    ///
    /// # Errors
    /// It does not run, or does not end.
    pub fn terminate(&mut self) -> Result<(), RigError> {
        self.server.take().ok_or_else(|| state("does not run"))?.terminate()
    }

    /// Starts the server again that was ended, with its port and data, and waits until it answers.
    ///
    /// # Errors
    /// It runs, or does not start.
    pub fn restart(&mut self) -> Result<(), RigError> {
        if self.server.is_some() {
            return Err(state("runs already"));
        }
        let (data, said) = (self.folder.path(), self.folder.path().join("output"));
        let server = Server::start(NAME, (&said, data), self.command.iter().cloned())?;
        self.server.insert(server).answers(|| probe::ready(self.port))
    }

    /// Stops the server's clock: it holds its connections and does nothing.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<(), RigError> {
        self.running()?.signal(Signal::STOP)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> Result<(), RigError> {
        self.running()?.signal(Signal::CONT)
    }

    fn running(&self) -> Result<&Server, RigError> {
        self.server.as_ref().ok_or_else(|| state("does not run"))
    }
}

const NAME: &str = "Cassandra";

fn state(is: &'static str) -> RigError {
    RigError::State { server: NAME.into(), is }
}

fn command(java: PathBuf, class_path: OsString, folder: &str) -> Vec<OsString> {
    let mut command: Vec<OsString> = vec![java.into()];
    // Measures the size of objects, without which the server does not start.
    let agent = std::env::split_paths(&class_path).find(|jar| {
        jar.file_name().is_some_and(|name| name.to_string_lossy().starts_with("jamm-"))
    });
    if let Some(jar) = agent {
        let mut option = OsString::from("-javaagent:");
        option.push(jar);
        command.push(option);
    }
    command.extend(MACHINE.iter().map(OsString::from));
    for (option, packages) in [("--add-opens", OPENED), ("--add-exports", EXPORTED)] {
        for package in packages {
            command.extend([option.into(), format!("{package}=ALL-UNNAMED").into()]);
        }
    }
    for (name, value) in [
        ("cassandra.config", format!("file://{folder}/cassandra.yaml")),
        ("cassandra.storagedir", folder.to_owned()),
        ("cassandra.logdir", folder.to_owned()),
        ("logback.configurationFile", format!("{folder}/logback.xml")),
    ] {
        command.push(format!("-D{name}={value}").into());
    }
    command.extend(["-cp".into(), class_path]);
    command.push("org.apache.cassandra.service.CassandraDaemon".into());
    command
}
