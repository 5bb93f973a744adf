//! The actor of one shard: everything that becomes true of its executions goes through it.
//!
//! It is a state machine fed by messages. Tasks around it read the log, load states, append,
//! send and wait for timers, and tell it what came of it; it never waits itself. An
//! *incarnation* is one term of ownership: it begins with a claim and ends when the shard is
//! fenced or an outcome is unknown. Everything staged belongs to an incarnation and is dropped
//! with it; messages of an earlier one are ignored.

mod announcing;
mod backlog;
mod batch;
mod catalogue;
mod claims;
mod commit;
mod deciding;
mod deferrals;
mod gathering;
mod input;
mod intake;
mod lifecycle;
mod live;
mod loading;
mod message;
mod outputs;
mod purge;
mod queries;
mod serving;
mod spans;
mod timers;
mod unstored;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use crate::measure::Measure;
use flowmill_catalog::Catalogue;
use flowmill_log::{Log, ReadError};
use flowmill_model::ShardId;
use flowmill_routing::{Directory, Inbox, Request, ShardState, ShardStatus};
use flowmill_runtime::{Clock, Entropy, spawn};
use flowmill_store::Store;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::settings::Settings;
use crate::takeover::{Alarm, Claimant, Takeover};
pub(crate) use input::{command_of, kept};
pub use message::{LoadError, ShardMessage};
use serving::Serving;

/// A term that lasted this long was not one of several nodes fencing each other.
const LONG_TERM: Duration = Duration::from_secs(10);

/// The longest pause before the second claim in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What every shard of a node shares.
#[derive(Clone)]
pub struct Shared {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The deployed flows.
    pub catalogue: Catalogue,
    /// What the owners of shards announce.
    pub directory: Directory,
    /// The clock.
    pub clock: Clock,
    /// Seeds of decisions.
    pub entropy: Entropy,
    /// Figures.
    pub metrics: Measure,
    /// The runtime that execution actors decide on.
    pub deciders: Handle,
    /// Settings.
    pub settings: Arc<Settings>,
}

/// Makes shard actors; holds nothing itself.
pub struct ShardActor;

/// What a shard's actor starts with.
pub struct Arguments {
    /// The shard.
    pub shard: ShardId,
    /// What it shares with others.
    pub shared: Shared,
    /// Where questions come from and its state is published.
    pub inbox: Inbox,
}

/// A shard's actor.
pub struct Shard {
    pub(crate) id: ShardId,
    pub(crate) shared: Shared,
    pub(crate) me: ActorRef<ShardMessage>,
    status: watch::Sender<ShardStatus>,
    incarnation: u64,
    /// Terms that ended early, one after the other; sets the pause before the next claim.
    short_terms: u32,
    /// Since when the shard has been this node's turn and is not served.
    turn: Instant,
    phase: Phase,
    /// The shard is another node's turn: this term is the last.
    handing_over: bool,
    questions: JoinHandle<()>,
}

enum Phase {
    /// Reading and claiming.
    TakingOver(JoinHandle<()>),
    /// Owned.
    Serving(Box<Serving>),
    /// Stopped until somebody has looked.
    Halted,
    /// Stopped for good.
    Stopped,
}

/// What a step of serving asks for.
pub(crate) enum Next {
    /// Go on.
    Serve,
    /// Drop the incarnation and claim again; why.
    Reclaim(String),
    /// Stop the shard; why.
    Halt(String),
    /// End the term in good order and tell who waits.
    Stop(oneshot::Sender<()>),
}

impl From<Alarm> for Next {
    /// A log that is away for a while is no reason to stand still for good: the next claim waits
    /// for it.
    fn from(alarm: Alarm) -> Self {
        match alarm {
            Alarm::Log(ReadError::Unavailable(why)) => Self::Reclaim(why),
            other @ (Alarm::Broken(_)
            | Alarm::Undecodable { .. }
            | Alarm::WatermarkMissing(_)
            | Alarm::NoWatermark(_)
            | Alarm::InputPosition { .. }
            | Alarm::Log(_)
            | Alarm::Store(_)
            | Alarm::UnknownDeferral(_)) => Self::Halt(other.to_string()),
        }
    }
}

impl Actor for ShardActor {
    type Msg = ShardMessage;
    type State = Shard;
    type Arguments = Arguments;

    async fn pre_start(
        &self,
        me: ActorRef<ShardMessage>,
        arguments: Arguments,
    ) -> Result<Shard, ActorProcessingErr> {
        let Arguments { shard, shared, inbox } = arguments;
        let Inbox { mut requests, status } = inbox;
        let asked = me.clone();
        let questions = spawn("shard questions", async move {
            while let Some(request) = requests.recv().await {
                if asked.cast(ShardMessage::Ask(request)).is_err() {
                    return;
                }
            }
        });
        let phase = Phase::Halted;
        let mut shard = Shard {
            id: shard,
            shared,
            me,
            status,
            incarnation: 0,
            short_terms: 0,
            turn: Instant::now(),
            phase,
            handing_over: false,
            questions,
        };
        shard.take_over();
        Ok(shard)
    }

