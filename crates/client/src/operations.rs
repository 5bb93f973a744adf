//! How the server stands.

use flowmill_api::{HealthDto, ReadyDto};

use crate::call::Call;
use crate::repeat::Harmless;
use crate::{Client, ClientError};

impl Client {
    /// How the server stands.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn health(&self) -> Result<HealthDto, ClientError> {
        self.send(Call::get(["healthz"])).await?.json()
    }

    /// Whether the server can serve, and why not. A no is an answer, and not asked again.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ready(&self) -> Result<ReadyDto, ClientError> {
        let mut call = Call::get(["readyz"]);
        call.harmless = Harmless::IfNotTaken;
        let answer = self.exchange(&call).await?;
        if matches!(answer.status, 200 | 503) { answer.json() } else { Err(answer.refusal()) }
    }

    /// The server's metrics in Prometheus' text format.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        Ok(self.send(Call::get(["metrics"])).await?.text())
    }
}
