//! One term of ownership: the parts of a shard that live and die with it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{BatchNumber, ExecutionId, Offset, Queue, ShardId, Timestamp, limits};
use flowmill_routing::{ShardState, ShardStatus};
use flowmill_runtime::spawn;
use flowmill_store::Watermark;
use ractor::ActorRef;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backlog::Backlog;
use super::batch::{Open, Ready};
use super::catalogue::Definitions;
use super::intake::{Intake, Pump};
use super::lifecycle::Late;
use super::live::Executions;
use super::loading::{RecentStarts, Resend, Seeding};
use super::outputs::{Courier, Mark, Output, SentTasks};
use super::queries::Questions;
use super::timers::Timers;
use super::unstored::Unstored;
use super::{Next, ShardMessage, Shared, purge};
use crate::projector::{Projected, Projector, Report};
use crate::takeover::Takeover;
use crate::validity::Judge;

/// States looked up in the store at the same time.
const LOADS: usize = 64;

/// How often upkeep runs.
const TICK: Duration = Duration::from_millis(200);

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
    /// The dispatched mark that the term began with.
    pub(super) mark_found: BatchNumber,
    pub(super) sent: SentTasks,
    pub(super) late: Late,
    pub(super) pickups: BTreeMap<(Queue, u16), VecDeque<(Timestamp, Offset)>>,
    pub(super) definitions: Option<Definitions>,
    pub(super) questions: Questions,
    pub(super) deferred: usize,
    pub(super) backlog: Backlog,
    /// The batch after this one is not opened yet.
    pub(super) gathering: Option<BatchNumber>,
    /// Executions whose deferred inputs the next batch renews.
    pub(super) renewals: Vec<ExecutionId>,
    /// The first batch of a term goes out whether or not there is input.
    pub(super) first_batch: bool,
    pub(super) idle_since: Timestamp,
    pub(super) began: Timestamp,
    /// The same, for what must not depend on how wrong clocks are.
    pub(super) since: Instant,
    /// Since when it has been this node's turn to serve the shard.
    pub(super) turn: Instant,
    pub(super) recent: RecentStarts,
    /// Set when the term is to end: who waits for it.
    pub(super) stopping: Option<oneshot::Sender<()>>,
    pub(super) seeding: Option<Seeding>,
    /// Executions whose tasks are sent again once they are loaded.
    pub(super) resend: BTreeMap<ExecutionId, Resend>,
    projector: Option<mpsc::UnboundedSender<Projected>>,
    projection: Option<JoinHandle<()>>,
    pub(super) flushed: BatchNumber,
    pub(super) unstored: Unstored,
    /// What the committed transitions weigh that are not in the store yet, in bytes.
    pub(super) unflushed: usize,
    pub(super) loads: Arc<Semaphore>,
    pub(super) ticks: u64,
    /// Up to where history was judged when it was looked at last.
    pub(super) looked_at: Offset,
    pub(super) watermark: Option<Watermark>,
    pub(super) trimmed: Timestamp,
    pub(super) background: Vec<JoinHandle<()>>,
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
    /// Begins a term with what the take-over found, and since when it has been this node's turn.
    pub(crate) fn begin(
        id: ShardId,
        shared: Shared,
        me: ActorRef<ShardMessage>,
        incarnation: u64,
        (turn, takeover): (Instant, Takeover),
    ) -> Self {
        let Takeover { judge, index, watermark, positions, replay: _ } = takeover;
        let now = shared.clock.now();
        let stored = watermark.map_or(BatchNumber::default(), |mark| mark.batch);
        let pump = Pump { log: Arc::clone(&shared.log), shard: id, me: me.clone(), incarnation };
        let recorded =
            if broken!(shared.settings, MarkForgotten) { judge.number() } else { judge.mark() };
        let above = |(number, record)| (number > recorded).then_some(record);
        let unsent: Vec<_> = index.definitions.iter().cloned().filter_map(above).collect();
        let decided = index.definitions.into_iter().map(|(_, record)| record);
        let definitions = (id == ShardId::new(0))
            .then(|| Definitions::new(shared.catalogue.clone(), shared.settings.shards, decided));
        let mut serving = Self {
            id,
            intake: Intake::start(&pump, positions, &index.deferrals),
            executions: Executions::default(),
            open: None,
            ready: VecDeque::new(),
            rounds: 0,
            timers: Timers::start(shared.clock, me.clone(), incarnation),
            mark: Mark::found(judge.number(), judge.number()),
            mark_found: recorded,
            sent: SentTasks::default(),
            late: Late::default(),
            pickups: BTreeMap::new(),
            definitions,
            questions: Questions::default(),
            deferred: 0,
            backlog: Backlog::default(),
            gathering: None,
            renewals: vec![],
            first_batch: true,
            idle_since: now,
            began: now,
            since: Instant::now(),
            turn,
            recent: RecentStarts::default(),
            stopping: None,
            seeding: None,
            resend: BTreeMap::new(),
            projector: None,
            projection: None,
            flushed: stored,
            unstored: Unstored::found(&index.batches, stored),
            unflushed: 0,
            loads: Arc::new(Semaphore::new(LOADS)),
            ticks: 0,
            looked_at: Offset::new(0),
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
            Arc::clone(&self.shared.settings),
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
        self.background.push(spawn("purge", purge::run(self.id, &self.shared)));
    }

    /// Sends outputs; the mark stays below `batch` until they are acknowledged.
    pub(super) fn deliver(&mut self, batch: BatchNumber, outputs: Vec<Output>) {
        if outputs.is_empty() {
            return;
        }
        self.mark.begin(batch);
        self.send(Some(batch), outputs);
    }

    /// Sends outputs of a batch, or some that the mark does not wait for.
    pub(super) fn send(&self, batch: Option<BatchNumber>, outputs: Vec<Output>) {
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
                self.unstored.stored(mark.batch);
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
            commands_waiting: self.backlog.waiting(),
            commands_lag: self.backlog.lag(),
            deferred: self.deferred,
            credits: self.intake.credits(),
            projection_lag: self.judge.number().get().saturating_sub(self.flushed.get()),
            unstored_since: self.unstored.since(),
            tasks_in_flight: self.sent.len(),
        }
    }

    /// Takes no more input; the term ends once the open batch and the mark are committed.
    pub(crate) fn begin_stop(&mut self, done: oneshot::Sender<()>) -> Next {
        self.stopping = Some(done);
        Next::Serve
    }

    /// Whether the term is to end.
    pub(crate) const fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// Who waits for the term's end.
    pub(crate) fn take_stopping(&mut self) -> Option<oneshot::Sender<()>> {
        self.stopping.take()
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
