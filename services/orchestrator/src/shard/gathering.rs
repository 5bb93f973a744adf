//! Lets the next batch of a busy shard gather inputs.
//!
//! What a batch costs the log, the workers and this process hardly depends on how much is in it. A
//! shard that takes whatever is there as soon as it can keeps a busy machine busy with small
//! batches. So after a batch that had several inputs the next one waits for as long as the append
//! took: an idle log answers at once, and then nothing waits.

use std::time::Duration;

use flowmill_model::{BatchNumber, limits};

use super::serving::Serving;
use super::{Next, ShardMessage};

/// Inputs of a batch from which on the next one gathers.
const BUSY: usize = 2;

/// A shorter pause is none: a timer's tick is as long.
const LEAST: Duration = Duration::from_millis(1);

impl Serving {
    /// The batch of this number, with so many inputs, was committed; its append took that long.
    pub(super) fn gather(&mut self, number: BatchNumber, inputs: usize, took: Duration) {
        self.gathering = None;
        let pause = took.min(limits::GATHERING);
        if inputs < BUSY || pause < LEAST || self.stopping.is_some() {
            return;
        }
        self.gathering = Some(number);
        let incarnation = self.incarnation;
        self.beside("gathering", async move {
            tokio::time::sleep(pause).await;
            ShardMessage::Gathered(incarnation, number)
        });
    }

    /// Time is up for what comes after a batch. It may have come before, when there was enough.
    pub(super) fn gathered(&mut self, after: BatchNumber) -> Next {
        self.gathering.take_if(|number| *number == after);
        Next::Serve
    }

    /// Whether a batch is better opened later.
    pub(super) fn is_gathering(&self) -> bool {
        self.gathering.is_some()
            && self.stopping.is_none()
            && self.intake.count() < limits::BATCH_INPUTS
    }
}
