//! Commits a batch: one append, then the check that it landed right behind what was judged.
//!
//! An acknowledgement at the judged offset plus one is certain: nobody claimed in between. Any
//! other offset has the gap read and judged. Only then are callers answered, outputs sent and
//! the projection told. An unknown outcome is never guessed: the term ends, and a new claim finds
//! out what the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowmill_engine::{Execution, Rejection};
use flowmill_log::{AppendError, Partition, ReadLimit, Record, Topic};
use flowmill_model::history::{
    Batch, HistoryRecord, InputPositions, InputRef, InputTopic, RecordedTransition,
};
use flowmill_model::{BatchNumber, ExecutionId, Offset, Timestamp, limits};
use flowmill_routing::CommandOutcome;
use flowmill_runtime::crash;
use flowmill_telemetry::trace;
use tokio::time::Instant;

use super::batch::{CatalogueDecision, Group, Open, Ready};
use super::input::{Input, Source, rejected_bytes};
use super::intake::Amount;
use super::live::weight_of;
use super::outputs::{Dispatched, Output};
use super::serving::Serving;
use super::spans::{self, Committed, Stages};
use super::{Next, ShardMessage};
use crate::execution::{Staged, Verdict};
use crate::projector::{Change, Projected};
use crate::takeover::{Alarm, TailBatch, decode};
use crate::validity;

/// Pause before a batch that was certainly not written is appended again.
const APPEND_AGAIN: Duration = Duration::from_millis(100);

/// One in so many failed appends in a row is told.
const TRIES_TOLD: u32 = 100;

/// A batch that is on its way into the log.
pub(crate) struct Sealed {
    /// The record, for another try when it was certainly not written.
    bytes: Bytes,
    record: HistoryRecord,
    pub(super) decisions: Vec<Ready>,
    stages: Stages,
    appended: Instant,
    /// How often it was certainly not written.
    tries: u32,
}

impl Serving {
    /// Closes the open batch and appends it.
    pub(super) fn seal(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let decisions = self.choose(&mut open);
        let record = HistoryRecord::Batch(Box::new(self.record(&open, &decisions)));
        let bytes = Bytes::from(record.encode());
        self.shared.metrics.batch(decisions.len(), bytes.len());
        self.append(bytes.clone(), None);
        if broken!(self.shared.settings, SentBeforeAcknowledged) {
            let staged = decisions.iter().filter_map(Ready::staged);
            self.send(None, staged.flat_map(|staged| self.tasks(staged, open.number)).collect());
        }
        let stages = Stages { opened: open.opened, sealed: trace::now() };
        let appended = Instant::now();
        open.sealed = Some(Sealed { bytes, record, decisions, stages, appended, tries: 0 });
        self.open = Some(open);
    }

    /// Takes decisions, in order, until the batch is full; the rest waits for the next one, its
    /// inputs deferred. What this very batch defers, a later one decides.
    fn choose(&mut self, open: &mut Open) -> Vec<Ready> {
        let offered = self.offered(open);
        let deferred_here: BTreeSet<_> = open.deferred.iter().map(|d| d.input).collect();
        let mut held = BTreeSet::new();
        let (mut bytes, mut taken) = (0, Vec::with_capacity(offered.len()));
        let mut is_full = false;
        for mut ready in offered {
            let early = ready.input.of_log().is_some_and(|input| deferred_here.contains(&input));
            if early || held.contains(&ready.execution) {
                held.insert(ready.execution);
            } else {
                is_full |= !taken.is_empty() && bytes + ready.size() > limits::BATCH_BYTES;
                if !is_full {
                    bytes += ready.size();
                    taken.push(ready);
                    continue;
                }
            }
            if !ready.deferred
                && let Some(entry) = ready.input.deferred()
            {
                open.deferred.push(entry);
                self.deferred += 1;
                ready.deferred = true;
            }
            self.ready.push_back(ready);
        }
        taken
    }

