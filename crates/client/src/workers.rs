//! The workers that take tasks from the server.

use flowmill_api::{WorkerDto, WorkersDto};

use crate::call::Call;
use crate::{Client, ClientError};

impl Client {
    /// The workers that take tasks from the server's worker gateway, by name.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn workers(&self) -> Result<Vec<WorkerDto>, ClientError> {
        let found: WorkersDto = self.send(Call::get(["v1", "workers"])).await?.json()?;
        Ok(found.workers)
    }
}
