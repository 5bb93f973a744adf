//! What a node knows and what it waits for.

use super::{NODES, Step};
use crate::history::{Batch, Claim, Judge, Log, Record, Rule, Verdict};
use crate::ids::{NodeId, Offset};

/// The inputs that a batch decides: from the first to below the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Inputs {
    pub(super) from: u8,
    pub(super) to: u8,
}

/// How far a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// The shard is not assigned to it.
    #[default]
    Away,
    /// It is about to take the shard over, and knows nothing.
    Resting,
    /// It has read history to its end.
    Read(View),
    /// It waits for its claim.
    Claiming(View),
    /// It believes that it owns the shard.
    Owning(View),
    /// So it does, and waits for its batch.
    Committing(View, Batch<Inputs>),
}

/// What a node knows of history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct View {
    pub(super) judge: Judge,
    /// The next input to be decided.
    pub(super) position: u8,
}

/// What an owner learns of its batch.
pub(super) enum Outcome {
    /// It counts; what the owner knows then.
    Committed(View),
    /// Another node has claimed the shard.
    Fenced,
    /// Nothing that could be relied on.
    Unknown,
}

impl View {
    fn take(&mut self, rule: Rule, record: &Record<Inputs>) -> Verdict {
        let verdict = self.judge.judge(rule, record);
        if let (Verdict::Counts, Record::Batch(batch)) = (verdict, record) {
            self.position = batch.content.to;
        }
        verdict
    }

    /// After reading up to and with `last`; with what the rule says of the last record.
    pub(super) fn read_up_to(
        mut self,
        log: &Log<Inputs>,
        rule: Rule,
        last: Offset,
    ) -> (Self, Option<Verdict>) {
        let mut verdict = None;
        while self.judge.next <= last {
            verdict = Some(self.take(rule, &log.records[self.judge.next.index()]));
        }
        (self, verdict)
    }

    pub(super) fn read_to_end(self, log: &Log<Inputs>, rule: Rule) -> (Self, Option<Verdict>) {
        match log.records.len().checked_sub(1) {
            None => (self, None),
            Some(last) => {
                let last = u8::try_from(last).expect("a history of a model is short");
                self.read_up_to(log, rule, Offset::new(last))
            }
        }
    }

    /// What a node believes that takes its claim at `at` for valid and has read nothing since.
    pub(super) fn without_reading(mut self, log: &Log<Inputs>, at: Offset) -> Self {
        if let Record::Claim(claim) = &log.records[at.index()] {
            self.judge.epoch = claim.epoch;
        }
        self.judge.next = at.next();
        self
    }

    /// What an owner knows once its batch at `at` is committed.
    pub(super) fn with(mut self, batch: &Batch<Inputs>, at: Offset) -> Self {
        self.judge.number = batch.number;
        self.judge.next = at.next();
        self.position = batch.content.to;
        self
    }

    /// Reads up to where the own batch was acknowledged, and learns what became of it. Epoch and
    /// number name it: they name one content for ever.
    pub(super) fn read_for(
        self,
        log: &Log<Inputs>,
        rule: Rule,
        own: &Batch<Inputs>,
        at: Offset,
    ) -> Outcome {
        let (mut view, mut counts) = (self, false);
        while view.judge.next <= at {
            let record = &log.records[view.judge.next.index()];
            match (view.take(rule, record), record) {
                (Verdict::Claimed, Record::Claim(claim)) if claim.epoch > own.epoch => {
                    return Outcome::Fenced;
                }
                (Verdict::Counts, Record::Batch(batch)) => {
                    counts |= (batch.epoch, batch.number) == (own.epoch, own.number);
                }
                (Verdict::Claimed | Verdict::Counts | Verdict::Skipped | Verdict::Lost, _) => {}
            }
        }
        let known = View { position: own.content.to, ..view };
        if counts { Outcome::Committed(known) } else { Outcome::Unknown }
    }

