//! Finds the version that a request names.

use std::time::Duration;

use flowmill_catalog::{CatalogueError, Deployed};
use flowmill_model::{FlowName, FlowVersion, Version};

use crate::{Gateway, Refusal};

/// How long a gateway reads the definitions to their end before it says that it cannot.
const CATCH_UP: Duration = Duration::from_secs(5);

impl Gateway {
    /// The version a caller names, or the flow's default. Says "unknown" only after reading the
    /// definitions to their end.
    pub(crate) async fn resolve(
        &self,
        flow: &FlowName,
        version: Option<&Version>,
    ) -> Result<Deployed, Refusal> {
        if let Some(found) = self.look_up(flow, version) {
            return Ok(found);
        }
        self.caught_up(CATCH_UP).await?;
        self.look_up(flow, version).ok_or_else(|| not_deployed(flow, version))
    }

    fn look_up(&self, flow: &FlowName, version: Option<&Version>) -> Option<Deployed> {
        let catalogue = &self.parts().catalogue;
        match version {
            None => catalogue.default_version(flow),
            Some(version) => {
                catalogue.find(&FlowVersion { flow: flow.clone(), version: version.clone() })
            }
        }
    }

    /// Waits until the catalogue holds everything that was published before the call.
    pub(crate) async fn caught_up(&self, within: Duration) -> Result<(), Refusal> {
        let parts = self.parts();
        match tokio::time::timeout(within, parts.catalogue.caught_up(&parts.log)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(unreadable(&error)),
            Err(_) => Err(Refusal::unavailable("the definitions are still being read; try again")),
        }
    }
}

fn unreadable(error: &CatalogueError) -> Refusal {
    tracing::warn!(%error, "the definitions cannot be read");
    Refusal::unavailable("the definitions cannot be read for now; try again")
}

fn not_deployed(flow: &FlowName, version: Option<&Version>) -> Refusal {
    match version {
        None => Refusal::not_found(format!("there is no flow {flow}; deploy it first")),
        Some(version) => {
            Refusal::not_found(format!("there is no version {version} of flow {flow}"))
        }
    }
}
