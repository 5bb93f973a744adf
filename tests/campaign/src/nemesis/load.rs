//! Load that comes at once: bursts, keys, timers.

use std::time::Duration;

use flowmill_nodes::Role;
use flowmill_runtime::{Clock, spawn};
use futures::future::join_all;
use futures::{StreamExt, stream};
use tokio::time::sleep;

use super::{Strike, Torment};
use crate::flows::{Kind, timer_key};

/// Keys that are asked for five times at once.
const KEYS: usize = 200;

/// Timers that are due at the same second: usually, and at most.
const TIMERS: [usize; 2] = [2_000, 100_000];

/// Requests at the same time.
const AT_ONCE: usize = 64;

/// How long it may take to start the executions that wait for so many timers.
const TIMERS_WITHIN: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(450)];

/// Seconds that a burst lasts: usually, and at most.
const BURST: [u32; 2] = [3, 60];

impl Torment<'_> {
    /// Starts that are asked for once. Some are refused; the others are owed.
    pub(super) async fn burst(&mut self) -> anyhow::Result<Strike> {
        let seconds = BURST[usize::from(self.large)];
        let (pieces, each) = (seconds * 20, usize::try_from(self.rate * 50 / 20)?);
        let mut asking = Vec::new();
        for _ in 0..pieces {
            for _ in 0..each {
                let callers = self.callers.clone();
                asking.push(spawn("burst", async move {
                    let key = callers.key("burst");
                    callers.start_once(&key, Kind::Call).await
                }));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let (asked, mut taken) = (asking.len(), 0);
        for start in asking {
            taken += usize::from(start.await?);
        }
        Ok(Strike::of(format!("a burst of {asked} starts, of which {taken} are taken")))
    }

    /// The same keys, five times at once, while an owner of some of their shards dies.
    pub(super) async fn keys_are_asked_for_at_once(&mut self) -> anyhow::Result<Strike> {
        let slot = self.world.any(Role::Orchestrator);
        let served = self.world.served(slot).await;
        let asking = (0..KEYS).map(|turn| {
            let callers = self.callers.clone();
            spawn("five at once", async move {
                let (turn, key) = (u64::try_from(turn).unwrap_or_default(), callers.key("five"));
                callers.start_five_times(turn, &key, Kind::Call).await;
            })
        });
        let asking: Vec<_> = asking.collect();
        self.world.kill(slot);
        sleep(self.world.between(0, 2)).await;
        self.world.restart(slot).await?;
        for asked in join_all(asking).await {
            asked?;
        }
        let what = format!("{KEYS} keys are asked for five times at once as an orchestrator dies");
        Ok(Strike::of(what).on(served))
    }

    /// Timers that are due at one second, in which an orchestrator dies.
    pub(super) async fn timers_are_due_at_once(&mut self) -> anyhow::Result<Strike> {
        let (clock, size) = (Clock::system(), usize::from(self.large));
        let due = clock.now().after(TIMERS_WITHIN[size]).as_millis().div_ceil(1_000);
        let starts = (0..TIMERS[size]).map(|turn| {
            let callers = self.callers.clone();
            async move {
                let key = timer_key(&callers.key("timer"), due);
                callers.start(u64::try_from(turn).unwrap_or_default(), &key, Kind::Timer).await;
            }
        });
        stream::iter(starts).buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
        let left = (due * 1_000).saturating_sub(clock.now().as_millis());
        sleep(Duration::from_millis(left + self.world.entropy.next() % 1_000)).await;
        let slot = self.world.any(Role::Orchestrator);
        let served = self.world.served(slot).await;
        self.world.kill(slot);
        sleep(self.world.between(0, 2)).await;
        self.world.restart(slot).await?;
        let what = format!("{} timers are due at once as an orchestrator dies", TIMERS[size]);
        Ok(Strike::of(what).on(served))
    }
}
