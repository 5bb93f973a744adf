//! Flows: deploy, get, list.

use std::num::NonZeroU16;

use bytes::Bytes;
use flowmill_api::{ActivateRequest, DeployResult, FlowDto, FlowPageDto};
use flowmill_model::{FlowName, FlowVersion, Version};
use futures::{Stream, TryStreamExt, stream};
use reqwest::Method;

use crate::call::Call;
use crate::{Client, ClientError};

/// How a definition is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionFormat {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

impl DefinitionFormat {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Yaml => "application/yaml",
            Self::Json => "application/json",
        }
    }
}

/// A definition to deploy.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// The flow it defines.
    pub flow: FlowName,
    /// Its text.
    pub source: Bytes,
    /// How it is written.
    pub format: DefinitionFormat,
    /// How many shards carry its executions: only with the first deploy of the flow's name.
    pub spread: Option<NonZeroU16>,
}

impl Client {
    /// Deploys a version of a flow. Deploying the same content again changes nothing.
    ///
    /// # Errors
    /// `invalid-definition` with every error, `version-conflict`, and those of every request.
    pub async fn deploy(&self, request: DeployRequest) -> Result<DeployResult, ClientError> {
        let DeployRequest { flow, source, format, spread } = request;
        let path = ["v1", "flows", flow.namespace.as_str(), flow.name.as_str()];
        let mut call = Call::new(Method::PUT, path).with("spread", spread);
        call.body = Some((format.content_type(), source));
        self.send(call).await?.json()
    }

    /// Gets a flow with all its versions, and the definition of one: of `version`, else of the
    /// default one.
    ///
    /// # Errors
    /// `not-found`, and those of every request.
    pub async fn flow(
        &self,
        flow: &FlowName,
        version: Option<&Version>,
    ) -> Result<FlowDto, ClientError> {
        let path = ["v1", "flows", flow.namespace.as_str(), flow.name.as_str()];
        self.send(Call::get(path).with("version", version)).await?.json()
    }

    /// Makes a version the one that starts get which name none.
    ///
    /// # Errors
    /// `not-found`, and those of every request.
    pub async fn activate(&self, version: &FlowVersion) -> Result<FlowDto, ClientError> {
        let FlowVersion { flow, version } = version;
        let path = ["v1", "flows", flow.namespace.as_str(), flow.name.as_str(), "default"];
        let mut call = Call::new(Method::PUT, path);
        let request = ActivateRequest { version: version.to_string() };
        let body = serde_json::to_vec(&request).expect("plain data always has a JSON form");
        call.body = Some(("application/json", body.into()));
        self.send(call).await?.json()
    }

    /// All flows, in order of their names, page by page as they are taken.
    pub fn flows(&self) -> impl Stream<Item = Result<FlowDto, ClientError>> + Send + '_ {
        let pages =
            stream::try_unfold(Some(None), move |page: Option<Option<String>>| async move {
                let Some(page) = page else { return Ok(None) };
                let call = Call::get(["v1", "flows"]).with("page", page);
                let found: FlowPageDto = self.send(call).await?.json()?;
                let flows = stream::iter(found.flows.into_iter().map(Ok));
                Ok::<_, ClientError>(Some((flows, found.next.map(Some))))
            });
        pages.try_flatten()
    }
}
