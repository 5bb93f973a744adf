//! Deploys flows, and says which version is a flow's default.
//!
//! A definition is compiled here and decided by shard 0. The answer comes once this gateway's
//! catalogue holds the version, so that a start right after it finds it.

use std::num::NonZeroU16;

use bytes::Bytes;
use flowmill_catalog::Catalogue;
use flowmill_flow::{Flow, Format, compile};
use flowmill_model::command::{Command, Deploy};
use flowmill_model::{
    ContentHash, ErrorCode, FlowName, FlowVersion, Payload, ShardId, TraceContext, limits,
};
use flowmill_routing::{CommandOutcome, Position};

use crate::refusal::Finding;
use crate::{Gateway, Refusal};

/// Decides about definitions.
const CATALOGUE_SHARD: ShardId = ShardId::new(0);

/// A deploy, as a caller asks for it.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// The definition's text.
    pub source: Bytes,
    /// How it is written.
    pub format: Format,
    /// The flow that the definition must name, if the caller says it twice.
    pub expected: Option<FlowName>,
    /// How many shards carry the flow's executions. Only the first deploy of a flow's name sets
    /// it.
    pub spread: Option<NonZeroU16>,
    /// The trace it continues.
    pub trace: Option<TraceContext>,
}

/// A version that is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedVersion {
    /// The version.
    pub flow: FlowVersion,
    /// The hash of its canonical content.
    pub hash: ContentHash,
    /// Whether this deploy made it known.
    pub created: bool,
    /// Where the deploy stands; `None` when nothing had to be written.
    pub position: Option<Position>,
}

impl Gateway {
    /// Deploys a version; answers once this gateway's starts find it.
    ///
    /// # Errors
    /// `invalid-definition` with every error, `version-conflict` when the version exists with
    /// other content, `conflict` when as many flows have triggers as may have any, `payload-too-large`,
    /// and the retryable ones. A deploy may be repeated.
    pub async fn deploy(&self, request: DeployRequest) -> Result<DeployedVersion, Refusal> {
        let DeployRequest { source, format, expected, spread, trace } = request;
        let flow = self.compile(source, format).await?;
        if let Some(expected) = expected {
            check_name(&flow, &expected)?;
        }
        let (version, hash) = (flow.document.flow_version(), flow.hash);
        if let Some(known) = self.parts().catalogue.find(&version)
            && spread.is_none()
        {
            return unchanged(version, hash, known.record.hash);
        }
        self.check_triggers(&flow)?;
        let deploy = Deploy {
            flow: version.clone(),
            hash,
            source: Payload::new(flow.to_json()),
            spread: spread.map(NonZeroU16::get),
        };
        let command = Command::Deploy(deploy);
        let (position, outcome) = self.decide(CATALOGUE_SHARD, command, trace).await?;
        let created = is_created(outcome)?;
        self.await_published(&version, |known| known.get(&version, &hash).is_some()).await?;
        Ok(DeployedVersion { flow: version, hash, created, position: Some(position) })
    }

    /// Makes a version the one that starts get which name none; answers once this gateway's starts
    /// get it.
    ///
    /// # Errors
    /// `not-found` for a version that is not deployed, `conflict` when it has triggers and as many
    /// flows have some as may, and the retryable ones. It may be repeated.
    pub async fn activate(
        &self,
        version: &FlowVersion,
        trace: Option<TraceContext>,
    ) -> Result<Position, Refusal> {
        let known = self.resolve(&version.flow, Some(&version.version)).await?;
        self.check_triggers(&known.flow)?;
        let command = Command::Activate(version.clone());
        let (position, outcome) = self.decide(CATALOGUE_SHARD, command, trace).await?;
        check_activated(outcome)?;
        // One that was activated and replaced meanwhile is not waited for.
        let is_seen = |catalogue: &Catalogue| {
            let default = catalogue.default_version(&version.flow);
            let now = catalogue.find(version).map(|deployed| deployed.record.activation);
            default.is_some_and(|default| default.record.flow == *version)
                || now > Some(known.record.activation)
        };
        self.await_published(version, is_seen).await?;
        Ok(position)
    }

