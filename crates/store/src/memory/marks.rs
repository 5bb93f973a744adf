//! A shard's watermark and margin mark in a store that may lose what it acknowledged.
//!
//! The margin may only become a watermark all of whose rows are out of reach of a crash: those
//! rows were acknowledged before the watermark was set, so one set a whole loss window ago
//! qualifies. After a crash the margin stands still until somebody takes the shard over by
//! reading the row: only a new owner writes the lost rows again before it sets a watermark. A
//! watermark that was asked for before the crash and comes after it never becomes the margin.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::row::{Watermark, Watermarks};

/// The cells of one shard.
#[derive(Debug, Default)]
pub(super) struct Marks {
    latest: Option<Watermark>,
    margin: Option<Watermark>,
    /// Watermarks that may become the margin, and when each was set.
    candidates: VecDeque<(Instant, Watermark)>,
    /// A crash lost rows and nobody has taken over since.
    frozen: bool,
    crashed: Option<Instant>,
}

impl Marks {
    /// Moves the watermark that was `asked` for, unless that would make it fall.
    pub(super) fn set(&mut self, watermark: Watermark, asked: Instant, now: Instant) {
        if self.latest.is_some_and(|latest| latest.version() > watermark.version()) {
            return;
        }
        self.latest = Some(watermark);
        let is_safe = self.crashed.is_none_or(|crashed| asked > crashed);
        if is_safe && !self.frozen {
            self.candidates.push_back((now, watermark));
        }
    }

    /// The row as a new owner finds it.
    pub(super) fn take_over(
        &mut self,
        now: Instant,
        window: Option<Duration>,
    ) -> Option<Watermarks> {
        self.settle(now, window);
        self.frozen = false;
        Some(Watermarks { watermark: self.latest?, margin: self.margin })
    }

    /// Rows acknowledged within the window are lost.
    pub(super) fn crash(&mut self, now: Instant, window: Duration) {
        self.settle(now, Some(window));
        self.candidates.clear();
        self.frozen = true;
        self.crashed = Some(now);
    }

    fn settle(&mut self, now: Instant, window: Option<Duration>) {
        let window = window.unwrap_or_default();
        while let Some((at, watermark)) = self.candidates.front() {
            if now.duration_since(*at) < window {
                return;
            }
            self.margin = Some(*watermark);
            self.candidates.pop_front();
        }
    }
}
