//! One term of ownership: the parts of a shard that live and die with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use flowmill_engine::{Execution, evolve};
use flowmill_log::{Partition, ReadLimit, Survival, Topic, worker_group};
use flowmill_model::event::Event;
use flowmill_model::history::{HistoryRecord, RecordedTransition};
use flowmill_model::{BatchNumber, ExecutionId, Offset, Queue, ShardId, Timestamp, limits};
use flowmill_routing::{ShardState, ShardStatus};
use flowmill_runtime::spawn;
use flowmill_store::{Store, StoreError, TimerRow, Watermark};
use ractor::ActorRef;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::batch::{Open, Ready};
use super::catalogue::Definitions;
use super::input::{Input, Parsed};
use super::intake::{Amount, Intake, Pump};
use super::live::{Executions, Live, Phase, weight_of};
use super::outputs::{Courier, Mark, Output, SentTasks};
use super::queries::Questions;
use super::timers::Timers;
use super::{LoadError, Next, ShardMessage, Shared};
use crate::projector::{Change, Projected, Projector, Report};
use crate::takeover::{TailBatch, Takeover};
use crate::validity::Judge;

/// States looked up in the store at the same time.
const LOADS: usize = 64;

/// How often upkeep runs.
const TICK: Duration = Duration::from_millis(200);

/// Ticks between two looks at what can be passivated and trimmed.
const UPKEEP_TICKS: u64 = 5;

/// Pause before a state that could not be loaded is looked up again.
const LOAD_AGAIN: Duration = Duration::from_millis(200);

/// Samples of each queue's picked-up position: an hour's worth at one a second.
const PICKUP_SAMPLES: usize = 3_600;

/// A shard that is owned.
pub(crate) struct Serving {
    pub(super) id: ShardId,
    pub(super) shared: Shared,
    pub(super) me: ActorRef<ShardMessage>,
    pub(super) incarnation: u64,
    pub(super) judge: Judge,
    pub(super) intake: Intake,
    pub(super) executions: Executions,
    pub(super) open: Option<Open>,
    /// Decisions that no batch has taken yet, in order.
    pub(super) ready: VecDeque<Ready>,
    pub(super) rounds: u64,
    pub(super) timers: Timers,
    pub(super) mark: Mark,
    pub(super) sent: SentTasks,
    pub(super) pickups: BTreeMap<(Queue, u16), VecDeque<(Timestamp, Offset)>>,
    pub(super) definitions: Option<Definitions>,
    pub(super) questions: Questions,
    pub(super) deferred: usize,
    /// Executions whose deferred inputs the next batch renews.
    pub(super) renewals: Vec<ExecutionId>,
    /// The first batch of a term goes out whether or not there is input.
    pub(super) first_batch: bool,
    pub(super) idle_since: Timestamp,
    began: Timestamp,
    pub(super) recent: RecentStarts,
    /// Set when the term is to end: who waits for it.
    pub(super) stopping: Option<oneshot::Sender<()>>,
    pub(super) seeding: Option<Seeding>,
    /// Executions whose tasks are sent again once they are loaded.
    pub(super) resend: BTreeMap<ExecutionId, Resend>,
    projector: Option<mpsc::UnboundedSender<Projected>>,
    projection: Option<JoinHandle<()>>,
    pub(super) flushed: BatchNumber,
    /// What the committed transitions weigh that are not in the store yet, in bytes.
    pub(super) unflushed: usize,
    loads: Arc<Semaphore>,
    ticks: u64,
    watermark: Option<Watermark>,
    trimmed: Timestamp,
    background: Vec<JoinHandle<()>>,
}

/// The executions above the watermark, which must be loaded before the projection goes on.
pub(super) struct Seeding {
    tails: BTreeMap<ExecutionId, Vec<(Offset, RecordedTransition)>>,
    batches: Vec<TailBatch>,
    changes: Vec<Change>,
    /// What was committed in the meantime.
    held: Vec<Projected>,
}

