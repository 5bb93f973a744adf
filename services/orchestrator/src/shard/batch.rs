//! Opens a batch, fills it with inputs, and closes it when all is decided or it has waited for
//! long enough.
//!
//! Order within a batch: deferred inputs that are now decided, commands, results, timers. An
//! input of an execution with a deferred one queues behind it, so that the order per execution
//! is kept whatever is slow.

use std::collections::BTreeMap;
use std::time::SystemTime;

use flowmill_model::history::{Deferred, DefinitionRecord, InputRef, InputTopic, Rejected};
use flowmill_model::{BatchNumber, ExecutionId, Timestamp, limits};
use flowmill_routing::CommandOutcome;
use flowmill_telemetry::trace;

use super::input::{Input, Parsed, rejected};
use super::live::Live;
use super::serving::Serving;
use super::{Next, ShardMessage};
use crate::execution::Verdict;

/// The build, as rejected inputs name it.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// The batch that is being filled or committed.
pub(crate) struct Open {
    pub(super) number: BatchNumber,
    pub(super) at: Timestamp,
    /// The same, as spans have it.
    pub(super) opened: SystemTime,
    /// Inputs per execution, with what was decided on them.
    pub(super) groups: BTreeMap<ExecutionId, Group>,
    /// Groups without a decision.
    pub(super) missing: usize,
    pub(super) deferred: Vec<Deferred>,
    pub(super) rejected: Vec<Rejected>,
    /// Deferred inputs that the batch resolves only to defer them again.
    pub(super) renewed: Vec<InputRef>,
    pub(super) catalogue: Vec<CatalogueDecision>,
    pub(super) definitions: Vec<DefinitionRecord>,
    /// Set once the record is on its way.
    pub(super) sealed: Option<super::commit::Sealed>,
}

impl Open {
    /// Whether the batch decides on the input.
    pub(super) fn holds(&self, wanted: InputRef) -> bool {
        let grouped = self.groups.values().flat_map(|group| &group.inputs);
        let sealed = self.sealed.iter().flat_map(|sealed| &sealed.decisions);
        let sealed = sealed.map(|ready| &ready.input);
        grouped.chain(sealed).any(|input| input.of_log() == Some(wanted))
    }
}

/// What a batch decided on a change of the catalogue of flows.
pub(crate) struct CatalogueDecision {
    pub(super) input: InputRef,
    pub(super) outcome: CommandOutcome,
    /// The record's size.
    pub(super) bytes: usize,
}

/// The inputs of one execution in a batch.
pub(crate) struct Group {
    pub(super) inputs: Vec<Input>,
    pub(super) verdicts: Option<Vec<Verdict>>,
}

/// Decisions that a batch can take.
pub(crate) struct Ready {
    pub(super) execution: ExecutionId,
    pub(super) input: Input,
    pub(super) verdict: Verdict,
    /// Whether an earlier batch deferred the input, so that this one must resolve it.
    pub(super) deferred: bool,
}

impl Serving {
    /// One message while serving.
    pub(super) fn on(&mut self, message: ShardMessage) -> Next {
        match message {
            ShardMessage::Fetched(_, topic, records) => self.fetched(topic, records),
            ShardMessage::Loaded(_, id, loaded) => self.loaded(id, loaded),
            ShardMessage::Decided(decided) => self.decided(decided),
            ShardMessage::BatchDue(_, number) => self.batch_due(number),
            ShardMessage::Gathered(_, after) => self.gathered(after),
            ShardMessage::Appended(_, outcome) => self.appended(outcome),
            ShardMessage::Gap(_, gap) => self.gap(gap),
            ShardMessage::Dispatched(_, dispatched) => self.dispatched(dispatched),
            ShardMessage::Projection(_, report) => self.reported(report),
            ShardMessage::TimersRead(_, rows, until) => self.timers_read(rows, until),
            ShardMessage::PickedUp(_, found) => self.picked_up(found),
            ShardMessage::CommandsEnd(_, end) => self.commands_end(end),
            ShardMessage::Tick(_) => self.tick(),
            ShardMessage::CatalogueChanged(_) => self.catalogue_changed(),
            ShardMessage::Barrier(_, request, end) => self.barrier(request, end),
            ShardMessage::Alarm(_) => Next::Serve,
            ShardMessage::TakenOver(..)
            | ShardMessage::ReadFailed(..)
            | ShardMessage::ForeignClaim(_)
            | ShardMessage::Ask(_)
            | ShardMessage::Turn(_)
            | ShardMessage::HandOver
            | ShardMessage::Stop(_) => Next::Serve,
        }
    }

    fn fetched(&mut self, topic: InputTopic, records: Vec<flowmill_log::Fetched>) -> Next {
        let now = self.shared.clock.now();
        if let Err(alarm) = self.intake.add(self.id, topic, records, now) {
            return Next::Halt(alarm);
        }
        // A look ahead: states that will be needed are on their way before their batch opens.
        let needed = self.intake.waiting().filter(|input| !self.is_fresh(input));
        let missing = needed.map(|input| input.execution);
        let missing: Vec<_> = missing.filter(|id| self.executions.get(*id).is_none()).collect();
        missing.into_iter().for_each(|id| self.ensure(id, false));
        Next::Serve
    }

