//! What a node finds when it starts: its settings, and a storage that is formatted.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Kafka, KafkaPlan, Machine, Node};
use crate::RigError;
use crate::error::at;
use crate::letters::random_letters;

const LOGGING: &str = include_str!("log4j2.properties");
const SETTINGS: &str = include_str!("server.properties");

/// Characters of a cluster's id but the last.
const ID_CHARS: usize = 21;

impl Kafka {
    /// Writes each node's settings and formats its storage.
    pub(super) fn format(&self, plan: &KafkaPlan) -> Result<(), RigError> {
        let logging = self.logging();
        fs::write(&logging, LOGGING).map_err(at(&logging))?;
        let id = cluster_id();
        for (index, node) in self.nodes.iter().enumerate() {
            fs::create_dir_all(&node.folder).map_err(at(&node.folder))?;
            let settings = node.settings();
            fs::write(&settings, self.properties(index, plan)).map_err(at(&settings))?;
            self.format_node(node, &id)?;
        }
        Ok(())
    }

    fn format_node(&self, node: &Node, id: &str) -> Result<(), RigError> {
        let Machine { java, class_path, archive } = &self.machine;
        let mut tool = Command::new(java);
        tool.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
        // If one is written, the broker writes its own over it.
        tool.args(archive).arg(self.logging_option()).arg("-cp").arg(class_path);
        tool.args(["kafka.tools.StorageTool", "format", "-t", id, "-c"]).arg(node.settings());
        if let Some(access) = &self.access {
            tool.arg("--add-scram").arg(access.scram());
        }
        let ended = tool.output().map_err(at(java))?;
        if ended.status.success() {
            return Ok(());
        }
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Err(RigError::Ended { server: "the storage tool".into(), said })
    }

    fn logging(&self) -> PathBuf {
        self.folder.path().join("log4j2.properties")
    }

    /// The option that says where the settings of Kafka's own log are.
    pub(super) fn logging_option(&self) -> OsString {
        let mut option = OsString::from("-Dlog4j2.configurationFile=");
        option.push(self.logging());
        option
    }

    fn properties(&self, index: usize, plan: &KafkaPlan) -> String {
        let node = &self.nodes[index];
        let voters = self.nodes.iter().enumerate();
        let voters = voters.map(|(id, n)| format!("{}@127.0.0.1:{}", id + 1, n.controller));
        let voters = voters.collect::<Vec<_>>().join(",");
        let replicas = self.nodes.len().min(3).to_string();
        let in_sync = if self.nodes.len() >= 3 { "2" } else { "1" };
        let secured = self.access.as_ref().map(|access| access.settings(plan.security));
        // Of two settings with one name the later counts.
        let mut properties = [SETTINGS, secured.as_deref().unwrap_or_default()]
            .concat()
            .replace("@ID@", &(index + 1).to_string())
            .replace("@VOTERS@", &voters)
            .replace("@PORT@", &node.port.to_string())
            .replace("@CONTROLLER@", &node.controller.to_string())
            .replace("@CLIENTS@", &node.clients.to_string())
            .replace("@DATA@", &node.folder.join("data").display().to_string())
            .replace("@REPLICAS@", &replicas)
            .replace("@IN_SYNC@", in_sync);
        properties.push_str(&self.ways_in(index));
        for (name, value) in &plan.settings {
            properties.push_str(&format!("{name}={value}\n"));
        }
        properties
    }
}

impl Kafka {
    /// The listeners of a node, with one for each way in; nothing if there is none.
    fn ways_in(&self, index: usize) -> String {
        if self.ways.is_empty() {
            return String::new();
        }
        let Node { port, controller, .. } = self.nodes[index];
        let mut listeners =
            format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}");
        let mut advertised = format!("PLAINTEXT://127.0.0.1:{port}");
        let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
        for (number, way) in self.ways.iter().enumerate() {
            let (behind, before) = (way.ports[index], way.proxies[index].port());
            listeners.push_str(&format!(",WAY{number}://127.0.0.1:{behind}"));
            advertised.push_str(&format!(",WAY{number}://127.0.0.1:{before}"));
            protocols.push_str(&format!(",WAY{number}:PLAINTEXT"));
        }
        format!(
            "listeners={listeners}\nadvertised.listeners={advertised}\n\
             listener.security.protocol.map={protocols}\n"
        )
    }
}

impl Node {
    /// The file of its settings.
    pub(super) fn settings(&self) -> PathBuf {
        self.folder.join("server.properties")
    }
}

/// 16 random bytes in Kafka's base64. The last character holds two bits only.
fn cluster_id() -> String {
    random_letters(ID_CHARS) + "A"
}
