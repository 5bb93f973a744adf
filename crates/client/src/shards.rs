//! The shards of a cluster.

use flowmill_api::{ShardDto, ShardsDto};
use flowmill_model::ShardId;
use reqwest::Method;

use crate::call::Call;
use crate::{Client, ClientError};

impl Client {
    /// Every shard, and how it stands as far as the server knows.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn shards(&self) -> Result<Vec<ShardDto>, ClientError> {
        let found: ShardsDto = self.send(Call::get(["v1", "shards"])).await?.json()?;
        Ok(found.shards)
    }

    /// Has a halted shard taken over again. Whether that succeeds shows in the list of shards.
    ///
    /// # Errors
    /// `not-found`, `conflict` when it is not halted, and those of every request.
    pub async fn resume_shard(&self, shard: ShardId) -> Result<(), ClientError> {
        let number = shard.to_string();
        let call = Call::new(Method::POST, ["v1", "shards", &number, "resume"]);
        self.send(call).await.map(drop)
    }
}