    /// Opens a batch if there is none and something to decide; seals it when all is decided.
    pub(super) fn advance(&mut self) -> Next {
        if self.open.is_none() && !self.is_gathering() {
            self.open_batch();
        }
        let complete = self.open.as_ref().is_some_and(|o| o.missing == 0 && o.sealed.is_none());
        if complete {
            self.seal();
        }
        self.timers.set_alarm();
        self.stop_if_done()
    }

    fn open_batch(&mut self) {
        let now = self.shared.clock.now();
        let commands_wait = self.unflushed >= limits::UNFLUSHED_BYTES;
        let idle = self.intake.is_empty(commands_wait)
            && self.ready.is_empty()
            && self.renewals.is_empty()
            && !self.timers.is_due(now);
        let waited = now.since(self.idle_since) >= limits::MARK_DELAY || self.stopping.is_some();
        let mark_moved = waited && self.mark.is_news(self.judge.mark());
        if idle && !mark_moved && !self.first_batch {
            return;
        }
        if self.stopping.is_some() && !mark_moved && self.ready.is_empty() {
            return;
        }
        let number = self.judge.number().next();
        self.open = Some(Open {
            number,
            at: now,
            opened: trace::now(),
            groups: BTreeMap::new(),
            missing: 0,
            deferred: vec![],
            rejected: vec![],
            renewed: vec![],
            catalogue: vec![],
            definitions: vec![],
            sealed: None,
        });
        if self.first_batch || self.stopping.is_some() {
            return;
        }
        self.renew(now);
        let taken = self.intake.take(commands_wait);
        taken.into_iter().for_each(|parsed| self.admit(parsed, now));
        self.admit_timers(now);
        self.give_groups();
        self.limit_waiting(number);
    }

    /// Has the shard told when the batch has waited for decisions as long as it may.
    fn limit_waiting(&self, number: BatchNumber) {
        if self.open.as_ref().is_some_and(|open| open.missing > 0) {
            let incarnation = self.incarnation;
            self.beside("batch due", async move {
                tokio::time::sleep(limits::DECISION_WAIT).await;
                ShardMessage::BatchDue(incarnation, number)
            });
        }
    }

    fn admit(&mut self, parsed: Parsed, now: Timestamp) {
        match parsed {
            Parsed::Input(input) => self.admit_input(input),
            Parsed::Catalogue { input, command, bytes } => {
                let Some(definitions) = &mut self.definitions else { return };
                let (outcome, record) = definitions.decide(&command, now);
                let Some(open) = &mut self.open else { return };
                open.catalogue.push(CatalogueDecision { input, outcome, bytes });
                open.definitions.extend(record);
            }
            Parsed::Rejected { input, reason, record, newer } => {
                tracing::warn!(shard = %self.id, ?input, reason, ?newer, "an input is rejected");
                self.shared.metrics.input_rejected();
                let Some(open) = &mut self.open else { return };
                open.rejected.push(rejected(input, reason, BUILD, record));
            }
        }
    }

    fn admit_input(&mut self, input: Input) {
        let id = input.execution;
        self.ensure(id, self.is_fresh(&input));
        if self.executions.get(id).is_some_and(Live::is_behind) {
            self.defer(input);
            return;
        }
        let Some(open) = &mut self.open else { return };
        let group = Group { inputs: vec![], verdicts: None };
        open.groups.entry(id).or_insert(group).inputs.push(input);
    }

    fn admit_timers(&mut self, now: Timestamp) {
        for key in self.timers.take_due(now, limits::BATCH_INPUTS) {
            let id = key.execution;
            let pending = |live: &Live| {
                live.committed.as_ref().is_none_or(|e| e.timers().any(|t| t.id == key.timer))
            };
            if self.executions.get(id).is_some_and(|live| !pending(live)) {
                continue;
            }
            self.shared.metrics.timer_fired(now.since(key.due));
            self.admit_input(Input::timer(key, now));
        }
    }

    /// The batch has waited long enough: what is not decided is deferred.
    fn batch_due(&mut self, number: BatchNumber) -> Next {
        let Some(open) = self.open.as_mut().filter(|o| o.number == number && o.sealed.is_none())
        else {
            return Next::Serve;
        };
        let late: Vec<_> =
            open.groups.iter().filter(|(_, g)| g.verdicts.is_none()).map(|(id, _)| *id).collect();
        for id in late {
            let group = self.open.as_mut().and_then(|open| open.groups.remove(&id));
            let Some(Group { inputs, .. }) = group else { continue };
            inputs.into_iter().for_each(|input| self.defer(input));
            self.defer_deciding(id);
        }
        if let Some(open) = &mut self.open {
            open.missing = 0;
        }
        Next::Serve
    }
}
