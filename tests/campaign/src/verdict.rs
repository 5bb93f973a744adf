//! What became of everything, once all works again and nobody calls any more.
//!
//! The histories that the witness saw are judged and folded by the simulation's checker, which is not
//! the code under test. They are compared with what callers were told, with what the service that was
//! called recorded, and with the store. What the API says is looked at for some of the executions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flowmill_api::ExecutionStatus;
use flowmill_client::ListQuery;
use flowmill_engine::Execution;
use flowmill_log::{Log, Partition, Topic};
use flowmill_model::{ExecutionId, ShardId};
use flowmill_sim::checker::{History, compare};
use flowmill_store::Store;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::callers::Callers;
use crate::flows::Kind;
use crate::ledger::Started;
use crate::sink::Sink;
use crate::witness::Witness;

/// How long everything may take to end once all works again (I7).
pub(crate) const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// How long it is waited for an end before an execution counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(600);

/// How often one that cannot be read then is asked for in all.
const TRIES: u64 = 10;

/// How long the witness and the store may take to catch up.
const CATCH_UP: Duration = Duration::from_secs(120);

/// Pause between two looks at the list of what has completed.
const LIST_AGAIN: Duration = Duration::from_secs(5);

/// Executions are asked for at the API one in so many.
const SAMPLE: usize = 10;

/// Requests at the same time.
const AT_ONCE: usize = 32;

/// What there is to be looked at.
pub(crate) struct Evidence<'a> {
    pub(crate) callers: &'a Callers,
    pub(crate) sink: &'a Sink,
    pub(crate) witness: &'a Witness,
    pub(crate) log: &'a Arc<dyn Log>,
    pub(crate) store: &'a dyn Store,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What must not be.
    pub(crate) violations: Vec<String>,
    pub(crate) executions: usize,
    pub(crate) transitions: usize,
    pub(crate) batches: usize,
    /// Records of histories that do not count: those of fenced owners.
    pub(crate) skipped: usize,
    pub(crate) claims: usize,
    pub(crate) deferred: usize,
    pub(crate) calls: u64,
    /// How long it took until everything had ended.
    pub(crate) ended_after: Duration,
}