    /// Every decision that the batch may take: first those of deferred inputs.
    fn offered(&mut self, open: &mut Open) -> Vec<Ready> {
        let mut offered: Vec<Ready> = self.ready.drain(..).collect();
        for (execution, Group { inputs, verdicts }) in std::mem::take(&mut open.groups) {
            let decided = inputs.into_iter().zip(verdicts.unwrap_or_default());
            let ready = |(input, verdict)| Ready { execution, input, verdict, deferred: false };
            offered.extend(decided.map(ready));
        }
        offered
    }

    fn record(&self, open: &Open, decisions: &[Ready]) -> Batch {
        let resolved = decisions.iter().filter(|ready| ready.deferred);
        let resolved = resolved.filter_map(|ready| ready.input.of_log());
        let staged = decisions.iter().filter_map(Ready::staged);
        Batch {
            epoch: self.judge.epoch(),
            number: open.number,
            generation: self.shared.log.identity().generation,
            at: open.at,
            positions: self.positions(),
            mark: self.mark.now(),
            resolved: open.renewed.iter().copied().chain(resolved).collect(),
            deferred: open.deferred.clone(),
            rejected: open.rejected.clone(),
            transitions: staged.map(|staged| staged.transition.clone()).collect(),
            definitions: open.definitions.clone(),
        }
    }

    /// The input positions that a batch moves to: those of the intake, but never below what is
    /// committed, which an empty first batch only repeats.
    fn positions(&self) -> InputPositions {
        let (intake, judged) = (self.intake.positions(), self.judge.positions());
        InputPositions {
            commands: intake.commands.max(judged.commands),
            results: intake.results.max(judged.results),
        }
    }

    fn append(&self, bytes: Bytes, pause: Option<Duration>) {
        let history = Partition::of_shard(Topic::History, self.id);
        let (log, incarnation) = (Arc::clone(&self.shared.log), self.incarnation);
        let metrics = self.shared.metrics.clone();
        self.beside("commit", async move {
            // Even a pause of nothing would last up to a tick of the timer, a millisecond.
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            let begun = Instant::now();
            let outcome = log.append(&history, Record::of(bytes)).await;
            crash::point("batch-appended");
            metrics.committed(begun.elapsed());
            ShardMessage::Appended(incarnation, outcome)
        });
    }

    pub(super) fn appended(&mut self, outcome: Result<Offset, AppendError>) -> Next {
        let offset = match outcome {
            Ok(offset) => offset,
            Err(AppendError::Unknown(why)) => {
                return Next::Reclaim(format!("the outcome of an append is unknown: {why}"));
            }
            Err(AppendError::NotWritten(why)) => return self.append_again(&why),
        };
        if offset < self.judge.next() {
            return Next::Reclaim(format!(
                "an append was acknowledged at {offset}, which is judged"
            ));
        }
        if offset == self.judge.next() || broken!(self.shared.settings, NoGapCheck) {
            return self.committed(offset);
        }
        self.read_gap(offset);
        Next::Serve
    }

    fn append_again(&mut self, why: &flowmill_log::NotWritten) -> Next {
        use flowmill_log::NotWritten;
        match why {
            NotWritten::Full | NotWritten::Closed(_) => {
                let open = self.open.as_mut();
                let Some(sealed) = open.and_then(|open| open.sealed.as_mut()) else {
                    return Next::Serve;
                };
                if sealed.tries.is_multiple_of(TRIES_TOLD) {
                    tracing::warn!(shard = %self.id, %why, "the batch is appended again");
                }
                sealed.tries += 1;
                let bytes = sealed.bytes.clone();
                self.append(bytes, Some(APPEND_AGAIN));
                Next::Serve
            }
            NotWritten::TooLarge { .. } | NotWritten::NoSuchPartition(_) => {
                Next::Halt(format!("a batch cannot be written: {why}"))
            }
        }
    }