    /// Refuses one flow too many with triggers: each costs every gateway a consumer.
    fn check_triggers(&self, flow: &Flow) -> Result<(), Refusal> {
        let name = flow.document.flow();
        let flows = self.parts().catalogue.flows();
        let others = flows
            .iter()
            .filter(|other| !other.flow.triggers().is_empty() && other.record.flow.flow != name);
        let (others, limit) = (others.count(), limits::TRIGGERED_FLOWS);
        if flow.triggers().is_empty() || others < limit {
            return Ok(());
        }
        let detail = format!(
            "{others} other flows have triggers already, and {limit} may; deploy a version without \
             triggers of one that needs them no more"
        );
        Err(Refusal::new(ErrorCode::Conflict, detail))
    }

    async fn compile(&self, source: Bytes, format: Format) -> Result<Flow, Refusal> {
        if source.len() > limits::DEFINITION_BYTES {
            let (bytes, limit) = (source.len(), limits::DEFINITION_BYTES);
            return Err(Refusal::too_large("the definition", bytes, limit));
        }
        let compiled = self.compute_aside(move || compile(&source, format)).await?;
        compiled.map_err(Refusal::wrong_definition)
    }

    /// Waits until this gateway's catalogue shows what shard 0 has decided about a version.
    async fn await_published(
        &self,
        version: &FlowVersion,
        is_seen: impl Fn(&Catalogue) -> bool,
    ) -> Result<(), Refusal> {
        let mut catalogue = self.parts().catalogue.clone();
        let seen = async {
            while !is_seen(&catalogue) {
                catalogue.changed().await;
            }
        };
        tokio::time::timeout(limits::COMMAND_WAIT, seen).await.map_err(|_| {
            let detail = format!("what was decided of {version} is not published yet; try again");
            Refusal::unavailable(detail)
        })
    }
}

/// Whether the deploy made the version known.
fn is_created(outcome: Option<CommandOutcome>) -> Result<bool, Refusal> {
    match outcome {
        Some(CommandOutcome::Applied) => Ok(true),
        Some(CommandOutcome::Unchanged | CommandOutcome::Exists) => Ok(false),
        Some(CommandOutcome::Conflict(why) | CommandOutcome::Refused(why)) => {
            Err(Refusal::new(ErrorCode::VersionConflict, why))
        }
        None | Some(CommandOutcome::Forgotten) => Err(Refusal::unavailable(
            "the deploy is durable and not decided yet; repeat it to learn what became of it",
        )),
        Some(CommandOutcome::Unknown | CommandOutcome::KeyReused) => {
            Err(Refusal::new(ErrorCode::Internal, "the deploy got another command's answer"))
        }
    }
}

/// Whether a version is now the default one.
fn check_activated(outcome: Option<CommandOutcome>) -> Result<(), Refusal> {
    match outcome {
        Some(CommandOutcome::Applied | CommandOutcome::Unchanged) => Ok(()),
        Some(CommandOutcome::Unknown) => Err(Refusal::not_found("the version is not deployed")),
        None | Some(CommandOutcome::Forgotten) => Err(Refusal::unavailable(
            "the activation is durable and not decided yet; repeat it to learn what became of it",
        )),
        Some(
            CommandOutcome::Exists
            | CommandOutcome::KeyReused
            | CommandOutcome::Refused(_)
            | CommandOutcome::Conflict(_),
        ) => Err(Refusal::new(ErrorCode::Internal, "the activation got another command's answer")),
    }
}

/// The answer for a version that is known: its content never changes.
fn unchanged(
    flow: FlowVersion,
    hash: ContentHash,
    known: ContentHash,
) -> Result<DeployedVersion, Refusal> {
    if hash != known {
        let detail = format!("{flow} exists with other content; raise its version");
        return Err(Refusal::new(ErrorCode::VersionConflict, detail));
    }
    Ok(DeployedVersion { flow, hash, created: false, position: None })
}

fn check_name(flow: &Flow, expected: &FlowName) -> Result<(), Refusal> {
    let document = &flow.document;
    let differing = |pointer: &str, found: &str, wanted: &str| {
        (found != wanted).then(|| Finding {
            message: format!("the document says `{found}`, the address `{wanted}`"),
            help: Some("make them agree".into()),
            pointer: Some(pointer.into()),
            ..Finding::default()
        })
    };
    let (namespace, name) = (expected.namespace.as_str(), expected.name.as_str());
    let findings: Vec<_> = [
        differing("/document/namespace", document.namespace.as_str(), namespace),
        differing("/document/name", document.name.as_str(), name),
    ]
    .into_iter()
    .flatten()
    .collect();
    if findings.is_empty() {
        return Ok(());
    }
    let detail = "the definition is of another flow than the address names";
    Err(Refusal::new(ErrorCode::InvalidDefinition, detail).with(findings))
}
