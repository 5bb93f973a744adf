//! Whether the loops of shards turn.
//!
//! A shard whose loop is stuck must not keep its partition: the group sees only that the node
//! polls. So each shard is asked to turn once in a while, and the node says that it makes progress
//! only while all of them do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowmill_model::limits;
use tokio::time::Instant;

/// How often a loop is asked to turn.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// One loop's pulse. Clones are the same.
#[derive(Clone, Debug)]
pub struct Pulse {
    began: Instant,
    /// When the loop turned last, in milliseconds since it began.
    turned: Arc<AtomicU64>,
}

impl Pulse {
    /// The pulse of a loop that turns now.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), turned: Arc::default() }
    }

    /// The loop turns.
    pub(crate) fn beat(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.turned.store(now, Ordering::Relaxed);
    }

    /// Whether the loop has not turned for [`limits::PROGRESS_SILENCE`].
    pub(crate) fn is_stuck(&self) -> bool {
        let turned = Duration::from_millis(self.turned.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(turned) > limits::PROGRESS_SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_stuck_when_it_has_not_turned_for_too_long() {
        let pulse = Pulse::new();
        tokio::time::advance(limits::PROGRESS_SILENCE).await;
        assert!(!pulse.is_stuck());
        tokio::time::advance(EVERY).await;
        assert!(pulse.is_stuck());
        pulse.clone().beat();
        assert!(!pulse.is_stuck());
    }
}
