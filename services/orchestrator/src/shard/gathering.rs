//! Lets the next batch of a busy shard gather inputs.
//!
//! What a batch costs the log, the workers and this process hardly depends on how much is in it. A
//! shard that takes whatever is there as soon as it can keeps a busy machine busy with small
//! batches. So after a batch that had several inputs the next one waits for as long as the append
//! took: an idle log answers at once, and then nothing waits.

use std::time::Duration;

use flowmill_model::limits;

use super::serving::Serving;
use super::{Next, ShardMessage};

/// Inputs of a batch from which on the next one gathers.
const BUSY: usize = 2;

/// A shorter pause is none: a timer's tick is as long.
const LEAST: Duration = Duration::from_millis(1);

impl Serving {
    /// A batch with so many inputs was committed; its append took that long.
    pub(super) fn gather(&mut self, inputs: usize, took: Duration) {
        let pause = took.min(limits::GATHERING);
        if inputs < BUSY || pause < LEAST || self.stopping.is_some() {
            return;
        }
        self.gathering = true;
        let incarnation = self.incarnation;
        self.beside("gathering", async move {
            tokio::time::sleep(pause).await;
            ShardMessage::Gathered(incarnation)
        });
    }

    /// Time is up.
    pub(super) const fn gathered(&mut self) -> Next {
        self.gathering = false;
        Next::Serve
    }

    /// Whether a batch is better opened later.
    pub(super) fn is_gathering(&self) -> bool {
        self.gathering && self.stopping.is_none() && self.intake.count() < limits::BATCH_INPUTS
    }
}