    /// Reads what stands between the judged offset and the acknowledged one, with it.
    fn read_gap(&self, acknowledged: Offset) {
        let history = Partition::of_shard(Topic::History, self.id);
        let mut reader = self.shared.log.reader(&history, self.judge.next());
        let (shard, incarnation) = (self.id, self.incarnation);
        let limit = ReadLimit {
            records: std::num::NonZeroUsize::new(256).expect("not zero"),
            bytes: limits::RECORD_BYTES,
        };
        self.beside("gap", async move {
            let mut gap = Vec::new();
            while reader.position() <= acknowledged {
                let records = match reader.read(limit).await {
                    Ok(records) => records,
                    Err(error) => return ShardMessage::Gap(incarnation, Err(Alarm::Log(error))),
                };
                for fetched in records.into_iter().filter(|f| f.offset <= acknowledged) {
                    match decode(shard, fetched.offset, &fetched.record.value) {
                        Ok(record) => gap.push((fetched.offset, record)),
                        Err(alarm) => return ShardMessage::Gap(incarnation, Err(alarm)),
                    }
                }
            }
            ShardMessage::Gap(incarnation, Ok(gap))
        });
    }

    /// Judges what was in the gap; the own batch must be its last record and count.
    pub(super) fn gap(&mut self, gap: Result<Vec<(Offset, HistoryRecord)>, Alarm>) -> Next {
        let mut gap = match gap {
            Ok(gap) => gap,
            Err(alarm) => return alarm.into(),
        };
        self.shared.metrics.gap_checked();
        let Some((own, _)) = gap.pop() else {
            return Next::Reclaim("the own append is not in the log".into());
        };
        for (offset, record) in gap {
            let claims = matches!(record, HistoryRecord::Claim(_));
            if claims && broken!(self.shared.settings, FencedGoesOn) {
                continue;
            }
            match self.judge.judge(offset, &record) {
                Err(broken) => return Alarm::Broken(broken).into(),
                Ok(validity::Verdict::Skipped) => {}
                Ok(validity::Verdict::Claimed) => {
                    return Next::Reclaim("another node claimed the shard".into());
                }
                // A batch of this epoch with the next number is ours, repeated by the log; the
                // record that was acknowledged is then the one that does not count.
                Ok(validity::Verdict::Counts) => {
                    return Next::Reclaim("an own batch came twice".into());
                }
            }
        }
        self.committed(own)
    }

    /// The open batch is committed at `offset`: tell everybody.
    fn committed(&mut self, offset: Offset) -> Next {
        let Some(open) = self.open.take() else { return Next::Serve };
        let Some(sealed) = open.sealed else { return Next::Serve };
        let Sealed { record, decisions, stages, appended, .. } = sealed;
        let judged = self.judge.judge(offset, &record);
        let (Ok(validity::Verdict::Counts), HistoryRecord::Batch(batch)) = (judged, record) else {
            return Next::Reclaim("the own batch does not count".into());
        };
        if std::mem::take(&mut self.first_batch) {
            self.shared.metrics.taken_over(self.turn.elapsed());
            self.announce();
        }
        let number = batch.number;
        self.gather(number, decisions.len(), appended.elapsed());
        let tail = TailBatch::of(offset, &batch);
        self.mark.commit(number, tail.content);
        self.unstored.committed(&tail);
        self.idle_since = self.shared.clock.now();
        self.release_credits(spent(&batch, &decisions, &open.catalogue));
        self.answer_catalogue(&open.catalogue);

        let mut outputs: Vec<_> =
            batch.definitions.iter().cloned().map(Output::Definition).collect();
        outputs.extend(batch.rejected.iter().cloned().map(Output::DeadLetter));
        let causes = spans::causes(&decisions);
        let changes = self.take_decisions(decisions, offset, &batch, &mut outputs);
        self.record_spans(&changes, Committed { number, offset, stages, causes });
        crash::point("batch-committed");
        self.deliver_apart(number, outputs);
        self.project(Projected { batches: vec![tail], changes });
        self.answer_positions();
        Next::Serve
    }

