//! How the node stands: whether it can serve, and the figures of what it sees.

use std::time::Duration;

use flowmill_model::{ErrorCode, ShardId};
use flowmill_routing::{ShardState, ShardStatus};

use crate::settings::Readiness;
use crate::{Gateway, Refusal};

/// How long a check of readiness waits for the definitions.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How long the node that has a halted shard may take to begin with it.
const RESUMES_WITHIN: Duration = Duration::from_secs(5);

impl Gateway {
    /// Why the node cannot do all that it is for now; nothing when it can.
    pub async fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.0.draining.is_cancelled() {
            reasons.push("the gateway is shutting down".to_owned());
        }
        if self.0.room.is_missing(self.parts().clock.now()) {
            reasons.push("the disk that holds the log is full".to_owned());
        }
        let shards = self.shards();
        if shards == 0 {
            reasons.push("the log has no shards yet".to_owned());
        }
        reasons.extend(self.needed_shards().into_iter().filter_map(|s| self.shard_not_ready(s)));
        if let Err(refusal) = self.caught_up(CATCH_UP).await {
            reasons.push(refusal.detail);
        }
        reasons
    }

    /// The shards without which the node is not ready.
    fn needed_shards(&self) -> Vec<ShardId> {
        match self.parts().settings.readiness {
            Readiness::EveryShard => (0..self.shards()).map(ShardId::new).collect(),
            Readiness::OwnShards => {
                self.parts().owners.only_here().statuses().into_keys().collect()
            }
            Readiness::Definitions => Vec::new(),
        }
    }

    fn shard_not_ready(&self, shard: ShardId) -> Option<String> {
        match self.parts().owners.status(shard).map(|status| status.state) {
            Some(ShardState::Open | ShardState::Full) => None,
            Some(ShardState::Claiming) => Some(format!("shard {shard} is being claimed")),
            Some(ShardState::Halted(why)) => Some(format!("shard {shard} is halted: {why}")),
            None => Some(format!("shard {shard} has no owner")),
        }
    }

    /// Every shard, and how it stands if a node is known that has it.
    pub fn every_shard(&self) -> Vec<(ShardId, Option<ShardStatus>)> {
        let shards = (0..self.shards()).map(ShardId::new);
        shards.map(|shard| (shard, self.parts().owners.status(shard))).collect()
    }

    /// Has a halted shard taken over again.
    ///
    /// # Errors
    /// There is no such shard, it is not halted, or nobody is known who has it.
    pub async fn resume_shard(&self, shard: ShardId) -> Result<(), Refusal> {
        if shard.get() >= self.shards() {
            let detail = format!("there is no shard {shard}; there are {}", self.shards());
            return Err(Refusal::not_found(detail));
        }
        let owners = &self.parts().owners;
        if let Some(status) = owners.status(shard)
            && !status.is_halted()
        {
            let detail = format!("shard {shard} is not halted, so there is nothing to resume");
            return Err(Refusal::new(ErrorCode::Conflict, detail));
        }
        Ok(owners.resume(shard, RESUMES_WITHIN).await?)
    }

    /// How the shards stand whose owners this node knows.
    pub fn shard_statuses(&self) -> Vec<(ShardId, ShardStatus)> {
        self.parts().owners.statuses().into_iter().collect()
    }
}
