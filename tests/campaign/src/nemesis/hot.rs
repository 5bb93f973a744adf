//! One flow that is nearly all of the load, and whose calls hang.

use std::time::Duration;

use flowmill_nodes::Times;
use flowmill_runtime::spawn;
use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Strike, Torment};
use crate::callers::Callers;
use crate::flows::Kind;

/// How long others are watched, before calls hang and while they do. The load is the same.
const WATCHED: Duration = Duration::from_secs(15);

/// How many starts of the flow there are for each of all others.
const HOT: u32 = 9;

/// One of the others is watched so often.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// The longest that the end of one is waited for.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

impl Torment<'_> {
    /// One flow is nine tenths of the load, and what it calls hangs. What the others take says how
    /// much they suffer.
    pub(super) async fn hot_flow_hangs(&mut self) -> anyhow::Result<Strike> {
        let (kind, queue) = match self.world.below(2) {
            0 => (Kind::Hot, "the queue of all"),
            _ => (Kind::HotApart, "a queue of its own"),
        };
        let (_, before) = self.heat_and_watch(kind).await?;
        self.sink.hang(true);
        let hot = self.heat_and_watch(kind).await;
        self.sink.hang(false);
        let ((taken, asked), during) = hot?;
        let [(a, b), (c, d)] =
            [before, during].map(|times| (times.millis(0.5), times.millis(0.99)));
        Ok(Strike::of(format!(
            "calls of a flow hang that is nine tenths of the load, {taken} of {asked} starts, in \
             {queue}; others end after {c:.0} ms (p99 {d:.0}), before it after {a:.0} ms (p99 {b:.0})"
        )))
    }

    async fn heat_and_watch(&self, kind: Kind) -> anyhow::Result<((usize, usize), Times)> {
        let heating = heat(self.callers, kind, self.rate);
        let (hot, watched) = tokio::join!(heating, watch(self.callers));
        Ok((hot?, watched?))
    }
}

/// Starts executions of the flow for a while; gives how many of how many were taken.
async fn heat(callers: &Callers, kind: Kind, rate: u32) -> anyhow::Result<(usize, usize)> {
    let (until, mut asking) = (Instant::now() + WATCHED, Vec::new());
    let mut turns = interval(Duration::from_secs(1) / (rate * HOT).max(1));
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while Instant::now() < until {
        turns.tick().await;
        let callers = callers.clone();
        asking.push(spawn("hot", async move {
            let key = callers.key("hot");
            callers.start_once(&key, kind).await
        }));
    }
    let (asked, mut taken) = (asking.len(), 0);
    for start in join_all(asking).await {
        taken += usize::from(start?);
    }
    Ok((taken, asked))
}

/// How long executions of another flow take from start to end.
async fn watch(callers: &Callers) -> anyhow::Result<Times> {
    let (until, mut watched) = (Instant::now() + WATCHED, Vec::new());
    let mut turns = interval(WATCH_EVERY);
    while Instant::now() < until {
        turns.tick().await;
        let callers = callers.clone();
        watched.push(spawn("watched", async move {
            let (key, begun) = (callers.key("watched"), Instant::now());
            let id = callers.start(0, &key, Kind::Call).await;
            let ended = callers.ways.at(0).wait(id, ENDS_WITHIN).await;
            ended.is_ok_and(|execution| execution.status.is_ended()).then(|| begun.elapsed())
        }));
    }
    let mut times = Times::default();
    for took in join_all(watched).await {
        times.record(took?.unwrap_or(ENDS_WITHIN));
    }
    Ok(times)
}
