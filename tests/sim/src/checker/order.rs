//! What must come after what: a sending after its batch, a mark after the sendings below it, a
//! watermark after the rows and the mark that it stands on.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_model::{BatchNumber, Epoch, ExecutionId, Offset, Sequence, ShardId};
use tokio::time::Instant;

use super::History;
use crate::journal::Pages;
use crate::worker::Answers;

/// A task that could not be sent for so long is left to its timer, and the mark passes it.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Checks the order in which a shard's owners did what they did.
pub(super) fn check(
    shard: ShardId,
    history: &History,
    pages: &Pages,
    answers: &Answers,
    clocks: bool,
) -> Vec<String> {
    let order = Order { shard, history, pages, begun: begun(shard, history, pages), clocks };
    let mut violations = order.sendings();
    violations.extend(order.marks());
    violations.extend(order.copies());
    violations.extend(order.watermarks());
    violations.extend(completions(history, answers));
    violations
}

struct Order<'a> {
    shard: ShardId,
    history: &'a History,
    pages: &'a Pages,
    /// When the append of each valid batch was begun.
    begun: BTreeMap<BatchNumber, Instant>,
    /// Whether clocks jump.
    clocks: bool,
}

fn begun(shard: ShardId, history: &History, pages: &Pages) -> BTreeMap<BatchNumber, Instant> {
    let named = history.batches.iter().filter_map(|(_, batch)| {
        let begun = pages.batches.get(&(shard, batch.epoch, batch.number))?;
        Some((batch.number, *begun))
    });
    named.collect()
}

impl Order<'_> {
    /// Nothing is sent but what a valid batch decided, and not before.
    fn sendings(&self) -> Vec<String> {
        let ours = self.pages.tasks_begun.iter().filter(|((id, _), _)| self.is_ours(id.execution));
        let wrong = ours.filter_map(|(sending, sent)| match self.history.tasks.get(sending) {
            None => Some(format!("S3: {} was sent, and no valid batch says so", sending.0)),
            Some(life) => {
                let decided = self.begun.get(&life.scheduled)?;
                (sent < decided).then(|| format!("S3: {} was sent too early", sending.0))
            }
        });
        wrong.collect()
    }

    /// Where the mark in a batch has passed a sending, it is acknowledged or nobody waits for it.
    fn marks(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let mut tasks: Vec<_> = self.history.tasks.iter().collect();
        tasks.sort_by_key(|(_, life)| life.scheduled);
        let mut tasks = tasks.into_iter().peekable();
        for (_, batch) in &self.history.batches {
            let Some(begun) = self.begun.get(&batch.number) else { continue };
            while let Some((sending, life)) =
                tasks.next_if(|(_, life)| life.scheduled <= batch.mark)
            {
                let sent = self.pages.tasks_sent.get(sending).is_some_and(|sent| sent <= begun);
                let settled = life.settled.is_some_and(|settled| settled < batch.number);
                let decided = self.begun.get(&life.scheduled).unwrap_or(begun);
                // Where clocks jump, thirty seconds may be over at once.
                let given_up = self.clocks || begun.duration_since(*decided) >= GIVEN_UP;
                if !sent && !settled && !given_up {
                    let (id, number, mark) = (sending.0, batch.number, batch.mark);
                    let line = format!("S5: batch {number} has mark {mark}, and {id} is not sent");
                    violations.push(line);
                }
            }
        }
        violations
    }

    /// A copy of a task names no batch that is later than the last one that asked for it, or than the
    /// first that its sender had to send again. Else a later owner, who finds a mark between, has workers
    /// drop a copy that it does not send again.
    fn copies(&self) -> Vec<String> {
        let found = self.marks_found();
        let mut violations = Vec::new();
        for (sending, life) in &self.history.tasks {
            for copy in self.pages.copies.get(sending).into_iter().flatten() {
                let first = found.get(&copy.epoch).map(|mark| mark.next()).unwrap_or_default();
                if copy.batch > life.asked.max(first) {
                    let (id, named, decided) = (sending.0, copy.batch, life.asked);
                    violations.push(format!("S5: {id} of batch {decided} is sent as of {named}"));
                }
            }
        }
        violations
    }

    /// The mark that the owner of each epoch found.
    fn marks_found(&self) -> BTreeMap<Epoch, BatchNumber> {
        let mark = |claimed: Offset| {
            let before = self.history.batches.iter().take_while(|(offset, _)| *offset < claimed);
            before.last().map(|(_, batch)| batch.mark).unwrap_or_default()
        };
        self.history.claims.iter().map(|(claimed, epoch, _)| (*epoch, mark(*claimed))).collect()
    }

    /// A watermark stands on a valid batch that a mark has passed, below open deferrals, and all
    /// rows up to it are acknowledged.
    fn watermarks(&self) -> Vec<String> {
        let ours = self.pages.watermarks.iter().filter(|(_, shard, _)| *shard == self.shard);
        let mut asked: Vec<_> = ours.map(|(at, _, mark)| (mark.batch, *at, mark)).collect();
        asked.sort_by_key(|(batch, at, _)| (*batch, *at));
        let mut asked = asked.into_iter().peekable();
        let (mut violations, mut reached) = (Vec::new(), BTreeMap::new());
        for (offset, batch) in &self.history.batches {
            for transition in &batch.transitions {
                let end = transition.first.get() + u64::from(transition.count);
                reached.insert(transition.execution, Sequence::new(end));
            }
            while let Some((_, at, mark)) = asked.next_if(|(number, ..)| *number <= batch.number) {
                let given = (batch.number, batch.epoch, batch.mark, batch.positions, *offset);
                let told = (mark.batch, mark.epoch, mark.mark, mark.positions, mark.offset);
                if given != told {
                    violations.push(format!("I4: {mark:?} stands on no valid batch"));
                }
                if !self.is_dispatched(mark.batch, at) {
                    violations.push(format!("S5: the watermark {} is past the mark", mark.batch));
                }
                violations.extend(self.missing_rows(&reached, mark.batch, at));
            }
        }
        violations.extend(asked.map(|(number, ..)| format!("I4: no batch {number} is valid")));
        violations
    }

    /// Whether a batch whose append was begun by `at` has a mark that reaches `number`.
    fn is_dispatched(&self, number: BatchNumber, at: Instant) -> bool {
        let batches = self.history.batches.iter().map(|(_, batch)| batch);
        let mut known = batches.filter(|batch| batch.mark >= number);
        known.any(|batch| self.begun.get(&batch.number).is_some_and(|begun| *begun <= at))
    }

    fn missing_rows(
        &self,
        reached: &BTreeMap<ExecutionId, Sequence>,
        number: BatchNumber,
        at: Instant,
    ) -> Vec<String> {
        let missing = reached.iter().filter(|(id, sequence)| {
            let mut rows = self.pages.rows.get(*id).into_iter().flatten();
            !rows.any(|(written, has)| *written <= at && has >= *sequence)
        });
        missing
            .map(|(id, sequence)| format!("I4: watermark {number} before {id} at {sequence}"))
            .collect()
    }

    fn is_ours(&self, id: ExecutionId) -> bool {
        id.shard() == self.shard
    }
}

/// A task completes by a result that a worker sent with the token of that sending.
fn completions(history: &History, answers: &Answers) -> Vec<String> {
    let completed = history
        .tasks
        .iter()
        .filter_map(|(sending, life)| life.completed.map(|honest| (sending, honest)));
    let wrong = completed
        .filter(|((id, token), honest)| !honest || !answers.holds(*id, *token))
        .map(|((id, _), _)| format!("I5: {id} completed by a result that no worker sent for it"));
    wrong.collect()
}
