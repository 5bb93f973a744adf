//! The command that a node is started with: a small virtual machine that is quick to start.

use std::ffi::OsString;
use std::path::Path;

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
    "-Xss512k",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-XX:MaxDirectMemorySize=192m",
    "-Djdk.attach.allowAttachSelf=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.eventLoopThreads=2",
    "-Dcassandra-foreground=yes",
    "-Dcassandra.available_processors=2",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
];

/// How long a node listens for others before it takes its place in the ring, in ms.
const RING_DELAY: u32 = 3_000;

/// The command of a node whose settings and data are in this folder.
pub(super) fn command(
    java: &Path,
    class_path: &OsString,
    folder: &Path,
    is_alone: bool,
) -> Vec<OsString> {
    let mut command: Vec<OsString> = vec![java.into()];
    // Measures the size of objects, without which the server does not start.
    let agent = std::env::split_paths(class_path).find(|jar| {
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
    let ring_delay = if is_alone { 0 } else { RING_DELAY };
    for (name, value) in [
        ("cassandra.ring_delay_ms", ring_delay.to_string()),
        ("cassandra.config", format!("file://{}/cassandra.yaml", folder.display())),
        ("cassandra.storagedir", folder.display().to_string()),
        ("cassandra.logdir", folder.display().to_string()),
        ("logback.configurationFile", format!("{}/logback.xml", folder.display())),
    ] {
        command.push(format!("-D{name}={value}").into());
    }
    command.extend(["-cp".into(), class_path.clone()]);
    command.push("org.apache.cassandra.service.CassandraDaemon".into());
    command
}