impl Evidence<'_> {
    /// Gives open executions their signal, repeats what was never answered, and waits until all have
    /// ended.
    pub(crate) async fn let_end(&self, verdict: &mut Verdict) {
        let begun = Instant::now();
        let unanswered = self.callers.ledger.unanswered();
        eprintln!("{} starts are repeated that had no answer", unanswered.len());
        stream::iter(unanswered)
            .for_each_concurrent(AT_ONCE, |(key, kind)| async move {
                self.callers.start(0, &key, kind).await;
            })
            .await;
        let started = self.callers.ledger.all();
        let waiting = started.iter().filter(|(_, start)| start.kind == Kind::Open);
        stream::iter(waiting)
            .for_each_concurrent(AT_ONCE, |(key, start)| self.callers.signal(0, start.id, key))
            .await;
        eprintln!("{} executions are to end", started.len());
        let listed = self.listed_as_completed(begun + STUCK_AFTER).await;
        let others = started.iter().filter(|(_, start)| !listed.contains(&start.id));
        let stuck = stream::iter(others)
            .map(|(key, start)| async move { self.ends(key, start, begun + STUCK_AFTER).await })
            .buffer_unordered(AT_ONCE)
            .filter_map(|stuck| async { stuck });
        verdict.violations.extend(stuck.collect::<Vec<_>>().await);
        verdict.ended_after = begun.elapsed();
    }

    /// Which executions the list shows as completed, once it shows all that were started or no more
    /// are added. Pages are much faster than a question for each; who is not among these is asked for.
    async fn listed_as_completed(&self, deadline: Instant) -> BTreeSet<ExecutionId> {
        let started = self.callers.ledger.all().len();
        let mut listed = BTreeSet::new();
        for turn in 0.. {
            let before = listed.len();
            let query =
                ListQuery { status: Some(ExecutionStatus::Completed), ..ListQuery::default() };
            let pages = self.callers.ways.at(turn).list(query).map_ok(|entry| entry.id);
            // Gateways that do not answer yet are asked again.
            let answered = pages.try_collect::<BTreeSet<_>>().await.map(|ids| listed = ids).is_ok();
            let settled = answered && (listed.len() >= started || listed.len() == before);
            if settled || Instant::now() >= deadline {
                break;
            }
            sleep(LIST_AGAIN).await;
        }
        listed
    }

    /// Waits for an execution's end; says what is wrong if it does not come.
    async fn ends(&self, key: &str, start: &Started, deadline: Instant) -> Option<String> {
        let mut turn = 0;
        loop {
            // Each is asked for, however late: with many, asking alone takes minutes.
            let late = Instant::now() >= deadline;
            let wait = if late { Duration::ZERO } else { Duration::from_secs(20) };
            match self.callers.ways.at(turn).wait(start.id, wait).await {
                Ok(execution) if execution.status == ExecutionStatus::Completed => return None,
                Ok(execution) if execution.status.is_ended() => {
                    return Some(format!("{key}, {}, ended as {:?}", start.id, execution.status));
                }
                Ok(_) if late => return Some(format!("I7: {key}, {}, never ends", start.id)),
                Ok(_) => {}
                Err(error) if error.status() == Some(404) => {
                    return Some(format!("I10: {key}, {}, is unknown", start.id));
                }
                Err(error) if late && turn >= TRIES => {
                    return Some(format!("I7: {key}, {}, cannot be read: {error}", start.id));
                }
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
            turn += 1;
        }
    }

    /// Compares everything with everything.
    pub(crate) async fn judge(&self, verdict: &mut Verdict) -> anyhow::Result<()> {
        let started = self.callers.ledger.all();
        self.witness_catches_up().await?;
        let mut histories = Vec::new();
        for (shard, records) in (0..).map(ShardId::new).zip(self.witness.records()) {
            let history = History::read(records);
            verdict.add(shard, &history);
            histories.push((shard, history));
        }
        check_starts(&started, &histories, self.callers.ledger.without_key(), verdict);
        self.check_store(&histories, verdict).await;
        self.check_list(&histories, verdict).await?;
        self.check_calls(&started, verdict);
        let sample = started.iter().step_by(SAMPLE);
        let wrong = stream::iter(sample)
            .map(|(key, start)| self.check_api(key, start))
            .buffer_unordered(AT_ONCE);
        let wrong: Vec<Option<String>> = wrong.try_collect().await?;
        verdict.violations.extend(wrong.into_iter().flatten());
        verdict.violations.extend(self.callers.ledger.violations());
        Ok(())
    }

    async fn witness_catches_up(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + CATCH_UP;
        for (shard, _) in self.witness.positions().iter().enumerate() {
            let history = Partition::of_shard(Topic::History, ShardId::new(u16::try_from(shard)?));
            let end = self.log.bounds(&history).await?.end.get();
            while self.witness.positions()[shard] < end {
                anyhow::ensure!(Instant::now() < deadline, "{history} cannot be read to its end");
                sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// The store holds what the histories say, once it has caught up.
    async fn check_store(&self, histories: &[(ShardId, History)], verdict: &mut Verdict) {
        let deadline = Instant::now() + CATCH_UP;
        let looking = histories.iter().map(|(shard, history)| async move {
            loop {
                let wrong = compare(self.store, *shard, history).await;
                if wrong.is_empty() || Instant::now() >= deadline {
                    return wrong;
                }
                sleep(Duration::from_secs(1)).await;
            }
        });
        verdict.violations.extend(join_all(looking).await.into_iter().flatten());
    }

    /// The list has the executions that there are, each once, and no others.
    async fn check_list(
        &self,
        histories: &[(ShardId, History)],
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        let executions = histories.iter().flat_map(|(_, history)| history.executions.keys());
        let expected: BTreeSet<_> = executions.copied().collect();
        let deadline = Instant::now() + CATCH_UP;
        loop {
            let listed = self.callers.ways.at(0).list(ListQuery::default());
            let listed: Vec<_> = listed.map_ok(|entry| entry.id).try_collect().await?;
            let unique: BTreeSet<_> = listed.iter().copied().collect();
            if unique == expected && unique.len() == listed.len() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let (twice, strange) =
                    (listed.len() - unique.len(), unique.difference(&expected).count());
                let missing = expected.difference(&unique).count();
                verdict.violations.push(format!(
                    "I4: of the list, {missing} are missing, {strange} are not there, \
                     {twice} are there twice"
                ));
                return Ok(());
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Each execution that calls has called, under one key and with one body.
    fn check_calls(&self, started: &BTreeMap<String, Started>, verdict: &mut Verdict) {
        let mut by_start: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, called) in self.sink.calls() {
            verdict.calls += u64::from(called.times);
            if called.differed {
                verdict.violations.push(format!("I5: {key} came with two bodies"));
            }
            let body: Option<Value> = serde_json::from_slice(&called.body).ok();
            let start = body.as_ref().and_then(|body| body["key"].as_str());
            match start {
                Some(start) => by_start.entry(start.to_owned()).or_default().push(key),
                None => verdict.violations.push(format!("I5: {key} came with a strange body")),
            }
        }
        for (start, keys) in &by_start {
            let known = started.get(start).is_some_and(|start| start.kind.calls());
            if !known || keys.len() != 1 {
                let times = keys.len();
                verdict.violations.push(format!("I5: {start} called under {times} keys"));
            }
        }
        let calling = started.iter().filter(|(_, start)| start.kind.calls());
        let never = calling.filter(|(key, _)| !by_start.contains_key(*key));
        let never = never.map(|(key, _)| format!("I5: {key} completed without its call"));
        verdict.violations.extend(never);
    }

    /// The API says of an execution what must be, and its key still names it.
    async fn check_api(&self, key: &str, start: &Started) -> anyhow::Result<Option<String>> {
        let way = self.callers.ways.at(1);
        let events: Vec<_> = way.history(start.id).try_collect().await?;
        let sequences = events.iter().map(|event| event.sequence);
        if !sequences.eq(0..u64::try_from(events.len())?) {
            return Ok(Some(format!("I2: the history of {} has gaps or repeats", start.id)));
        }
        let ends = events.iter().filter(|event| event.kind == "completed").count();
        if ends != 1 {
            return Ok(Some(format!("I2: {} ended {ends} times", start.id)));
        }
        // Another id under the same key is noted by the ledger.
        if start.kind != Kind::Nothing {
            self.callers.start(1, key, start.kind).await;
        }
        Ok(None)
    }
}

/// Every acknowledged start exists and has ended; nothing exists that nobody started.
fn check_starts(
    started: &BTreeMap<String, Started>,
    histories: &[(ShardId, History)],
    without_key: usize,
    verdict: &mut Verdict,
) {
    let executions = histories.iter().flat_map(|(_, history)| &history.executions);
    let executions: BTreeMap<_, _> = executions.collect();
    let ids: BTreeSet<_> = started.values().map(|start| start.id).collect();
    for (key, start) in started {
        match executions.get(&start.id) {
            None => {
                let what = format!("I1: the acknowledged start {key}, {}, is lost", start.id);
                verdict.violations.push(what);
            }
            Some(execution) if !execution.is_ended() => {
                verdict.violations.push(format!("I7: {} has not ended", start.id));
            }
            Some(_) => {}
        }
    }
    let strange = executions.iter().filter(|(id, _)| !ids.contains(id));
    let (nothing, strange): (Vec<_>, Vec<_>) =
        strange.partition(|(_, execution)| is_nothing(execution));
    verdict.violations.extend(strange.iter().map(|(id, _)| format!("I1: nobody started {id}")));
    let answered = started.keys().filter(|key| key.starts_with("nothing-")).count();
    if nothing.len() + answered > without_key {
        let what = format!(
            "I1: {} executions, {without_key} starts without a key",
            nothing.len() + answered
        );
        verdict.violations.push(what);
    }
}

/// Whether it is one of a start without a key, whose answer may have been lost.
fn is_nothing(execution: &Execution) -> bool {
    execution.flow().is_some_and(|(version, _)| version.flow.to_string() == Kind::Nothing.flow())
}

impl Verdict {
    /// How many violations each invariant has: `I2` of `shard 3: I2: ...`.
    pub(crate) fn by_invariant(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        let names_one = |part: &&str| part.starts_with(['I', 'S']) && part.len() <= 3;
        for violation in &self.violations {
            let invariant = violation.split(": ").find(names_one).unwrap_or("others");
            *counts.entry(invariant).or_default() += 1;
        }
        counts
    }

    fn add(&mut self, shard: ShardId, history: &History) {
        self.executions += history.executions.len();
        self.transitions += history.transitions;
        self.batches += history.batches.len();
        self.skipped += history.skipped.len();
        self.claims += history.claims.len();
        self.deferred += history.deferred;
        let wrong = history.violations.iter().chain(&history.early);
        self.violations.extend(wrong.map(|what| format!("shard {shard}: {what}")));
        if history.unresolved() > 0 {
            let what = format!("S1: shard {shard}: {} inputs are unresolved", history.unresolved());
            self.violations.push(what);
        }
    }
}