/// That a new owner sends an execution's pending tasks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resend {
    /// The batch that the mark stays below until that is done; `None` when a timer guards it.
    holds: Option<BatchNumber>,
}

/// The executions started lately.
#[derive(Debug, Default)]
pub(super) struct RecentStarts {
    ids: BTreeSet<ExecutionId>,
    in_order: VecDeque<(Timestamp, ExecutionId)>,
}

impl RecentStarts {
    /// Notes a start; forgets those that nobody repeats any more.
    pub(super) fn add(&mut self, now: Timestamp, id: ExecutionId) {
        self.ids.insert(id);
        self.in_order.push_back((now, id));
        let old = |entry: &(Timestamp, ExecutionId)| now.since(entry.0) > limits::START_MEMORY;
        while let Some((_, id)) = self.in_order.pop_front_if(|entry| old(entry)) {
            self.ids.remove(&id);
        }
    }

    fn contains(&self, id: ExecutionId) -> bool {
        self.ids.contains(&id)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.background.iter().for_each(JoinHandle::abort);
        if let Some(projection) = self.projection.take() {
            projection.abort();
        }
        self.executions.stop_all();
    }
}

impl Serving {
    /// Begins a term with what the take-over found.
    pub(crate) fn begin(
        id: ShardId,
        shared: Shared,
        me: ActorRef<ShardMessage>,
        incarnation: u64,
        takeover: Takeover,
    ) -> Self {
        let Takeover { judge, index, watermark, positions } = takeover;
        let now = shared.clock.now();
        let pump = Pump { log: Arc::clone(&shared.log), shard: id, me: me.clone(), incarnation };
        let recorded = judge.mark();
        let above = |(number, record)| (number > recorded).then_some(record);
        let unsent: Vec<_> = index.definitions.iter().cloned().filter_map(above).collect();
        let decided = index.definitions.into_iter().map(|(_, record)| record);
        let definitions = (id == ShardId::new(0))
            .then(|| Definitions::new(shared.catalogue.clone(), shared.settings.shards, decided));
        let mut serving = Self {
            id,
            intake: Intake::start(&pump, positions),
            executions: Executions::default(),
            open: None,
            ready: VecDeque::new(),
            rounds: 0,
            timers: Timers::start(shared.clock, me.clone(), incarnation),
            mark: Mark::found(judge.number(), judge.number()),
            sent: SentTasks::default(),
            pickups: BTreeMap::new(),
            definitions,
            questions: Questions::default(),
            deferred: 0,
            renewals: vec![],
            first_batch: true,
            idle_since: now,
            began: now,
            recent: RecentStarts::default(),
            stopping: None,
            seeding: None,
            resend: BTreeMap::new(),
            projector: None,
            projection: None,
            flushed: watermark.map_or(BatchNumber::default(), |mark| mark.batch),
            unflushed: 0,
            loads: Arc::new(Semaphore::new(LOADS)),
            ticks: 0,
            watermark,
            trimmed: now,
            background: Vec::new(),
            judge,
            shared,
            me,
            incarnation,
        };
        serving.start_projector();
        serving.start_background();
        serving.seed(index.events, index.batches, recorded);
        serving.restore_deferrals(index.deferrals);
        serving.resend_definitions(unsent, recorded);
        serving
    }

    /// How long the term has lasted.
    pub(crate) fn served(&self) -> Duration {
        self.shared.clock.now().since(self.began)
    }

    /// Runs `work` beside the shard and tells it what came of it.
    pub(super) fn beside<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ShardMessage> + Send + 'static,
    {
        let me = self.me.clone();
        spawn(name, async move {
            let message = work.await;
            drop(me.cast(message));
        });
    }