    /// Makes decisions true: state, timers, tasks, answers.
    fn take_decisions(
        &mut self,
        decisions: Vec<Ready>,
        offset: Offset,
        batch: &Batch,
        outputs: &mut Vec<Output>,
    ) -> Vec<Change> {
        let mut changes: BTreeMap<ExecutionId, Change> = BTreeMap::new();
        for ready in decisions {
            let Ready { execution: id, input, verdict, deferred } = ready;
            self.deferred -= usize::from(deferred);
            if let Some(live) = self.executions.get_mut(id) {
                live.undelivered = live.undelivered.saturating_sub(1);
            }
            self.answer_outcome(&input, &verdict);
            match verdict {
                Verdict::Rejected(rejection) => {
                    self.rejected(&input, &rejection);
                    self.answer_readers(id);
                    self.give_waiting(id);
                }
                Verdict::Staged(staged) => {
                    self.again_if_pending(&input, &staged.after);
                    outputs.extend(self.tasks(&staged, batch.number));
                    outputs.extend(self.told(&staged, batch.at));
                    let change = self.change(id, staged, offset, batch.at);
                    merge(&mut changes, change);
                }
            }
        }
        let changed: Vec<_> = changes.keys().copied().collect();
        changed.into_iter().for_each(|id| self.after_change(id));
        changes.into_values().collect()
    }

    fn tasks(&self, staged: &Staged, number: BatchNumber) -> Vec<Output> {
        let epoch = self.judge.epoch();
        let tasks = staged.tasks.iter().cloned();
        tasks.filter_map(|spec| Output::task(&staged.after, spec, epoch, number)).collect()
    }

    /// Takes a committed transition into memory, with the time of its batch: whoever replays it
    /// writes the same bytes.
    fn change(&mut self, id: ExecutionId, staged: Staged, offset: Offset, at: Timestamp) -> Change {
        let Staged { transition, after, events, .. } = staged;
        let recorded = RecordedTransition { at, transition };
        let before = self.executions.get(id).and_then(|live| live.committed.clone());
        if before.is_none() {
            self.recent.add(Instant::now(), id);
        }
        self.move_timers(before.as_deref(), &after);
        self.shared.metrics.observe(&events, &after);
        if let Some(live) = self.executions.get_mut(id) {
            live.committed = Some(Arc::clone(&after));
            self.unflushed += weight_of(&recorded);
            live.unflushed.push_back(recorded.clone());
            live.touched = at;
        }
        Change { id, offset, before, after, transitions: vec![recorded] }
    }

    fn move_timers(&mut self, before: Option<&Execution>, after: &Execution) {
        let earlier = before.map(crate::projector::timer_rows).unwrap_or_default();
        let later = crate::projector::timer_rows(after);
        for row in earlier.iter().filter(|row| !later.contains(row)) {
            self.timers.clear(&row.key);
        }
        for row in later.iter().filter(|row| !earlier.contains(row)) {
            self.timers.set(row.key);
        }
    }

    fn after_change(&mut self, id: ExecutionId) {
        let Some(committed) = self.executions.get(id).and_then(|live| live.committed.clone())
        else {
            return;
        };
        self.sent.settle(&committed);
        self.answer_readers(id);
        self.give_waiting(id);
        if committed.is_idle() {
            let resting =
                self.executions.get(id).is_some_and(|l| l.deciding.is_none() && l.undelivered == 0);
            if resting {
                self.executions.rest(id);
            }
        }
        if committed.is_ended() {
            self.answer_ended(id, &committed);
        }
    }

    fn rejected(&mut self, input: &Input, rejection: &Rejection) {
        self.shared.metrics.ignored(rejection.name());
        tracing::debug!(execution = %input.execution, reason = rejection.name(), "ignored");
        let live = self.executions.get(input.execution);
        if let Some(committed) = live.and_then(|live| live.committed.clone()) {
            self.again_if_pending(input, &committed);
        }
    }