    async fn handle(
        &self,
        _me: ActorRef<ShardMessage>,
        message: ShardMessage,
        shard: &mut Shard,
    ) -> Result<(), ActorProcessingErr> {
        shard.on(message);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _me: ActorRef<ShardMessage>,
        event: SupervisionEvent,
        shard: &mut Shard,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(actor, error) = event {
            let panic = error.to_string();
            shard.serve(|serving| serving.actor_failed(actor.get_id(), &panic));
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _me: ActorRef<ShardMessage>,
        shard: &mut Shard,
    ) -> Result<(), ActorProcessingErr> {
        shard.questions.abort();
        shard.phase = Phase::Stopped;
        Ok(())
    }
}

impl Shard {
    fn on(&mut self, message: ShardMessage) {
        if message.incarnation().is_some_and(|of| of != self.incarnation) {
            return;
        }
        match message {
            ShardMessage::TakenOver(_, outcome) => self.taken_over(*outcome),
            ShardMessage::HandOver => self.hand_over(),
            ShardMessage::Stop(done) => self.stop(done),
            ShardMessage::Turn(pulse) => pulse.beat(),
            ShardMessage::Ask(request) => self.ask(request),
            ShardMessage::ForeignClaim(_) if broken!(self.shared.settings, FencedGoesOn) => {}
            ShardMessage::ForeignClaim(_) => {
                self.apply(Next::Reclaim("another node claimed the shard".into()));
            }
            ShardMessage::ReadFailed(_, error) => self.apply(Alarm::Log(error).into()),
            ShardMessage::Fetched(..)
            | ShardMessage::Loaded(..)
            | ShardMessage::Decided(_)
            | ShardMessage::BatchDue(..)
            | ShardMessage::Gathered(..)
            | ShardMessage::Appended(..)
            | ShardMessage::Gap(..)
            | ShardMessage::Dispatched(..)
            | ShardMessage::Projection(..)
            | ShardMessage::TimersRead(..)
            | ShardMessage::PickedUp(..)
            | ShardMessage::CommandsEnd(..)
            | ShardMessage::Alarm(_)
            | ShardMessage::Tick(_)
            | ShardMessage::CatalogueChanged(_)
            | ShardMessage::Barrier(..) => self.serve(|serving| serving.on(message)),
        }
    }

    /// Runs one step of serving and what follows from it; nothing while not serving.
    fn serve(&mut self, step: impl FnOnce(&mut Serving) -> Next) {
        let Phase::Serving(serving) = &mut self.phase else { return };
        let next = match step(serving) {
            Next::Serve => serving.advance(),
            other @ (Next::Reclaim(_) | Next::Halt(_) | Next::Stop(_)) => other,
        };
        self.apply(next);
    }

    fn apply(&mut self, next: Next) {
        match next {
            Next::Serve => self.publish(),
            Next::Stop(done) => self.finish(done),
            Next::Reclaim(why) if self.handing_over => {
                tracing::info!(shard = %self.id, why, "the shard is left to its next owner");
                self.leave();
            }
            Next::Reclaim(why) if self.is_leaving() => {
                tracing::warn!(shard = %self.id, why, "the shard leaves before it had finished");
                self.leave();
            }
            Next::Reclaim(why) => {
                tracing::warn!(shard = %self.id, why, "the shard is claimed again");
                self.shared.metrics.fenced();
                self.short_terms = if self.served_long() { 1 } else { self.short_terms + 1 };
                self.take_over();
            }
            Next::Halt(why) => {
                tracing::error!(shard = %self.id, why, "the shard is halted");
                self.incarnation += 1;
                self.phase = Phase::Halted;
                self.status.send_modify(|status| status.state = ShardState::Halted(why));
                if self.handing_over {
                    self.end();
                }
            }
        }
    }

    /// Whether the term that ends now was told to end.
    fn is_leaving(&self) -> bool {
        match &self.phase {
            Phase::Serving(serving) => serving.is_stopping(),
            Phase::TakingOver(_) | Phase::Halted | Phase::Stopped => false,
        }
    }

    /// Ends a term that was told to end and cannot finish: what is staged is dropped.
    fn leave(&mut self) {
        self.incarnation += 1;
        if let Phase::Serving(mut serving) = std::mem::replace(&mut self.phase, Phase::Stopped)
            && let Some(done) = serving.take_stopping()
        {
            drop(serving);
            answer(done);
        }
        self.me.stop(None);
    }

    /// Whether the term that ends now, if one does, got as far as to commit.
    fn has_served(&self) -> bool {
        match &self.phase {
            Phase::Serving(serving) => !serving.first_batch,
            Phase::TakingOver(_) | Phase::Halted | Phase::Stopped => false,
        }
    }

