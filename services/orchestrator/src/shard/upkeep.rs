//! What a shard does now and then: lets executions go, brings timers into sight, samples queues,
//! trims the log.

use std::sync::Arc;

use flowmill_log::{Log, Partition, Topic, worker_group};
use flowmill_model::{ExecutionId, Offset, Queue, ShardId, Timestamp, limits};
use flowmill_runtime::spawn;
use flowmill_store::{StoreError, TimerRow, Watermark};

use super::live::Live;
use super::serving::Serving;
use super::{Next, ShardMessage};

/// Ticks between two looks at what can be passivated and trimmed.
const UPKEEP_TICKS: u64 = 5;

/// Ticks between two looks at what others may have written into the history of a shard at rest:
/// five seconds. It is asked for when an owner died between its claim and its announcement, so it is
/// rare and must only not last.
const HISTORY_TICKS: u64 = 25;

/// Samples of each queue's picked-up position: an hour's worth at one a second.
const PICKUP_SAMPLES: usize = 3_600;

impl Serving {
    /// Upkeep, several times a second.
    pub(super) fn tick(&mut self) -> Next {
        self.ticks += 1;
        let now = self.shared.clock.now();
        self.timers.advance(now, self.judge.number());
        self.begin_timer_scan();
        self.questions.prune();
        if self.ticks.is_multiple_of(UPKEEP_TICKS) {
            self.passivate(now);
            self.look_at_deferrals(now);
            self.sample_pickups();
            self.look_at_commands();
            self.trim(now);
        }
        if self.ticks.is_multiple_of(HISTORY_TICKS) {
            self.look_at_history();
        }
        Next::Serve
    }

    pub(super) fn begin_timer_scan(&mut self) {
        let Some(scan) = self.timers.begin_scan(self.flushed) else { return };
        let (store, shard) = (Arc::clone(&self.shared.store), self.id);
        let incarnation = self.incarnation;
        self.beside("timer scan", async move {
            let first = flowmill_store::TimerKey {
                due: scan.from,
                execution: ExecutionId::from_bits(0),
                timer: flowmill_model::TimerId::new(0),
            };
            let from = (scan.from > Timestamp::default()).then_some(first);
            let rows = store.timers(shard, from, scan.until, limits::TIMERS_IN_MEMORY).await;
            ShardMessage::TimersRead(incarnation, rows, scan.until)
        });
    }

    /// The timers of the store's table that came into sight.
    pub(super) fn timers_read(
        &mut self,
        rows: Result<Vec<TimerRow>, StoreError>,
        until: Timestamp,
    ) -> Next {
        let rows = match rows {
            Ok(rows) => rows,
            Err(error @ StoreError::Damaged(_)) => return Next::Halt(error.to_string()),
            Err(error) => {
                tracing::warn!(shard = %self.id, %error, %until, "timers cannot be read yet");
                self.timers.scan_failed();
                return Next::Serve;
            }
        };
        self.timers.scanned(&rows);
        if self.tasks_are_derivable() {
            self.resend_of(&rows);
        }
        Next::Serve
    }

    /// Lets go of executions that are at rest and in the store.
    fn passivate(&mut self, now: Timestamp) {
        let after = self.shared.settings.passivate_after;
        let soon = now.after(after);
        let crowded = self.executions.len() > limits::LIVE_EXECUTIONS;
        let idle = |live: &Live| {
            let at_rest = crowded || live.rests_until(soon) || now.since(live.touched) >= after;
            #[cfg(feature = "mutations")]
            if broken!(self.shared.settings, PassivatedBeforeFlush) {
                return live.is_at_rest();
            }
            live.is_settled() && at_rest
        };
        for id in self.executions.select(idle) {
            self.executions.forget(id);
        }
    }

    /// Notes how far each queue's workers have picked tasks up.
    fn sample_pickups(&mut self) {
        let partitions = self.sent.partitions();
        self.pickups.retain(|partition, _| partitions.contains(partition));
        if partitions.is_empty() {
            return;
        }
        let (log, incarnation) = (Arc::clone(&self.shared.log), self.incarnation);
        self.beside("pick-ups", async move {
            let mut found = Vec::new();
            for (queue, number) in partitions {
                let group = worker_group(&queue);
                let partition = Partition::new(Topic::Tasks(queue.clone()), number);
                if let Ok(Some(committed)) = log.committed(&group, &partition).await {
                    found.push(((queue, number), committed));
                }
            }
            ShardMessage::PickedUp(incarnation, found)
        });
    }

    pub(super) fn picked_up(&mut self, found: Vec<((Queue, u16), Offset)>) -> Next {
        let now = self.shared.clock.now();
        for (partition, committed) in found {
            let samples = self.pickups.entry(partition).or_default();
            if samples.back().is_none_or(|(_, last)| *last < committed) {
                samples.push_back((now, committed));
            }
            if samples.len() > PICKUP_SAMPLES {
                samples.pop_front();
            }
        }
        Next::Serve
    }

    /// Looks how many commands wait.
    fn look_at_commands(&self) {
        let (log, incarnation) = (Arc::clone(&self.shared.log), self.incarnation);
        let commands = Partition::of_shard(Topic::Commands, self.id);
        let me = self.me.clone();
        spawn("backlog", async move {
            // What cannot be seen now is seen a second later.
            if let Ok(bounds) = log.bounds(&commands).await {
                drop(me.cast(ShardMessage::CommandsEnd(incarnation, bounds.end)));
            }
        });
    }

    pub(super) fn commands_end(&mut self, end: Offset) -> Next {
        let reached = self.judge.positions().commands;
        self.backlog.looked(self.shared.clock.now(), end, reached);
        Next::Serve
    }

    /// Lets the log forget what no recovery needs: a store that may lose what it acknowledged
    /// needs more than its watermark says.
    fn trim(&mut self, now: Timestamp) {
        if now.since(self.trimmed) < self.shared.settings.trim_every {
            return;
        }
        let Some(watermark) = self.watermark else { return };
        self.trimmed = now;
        let (log, store) = (Arc::clone(&self.shared.log), Arc::clone(&self.shared.store));
        let shard = self.id;
        if !store.may_lose_acknowledged() {
            self.watermark = None;
            spawn("trim", trim_below(log, shard, watermark));
            return;
        }
        spawn("trim", async move {
            match store.watermarks(shard).await {
                Ok(found) => {
                    let Some(margin) = found.and_then(|marks| marks.margin) else { return };
                    trim_below(log, shard, margin).await;
                }
                Err(error) => tracing::warn!(%shard, %error, "the log cannot be trimmed yet"),
            }
        });
    }
}

/// Lets the log forget what stands before the batch of `mark`.
async fn trim_below(log: Arc<dyn Log>, shard: ShardId, mark: Watermark) {
    let below = [
        (Topic::Commands, mark.positions.commands),
        (Topic::Results, mark.positions.results),
        (Topic::History, mark.offset),
    ];
    for (topic, offset) in below {
        let partition = Partition::of_shard(topic, shard);
        if let Err(error) = log.trim(&partition, offset).await {
            tracing::warn!(%error, %partition, "the log cannot be trimmed");
        }
    }
}