    /// A timer that was decided and is pending nevertheless comes back: one that was early, or whose
    /// execution was put aside as it fired.
    fn again_if_pending(&mut self, input: &Input, after: &Execution) {
        if let Source::Timer(key) = input.source
            && after.timer(key.timer).is_some()
        {
            self.timers.again(key, self.shared.clock.now());
        }
    }

    pub(super) fn dispatched(&mut self, dispatched: Dispatched) -> Next {
        let Dispatched { batch, sent, late } = dispatched;
        match batch {
            Some(batch) => self.mark.end(batch),
            None => self.late.is_sending = false,
        }
        self.keep_on_telling(late);
        for (id, sent) in sent {
            let live = self.executions.get(id.execution);
            let committed = live.and_then(|live| live.committed.as_ref());
            let pending = committed
                .and_then(|execution| execution.task(id.activation))
                .is_some_and(|task| (task.attempt, task.token) == (id.attempt, sent.token));
            if pending {
                self.sent.insert(id, sent);
            }
        }
        Next::Serve
    }

    fn release_credits(&mut self, done: [(InputTopic, Amount); 2]) {
        for (topic, amount) in done {
            self.intake.release(topic, amount);
        }
    }

    fn answer_catalogue(&mut self, decided: &[CatalogueDecision]) {
        for CatalogueDecision { input, outcome, .. } in decided {
            self.questions.decided(input.offset, outcome.clone());
        }
    }

    fn answer_outcome(&mut self, input: &Input, verdict: &Verdict) {
        let Some(InputRef { topic: InputTopic::Commands, offset }) = input.of_log() else { return };
        let outcome = match verdict {
            Verdict::Staged(_) => CommandOutcome::Applied,
            Verdict::Rejected(rejection) => super::queries::outcome_of(rejection),
        };
        self.questions.decided(offset, outcome);
    }
}

/// The credits that a committed batch gives back: those of all inputs it is done with.
fn spent(
    batch: &Batch,
    decisions: &[Ready],
    catalogue: &[CatalogueDecision],
) -> [(InputTopic, Amount); 2] {
    let of_ready = |ready: &Ready| ready.input.of_log().map(|of| (of.topic, ready.input.bytes));
    let decided = decisions.iter().filter_map(of_ready);
    let rejected = batch.rejected.iter().map(|r| (r.input.topic, rejected_bytes(r)));
    let catalogue = catalogue.iter().map(|decision| (decision.input.topic, decision.bytes));
    let (mut commands, mut results) = (Amount::default(), Amount::default());
    for (topic, bytes) in decided.chain(rejected).chain(catalogue) {
        match topic {
            InputTopic::Commands => commands.add(bytes),
            InputTopic::Results => results.add(bytes),
        }
    }
    [(InputTopic::Commands, commands), (InputTopic::Results, results)]
}

fn merge(changes: &mut BTreeMap<ExecutionId, Change>, change: Change) {
    match changes.get_mut(&change.id) {
        None => {
            changes.insert(change.id, change);
        }
        Some(earlier) => {
            earlier.after = change.after;
            earlier.transitions.extend(change.transitions);
        }
    }
}

impl Ready {
    fn staged(&self) -> Option<&Staged> {
        match &self.verdict {
            Verdict::Staged(staged) => Some(staged),
            Verdict::Rejected(_) => None,
        }
    }

    fn size(&self) -> usize {
        self.staged().map_or(0, |staged| staged.transition.events.0.len())
    }
}

impl Input {
    /// The record it was read from; `None` for a timer.
    pub(crate) const fn of_log(&self) -> Option<InputRef> {
        match self.source {
            Source::Log(input) => Some(input),
            Source::Timer(_) => None,
        }
    }
}