    /// Whether the term that ends now was a long one.
    fn served_long(&self) -> bool {
        match &self.phase {
            Phase::Serving(serving) => serving.served() >= LONG_TERM,
            Phase::TakingOver(_) | Phase::Halted | Phase::Stopped => false,
        }
    }

    /// The pause before the next claim: none at first, then random and doubling, so that two
    /// nodes that both believe in their turn do not fence each other for ever.
    fn pause(&self) -> Duration {
        let Some(doublings) = self.short_terms.checked_sub(1) else { return Duration::ZERO };
        let longest = FIRST_PAUSE.saturating_mul(1 << doublings.min(6));
        longest.mul_f64((self.shared.entropy.next() % 1_000) as f64 / 1_000.0)
    }

    fn take_over(&mut self) {
        self.incarnation += 1;
        if self.has_served() {
            self.turn = Instant::now();
        }
        self.status.send_replace(ShardStatus::default());
        let claimant = Claimant {
            log: Arc::clone(&self.shared.log),
            store: Arc::clone(&self.shared.store),
            entropy: self.shared.entropy.clone(),
            node: self.shared.settings.node.clone(),
            shard: self.id,
            #[cfg(feature = "mutations")]
            mutation: self.shared.settings.mutation,
        };
        let (me, incarnation) = (self.me.clone(), self.incarnation);
        let pause = self.pause();
        let (catalogue, log) = (self.shared.catalogue.clone(), Arc::clone(&self.shared.log));
        self.phase = Phase::TakingOver(spawn("take-over", async move {
            tokio::time::sleep(pause).await;
            let taken = claimant.take_over().await;
            // Whoever decides on deploys must know every earlier one.
            let caught_up = catalogue.caught_up(&log).await;
            if let Err(error) = caught_up {
                tracing::error!(%error, "the definitions cannot be read");
            }
            drop(me.cast(ShardMessage::TakenOver(incarnation, Box::new(taken))));
        }));
    }

    fn taken_over(&mut self, outcome: Result<Takeover, Alarm>) {
        match outcome {
            Err(alarm) => self.apply(alarm.into()),
            Ok(takeover) => {
                tracing::info!(shard = %self.id, epoch = %takeover.judge.epoch(), "claimed");
                let (me, shared) = (self.me.clone(), self.shared.clone());
                shared.metrics.claimed(takeover.index.batches.len(), takeover.replay);
                let began = (self.turn, takeover);
                let serving = Serving::begin(self.id, shared, me, self.incarnation, began);
                self.phase = Phase::Serving(Box::new(serving));
                self.serve(|_| Next::Serve);
            }
        }
    }

    fn ask(&mut self, request: Request) {
        // Dropping the request tells the asker to ask again.
        match (request, &self.phase) {
            (Request::Resume { reply, .. }, Phase::Halted) => self.resume(reply),
            (Request::Resume { .. }, _) => {}
            (question, _) => self.serve(|serving| serving.ask(question)),
        }
    }

    /// Begins anew where it was halted.
    fn resume(&mut self, reply: oneshot::Sender<()>) {
        tracing::warn!(shard = %self.id, "the shard is resumed by hand");
        self.turn = Instant::now();
        self.short_terms = 0;
        self.take_over();
        answer(reply);
    }

    fn publish(&self) {
        if let Phase::Serving(serving) = &self.phase {
            let status = serving.status();
            self.status.send_if_modified(|published| {
                let changed = *published != status;
                *published = status;
                changed
            });
        }
    }

    /// Makes this term the last, and ends now what is none.
    fn hand_over(&mut self) {
        self.handing_over = true;
        match &self.phase {
            Phase::Serving(_) => {}
            Phase::TakingOver(_) | Phase::Halted | Phase::Stopped => self.end(),
        }
    }

    fn stop(&mut self, done: oneshot::Sender<()>) {
        match &self.phase {
            Phase::Serving(_) => self.serve(|serving| serving.begin_stop(done)),
            Phase::TakingOver(_) | Phase::Halted | Phase::Stopped => self.finish(done),
        }
    }

    fn finish(&mut self, done: oneshot::Sender<()>) {
        self.incarnation += 1;
        match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Serving(serving) => serving.finish(done),
            other @ (Phase::TakingOver(_) | Phase::Halted | Phase::Stopped) => {
                self.phase = other;
                self.end();
                answer(done);
            }
        }
    }

    /// Ends the actor; a term, if there is one, as a crash would.
    fn end(&mut self) {
        self.incarnation += 1;
        if let Phase::TakingOver(task) = std::mem::replace(&mut self.phase, Phase::Stopped) {
            task.abort();
        }
        self.me.stop(None);
    }
}

/// Tells whoever waits for it; it may have stopped waiting.
fn answer(done: oneshot::Sender<()>) {
    if done.send(()).is_err() {
        tracing::debug!("nobody waits for the shard any more");
    }
}
