//! What is loaded: the engine in this process, or a server.

use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use flowmill_api::ExecutionStatus;
use flowmill_client::{Client, DefinitionFormat, DeployRequest, StartAnswer, StartKey};
use flowmill_flow::Format;
use flowmill_gateway::{Gateway, Refusal};
use flowmill_model::FlowName;
use flowmill_store::Status;

use super::workload::{INPUT, Workload};
use crate::exit::Failure;

/// How long one execution may take before it counts as failed.
const WAIT: Duration = Duration::from_secs(60);

/// Up to where an execution is timed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// Its end is known to the caller.
    #[default]
    Ended,
    /// Its start is durable.
    Accepted,
}

impl Until {
    /// As the command line names it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Accepted => "accepted",
        }
    }
}

/// What is loaded. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Target {
    /// The engine in this process, without HTTP.
    Embedded(Gateway),
    /// A server, over HTTP.
    Server(Client),
}

impl Target {
    /// Deploys a workload's flow.
    ///
    /// # Errors
    /// When it is not taken.
    pub(crate) async fn deploy(&self, workload: Workload) -> Result<(), Failure> {
        let source = Bytes::from(workload.definition());
        match self {
            Self::Embedded(gateway) => deploy_embedded(gateway, source).await?,
            Self::Server(client) => {
                let (flow, format) = (workload.flow(), DefinitionFormat::Yaml);
                client.deploy(DeployRequest { flow, source, format, spread: None }).await?;
            }
        }
        Ok(())
    }

    /// Starts one execution and waits until it is that far.
    ///
    /// # Errors
    /// Why it did not come to that.
    pub(crate) async fn execute(&self, flow: &FlowName, until: Until) -> Result<(), String> {
        match self {
            Self::Embedded(gateway) => execute_embedded(gateway, flow, until).await,
            Self::Server(client) => execute_remote(client, flow, until).await,
        }
    }
}

/// Deploys a definition in YAML.
///
/// # Errors
/// When it is not taken.
pub(crate) async fn deploy_embedded(gateway: &Gateway, source: Bytes) -> Result<(), Refusal> {
    let request = flowmill_gateway::DeployRequest {
        source,
        format: Format::Yaml,
        expected: None,
        spread: None,
        trace: None,
    };
    gateway.deploy(request).await.map(drop)
}

/// A start with the workloads' input and without a key.
pub(crate) fn start_request(flow: &FlowName) -> flowmill_gateway::StartRequest {
    flowmill_gateway::StartRequest {
        flow: flow.clone(),
        version: None,
        input: Bytes::from_static(INPUT.as_bytes()),
        key: None,
        trace: None,
    }
}

async fn execute_embedded(gateway: &Gateway, flow: &FlowName, until: Until) -> Result<(), String> {
    let started =
        gateway.start(start_request(flow)).await.map_err(|refusal| refusal.to_string())?;
    if until == Until::Accepted {
        return Ok(());
    }
    let ended = gateway.wait(started.id, Some(started.position), WAIT).await;
    match ended.map_err(|refusal| refusal.to_string())?.map(|view| view.status) {
        Some(Status::Completed) => Ok(()),
        Some(status) => Err(not_completed(format_args!("{status:?}"))),
        None => Err(not_completed("not ended in a minute")),
    }
}

async fn execute_remote(client: &Client, flow: &FlowName, until: Until) -> Result<(), String> {
    let request = flowmill_client::StartRequest {
        flow: flow.clone(),
        version: None,
        input: Bytes::from_static(INPUT.as_bytes()),
        key: StartKey::Absent,
    };
    let wait = (until == Until::Ended).then_some(WAIT);
    match client.start(&request, wait).await.map_err(|error| error.to_string())? {
        StartAnswer::Accepted(_) if until == Until::Accepted => Ok(()),
        StartAnswer::Ended(execution) if execution.status == ExecutionStatus::Completed => Ok(()),
        StartAnswer::Ended(execution) => Err(not_completed(execution.status)),
        StartAnswer::Accepted(start) => Err(not_completed(start.status)),
    }
}

fn not_completed(status: impl std::fmt::Display) -> String {
    format!("an execution did not complete: {status}")
}