    /// Whether a reader from the start, at the same place, knows the same.
    pub(super) fn is_what_history_says(&self, log: &Log<Inputs>, rule: Rule) -> bool {
        let mut reader = Self::default();
        while reader.judge.next < self.judge.next {
            reader.take(rule, &log.records[reader.judge.next.index()]);
        }
        reader == *self
    }
}

impl Phase {
    /// What the node knows.
    pub(super) const fn view(&self) -> Option<&View> {
        match self {
            Self::Away | Self::Resting => None,
            Self::Read(view)
            | Self::Claiming(view)
            | Self::Owning(view)
            | Self::Committing(view, _) => Some(view),
        }
    }

    /// Whether the node waits for an append.
    pub(super) const fn waits(&self) -> bool {
        match self {
            Self::Away | Self::Resting | Self::Read(_) | Self::Owning(_) => false,
            Self::Claiming(_) | Self::Committing(..) => true,
        }
    }

    /// The shard is assigned to one of the nodes.
    pub(super) fn with_the_shard_at_the_first() -> [Self; NODES] {
        let mut nodes: [Self; NODES] = Default::default();
        nodes[0] = Self::Resting;
        nodes
    }

    /// Goes on to claim; answers the claim.
    pub(super) fn claim(&mut self, id: NodeId) -> Record<Inputs> {
        let Self::Read(view) = *self else { unreachable!("it has read history") };
        *self = Self::Claiming(view);
        Record::Claim(Claim { epoch: view.judge.epoch.next(), by: Some(id) })
    }

    /// Decides the inputs below `to`; answers the batch.
    pub(super) fn append(&mut self, id: NodeId, to: u8) -> Record<Inputs> {
        let Self::Owning(view) = *self else { unreachable!("it believes it is owner") };
        let batch = Batch {
            epoch: view.judge.epoch,
            number: view.judge.number.next(),
            by: Some(id),
            content: Inputs { from: view.position, to },
        };
        *self = Self::Committing(view, batch.clone());
        Record::Batch(batch)
    }
}

/// A record in plain words.
fn told(record: &Record<Inputs>) -> String {
    match record {
        Record::Claim(Claim { epoch, .. }) => format!("claim of epoch {epoch}"),
        Record::Batch(Batch { epoch, number, content: Inputs { from, to }, .. }) => {
            let inputs: Vec<_> = (from + 1..=*to).map(|input| input.to_string()).collect();
            format!("batch {number} of epoch {epoch} (input {})", inputs.join(" and "))
        }
        Record::Void => "append that cannot count".to_owned(),
    }
}

/// A record on its way, with whose it is.
fn told_of(record: &Record<Inputs>) -> String {
    match record.by() {
        Some(id) => format!("{id}'s {}", told(record)),
        None => format!("an abandoned {}", told(record)),
    }
}

/// A step in plain words.
pub(super) fn tell(nodes: &[Phase; NODES], log: &Log<Inputs>, step: &Step) -> String {
    let end = log.records.len();
    match *step {
        Step::Read(id) => format!("{id} reads history to its end, offset {end}"),
        Step::Claim(id) => {
            format!("{id} appends its {}", told(&nodes[id.index()].clone().claim(id)))
        }
        Step::Append(id, to) => {
            format!("{id} appends {}", told(&nodes[id.index()].clone().append(id, to)))
        }
        Step::Land(index) => format!("{} lands at offset {end}", told_of(&log.on_its_way[index])),
        Step::LandAndStay(index) => format!(
            "{} lands at offset {end}; the log's client will repeat it",
            told_of(&log.on_its_way[index])
        ),
        Step::Acknowledge(id, at) => {
            format!("{id} is told that its append stands at offset {at}")
        }
        Step::TimeOut(id) => format!("{id} is not told what became of its append"),
        Step::Look(id) => format!("{id} reads what others have written, up to offset {end}"),
        Step::Crash(id) => format!("{id} crashes and starts again"),
        Step::Join(id) => format!("the shard is assigned to {id}"),
        Step::Leave(id) => format!("the shard is no longer assigned to {id}"),
    }
}