    fn start_projector(&mut self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (me, incarnation) = (self.me.clone(), self.incarnation);
        let report = move |report| drop(me.cast(ShardMessage::Projection(incarnation, report)));
        let projector = Projector::new(
            Arc::clone(&self.shared.store),
            self.id,
            self.shared.log.identity(),
            self.shared.settings.flush_every,
            report,
        );
        self.projector = Some(sender);
        self.projection = Some(spawn("projector", projector.run(receiver)));
    }

    fn start_background(&mut self) {
        let (me, incarnation) = (self.me.clone(), self.incarnation);
        self.background.push(spawn("shard tick", async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                if me.cast(ShardMessage::Tick(incarnation)).is_err() {
                    return;
                }
            }
        }));
        let (me, mut catalogue) = (self.me.clone(), self.shared.catalogue.clone());
        self.background.push(spawn("catalogue news", async move {
            loop {
                catalogue.changed().await;
                if me.cast(ShardMessage::CatalogueChanged(incarnation)).is_err() {
                    return;
                }
            }
        }));
        self.watch_claims();
    }

    /// Follows history, to learn of another owner's claim also while there is nothing to commit.
    fn watch_claims(&mut self) {
        let history = Partition::of_shard(Topic::History, self.id);
        let mut reader = self.shared.log.reader(&history, self.judge.next());
        let (me, incarnation) = (self.me.clone(), self.incarnation);
        let epoch = self.judge.epoch();
        let limit = ReadLimit {
            records: std::num::NonZeroUsize::new(256).expect("not zero"),
            bytes: limits::RECORD_BYTES,
        };
        self.background.push(spawn("claim watch", async move {
            loop {
                let Ok(records) = reader.read(limit).await else { return };
                let newer =
                    |value: &[u8]| HistoryRecord::claim_of(value).is_some_and(|e| e > epoch);
                let fenced = records.iter().any(|fetched| newer(&fetched.record.value));
                if fenced && me.cast(ShardMessage::ForeignClaim(incarnation)).is_err() {
                    return;
                }
            }
        }));
    }

    /// Has every execution above the watermark loaded, for the projection and, above the mark,
    /// to send its tasks again.
    fn seed(
        &mut self,
        tails: BTreeMap<ExecutionId, Vec<(Offset, RecordedTransition)>>,
        batches: Vec<TailBatch>,
        recorded: BatchNumber,
    ) {
        let first_unsent = batches.iter().find(|b| b.number > recorded).map(|b| b.offset);
        let derivable = self.tasks_are_derivable();
        for (id, tail) in &tails {
            let unsent = tail.last().is_some_and(|(at, _)| first_unsent.is_some_and(|f| *at >= f));
            if derivable || unsent {
                let holds = recorded.next();
                self.resend.insert(*id, Resend { holds: Some(holds) });
                self.mark.begin(holds);
            }
        }
        let ids: Vec<_> = tails.keys().copied().collect();
        self.seeding = Some(Seeding { tails, batches, changes: vec![], held: vec![] });
        ids.into_iter().for_each(|id| self.load(id));
        self.finish_seeding();
    }

    /// Whether a new owner must send every pending task again.
    pub(super) fn tasks_are_derivable(&self) -> bool {
        // Task queues are made on first use and as results are, which are there from the start.
        self.shared.log.survival(&Topic::Results) == Survival::Derivable
    }

    fn restore_deferrals(
        &mut self,
        deferrals: BTreeMap<flowmill_model::history::InputRef, crate::takeover::PendingDeferral>,
    ) {
        let mut in_order: Vec<_> = deferrals.into_iter().collect();
        in_order.sort_by_key(|(_, pending)| pending.order);
        for (input, pending) in in_order {
            let held = Amount { records: 1, bytes: pending.record.0.len() };
            self.intake.hold(input.topic, held);
            let parsed = Parsed::read(self.id, input, pending.record.0, pending.since);
            let Parsed::Input(mut input) = parsed else { continue };
            input.renewed = self.began;
            self.deferred += 1;
            let id = input.execution;
            self.ensure(id, false);
            if let Some(live) = self.executions.get_mut(id) {
                live.waiting.push_back(input);
            }
            self.give_waiting(id);
        }
    }

    fn resend_definitions(
        &mut self,
        unsent: Vec<flowmill_model::history::DefinitionRecord>,
        recorded: BatchNumber,
    ) {
        if !unsent.is_empty() {
            let outputs = unsent.into_iter().map(Output::Definition).collect();
            self.deliver(recorded.next(), outputs);
        }
    }

    /// Sends outputs; the mark stays below `batch` until they are acknowledged.
    pub(super) fn deliver(&mut self, batch: BatchNumber, outputs: Vec<Output>) {
        if outputs.is_empty() {
            return;
        }
        self.mark.begin(batch);
        let courier = Courier {
            log: Arc::clone(&self.shared.log),
            clock: self.shared.clock,
            task_partitions: self.shared.settings.task_partitions,
        };
        let incarnation = self.incarnation;
        self.beside("courier", async move {
            ShardMessage::Dispatched(incarnation, courier.deliver(batch, outputs).await)
        });
    }

    /// Hands what a batch decided to the projector, once the executions above the watermark are
    /// all loaded.
    pub(super) fn project(&mut self, projected: Projected) {
        match (&mut self.seeding, &self.projector) {
            (Some(seeding), _) => seeding.held.push(projected),
            // The projector ends before the shard only when the store is damaged; that was told.
            (None, Some(projector)) => drop(projector.send(projected)),
            (None, None) => {}
        }
    }

    /// Makes sure an execution is in memory, or on its way there.
    pub(super) fn ensure(&mut self, id: ExecutionId, fresh: bool) {
        let now = self.shared.clock.now();
        if let Some(live) = self.executions.get_mut(id) {
            live.touched = now;
            return;
        }
        if fresh {
            self.executions.insert(id, Live::new(Phase::Idle, None, now));
        } else {
            self.load(id);
        }
    }

    /// Whether an input starts an execution that certainly is not there yet, so that no look
    /// into the store is needed: its id is new by construction, and this owner knows every such
    /// start of the time in which a gateway may repeat it.
    pub(super) fn is_fresh(&self, input: &Input) -> bool {
        let Some(sent_at) = input.unkeyed_start() else { return false };
        let now = self.shared.clock.now();
        let repeatable = now.since(sent_at) >= limits::START_REPEATS;
        let knows_all = now.since(self.began) >= limits::START_MEMORY;
        knows_all && !repeatable && !self.recent.contains(input.execution)
    }

    /// Looks an execution's state up.
    pub(super) fn load(&mut self, id: ExecutionId) {
        let now = self.shared.clock.now();
        if self.executions.get(id).is_none() {
            self.executions.insert(id, Live::new(Phase::Loading, None, now));
        }
        let tail = self.seeding.as_ref().and_then(|seeding| seeding.tails.get(&id));
        let tail = tail.cloned().unwrap_or_default();
        let (store, loads) = (Arc::clone(&self.shared.store), Arc::clone(&self.loads));
        let incarnation = self.incarnation;
        self.beside("load", async move {
            let permit = loads.acquire_owned().await;
            let loaded = load(store.as_ref(), id, &tail).await;
            drop(permit);
            if matches!(loaded, Err(LoadError::Store(_))) {
                tokio::time::sleep(LOAD_AGAIN).await;
            }
            ShardMessage::Loaded(incarnation, id, loaded)
        });
    }

    pub(super) fn loaded(
        &mut self,
        id: ExecutionId,
        loaded: Result<Option<Arc<Execution>>, LoadError>,
    ) -> Next {
        let committed = match loaded {
            Ok(committed) => committed,
            Err(LoadError::Store(error @ StoreError::Damaged(_))) => {
                return Next::Halt(error.to_string());
            }
            Err(LoadError::Damaged(why)) => {
                return Next::Halt(format!("the state of execution {id} cannot be used: {why}"));
            }
            Err(LoadError::Store(error)) => {
                tracing::warn!(shard = %self.id, execution = %id, %error, "loading again");
                self.load(id);
                return Next::Serve;
            }
        };
        let Some(live) = self.executions.get_mut(id) else { return Next::Serve };
        live.phase = Phase::Idle;
        live.committed.clone_from(&committed);
        if let Some(execution) = &committed {
            self.seeded(id, execution);
            self.send_again(execution);
        }
        self.give_group(id);
        self.give_waiting(id);
        self.answer_readers(id);
        Next::Serve
    }

    /// Takes in an execution from above the watermark.
    fn seeded(&mut self, id: ExecutionId, execution: &Arc<Execution>) {
        let Some(seeding) = &mut self.seeding else { return };
        let Some(tail) = seeding.tails.remove(&id) else { return };
        let Some((offset, _)) = tail.last() else { return };
        let offset = *offset;
        let transitions: Vec<_> = tail.into_iter().map(|(_, recorded)| recorded).collect();
        if let Some(live) = self.executions.get_mut(id) {
            live.unflushed.extend(transitions.iter().cloned());
            self.unflushed += transitions.iter().map(weight_of).sum::<usize>();
        }
        for row in crate::projector::timer_rows(execution) {
            self.timers.set(row.key);
        }
        // The rows hold whatever earlier timers there were; each is checked when it is due.
        let after = Arc::clone(execution);
        seeding.changes.push(Change { id, offset, before: None, after, transitions });
        self.finish_seeding();
    }

    fn finish_seeding(&mut self) {
        let done = self.seeding.as_ref().is_some_and(|seeding| seeding.tails.is_empty());
        if !done {
            return;
        }
        let Some(Seeding { batches, changes, held, .. }) = self.seeding.take() else { return };
        if !batches.is_empty() {
            self.project(Projected { batches, changes });
        }
        held.into_iter().for_each(|projected| self.project(projected));
    }

    /// Sends an execution's pending tasks again, if this term owes it.
    fn send_again(&mut self, execution: &Arc<Execution>) {
        let Some(Resend { holds }) = self.resend.remove(&execution.id()) else { return };
        tracing::debug!(execution = %execution.id(), "sending pending tasks again");
        let (epoch, number) = (self.judge.epoch(), self.judge.number());
        let task = |spec| Output::task(execution, spec, epoch, number);
        let outputs: Vec<_> = execution.tasks().filter_map(task).collect();
        self.shared.metrics.redispatched(outputs.len());
        self.deliver(holds.unwrap_or_else(|| number.next()), outputs);
        if let Some(holds) = holds {
            self.mark.end(holds);
        }
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

    /// Sends the tasks again that timers found in the table guard: their queues are gone.
    fn resend_of(&mut self, rows: &[TimerRow]) {
        for row in rows.iter().filter(|row| row.task) {
            let id = row.key.execution;
            let known = self.sent.knows(id) || self.resend.contains_key(&id);
            if known || self.executions.get(id).is_some() {
                continue;
            }
            self.resend.insert(id, Resend { holds: None });
            self.load(id);
        }
    }

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
            self.trim(now);
        }
        Next::Serve
    }

    fn begin_timer_scan(&mut self) {
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

    /// Lets go of executions that are at rest and in the store.
    fn passivate(&mut self, now: Timestamp) {
        let after = self.shared.settings.passivate_after;
        let soon = now.after(after);
        let crowded = self.executions.len() > limits::LIVE_EXECUTIONS;
        let idle = |live: &Live| {
            let at_rest = crowded || live.rests_until(soon) || now.since(live.touched) >= after;
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

    /// Lets the log forget what the watermark covers.
    fn trim(&mut self, now: Timestamp) {
        if now.since(self.trimmed) < self.shared.settings.trim_every {
            return;
        }
        let Some(mark) = self.watermark.take() else { return };
        self.trimmed = now;
        let log = Arc::clone(&self.shared.log);
        let below = [
            (Topic::Commands, mark.positions.commands),
            (Topic::Results, mark.positions.results),
            (Topic::History, mark.offset),
        ];
        let shard = self.id;
        spawn("trim", async move {
            for (topic, offset) in below {
                let partition = Partition::of_shard(topic, shard);
                if let Err(error) = log.trim(&partition, offset).await {
                    tracing::warn!(%error, %partition, "the log cannot be trimmed");
                }
            }
        });
    }

    pub(super) fn reported(&mut self, report: Report) -> Next {
        match report {
            Report::Flushed { executions, through } => {
                self.flushed = through;
                let soon = self.shared.clock.now().after(self.shared.settings.passivate_after);
                for (id, sequence) in executions {
                    let Some(live) = self.executions.get_mut(id) else { continue };
                    self.unflushed -= live.flushed(sequence);
                    if live.is_settled() && live.rests_until(soon) {
                        self.executions.forget(id);
                    }
                }
                self.begin_timer_scan();
                Next::Serve
            }
            Report::Watermark(mark) => {
                self.watermark = Some(mark);
                Next::Serve
            }
            Report::Damaged(error) => Next::Halt(error.to_string()),
        }
    }

    /// How the shard stands.
    pub(crate) fn status(&self) -> ShardStatus {
        let full = self.deferred * 2 >= limits::DEFERRED_INPUTS;
        ShardStatus {
            state: match (self.first_batch, full) {
                (true, _) => ShardState::Claiming,
                (false, true) => ShardState::Full,
                (false, false) => ShardState::Open,
            },
            epoch: self.judge.epoch().get(),
            actors: self.executions.actors(),
            deferred: self.deferred,
            credits: self.intake.credits(),
            projection_lag: self.judge.number().get().saturating_sub(self.flushed.get()),
            tasks_in_flight: self.sent.len(),
        }
    }

    /// Takes no more input; the term ends once the open batch and the mark are committed.
    pub(crate) fn begin_stop(&mut self, done: oneshot::Sender<()>) -> Next {
        self.stopping = Some(done);
        Next::Serve
    }

    /// Whether a term that is to end has nothing left to commit.
    pub(super) fn stop_if_done(&mut self) -> Next {
        match self.stopping.take_if(|_| self.open.is_none()) {
            None => Next::Serve,
            Some(done) => Next::Stop(done),
        }
    }

    /// Ends the term in good order: what is committed is flushed, the watermark moved.
    pub(crate) fn finish(mut self: Box<Self>, done: oneshot::Sender<()>) {
        let me = self.me.clone();
        self.projector = None;
        let projection = self.projection.take();
        drop(self);
        spawn("shard end", async move {
            if let Some(projection) = projection {
                drop(projection.await);
            }
            me.stop(None);
            super::answer(done);
        });
    }
}

/// Looks a state up and brings it up to date with the events above the watermark.
async fn load(
    store: &dyn Store,
    id: ExecutionId,
    tail: &[(Offset, RecordedTransition)],
) -> Result<Option<Arc<Execution>>, LoadError> {
    let damaged = |why: String| LoadError::Damaged(why);
    let stored = store.load(id).await.map_err(LoadError::Store)?;
    if stored.is_none() && tail.is_empty() {
        return Ok(None);
    }
    let mut execution = match stored {
        Some(row) => Execution::decode(&row.state).map_err(|error| damaged(error.to_string()))?,
        None => Execution::new(id),
    };
    for (_, RecordedTransition { transition, .. }) in tail {
        let events = Event::decode_all(&transition.events.0);
        let events = events.map_err(|error| damaged(error.to_string()))?;
        let mut at = transition.first;
        for event in &events {
            if at > execution.sequence() {
                return Err(damaged(format!("events before {at} are missing")));
            }
            if at == execution.sequence() {
                evolve(&mut execution, event);
            }
            at = at.next();
        }
    }
    Ok(Some(Arc::new(execution)))
}
