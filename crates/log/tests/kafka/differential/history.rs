//! What was visible, put in order for a comparison.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_log::Partition;
use flowmill_model::limits;

use super::records::{Number, Shape, Token};
use super::run::{COMPACTED, original, turn};
use super::script::{Script, Step};
use super::seen::{Event, Outcome, Seen, Sent, Visible};

/// One log's side of a comparison.
pub(crate) struct History<'a> {
    pub(crate) script: &'a Script,
    pub(crate) visible: &'a Visible,
    /// Every append, with the step that made it.
    pub(crate) sent: BTreeMap<Number, (usize, &'a Sent)>,
    pub(crate) transcripts: Vec<Transcript>,
}

/// What a reader got from its opening on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) opened_in: usize,
    pub(crate) of: Partition,
    pub(crate) from: u64,
    pub(crate) events: Vec<Event>,
}

impl<'a> History<'a> {
    pub(crate) fn new(script: &'a Script, visible: &'a Visible) -> Self {
        let steps = visible.steps.iter().enumerate();
        let sent = steps.flat_map(|(step, seen)| {
            seen.sent().iter().map(move |sent| (sent.number, (step, sent)))
        });
        Self { script, visible, sent: sent.collect(), transcripts: transcripts(script, visible) }
    }

    /// Partitions in which something was looked at.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &'a Partition> {
        self.visible.contents.keys()
    }

    /// The records of a partition: offset and number.
    pub(crate) fn records(&self, of: &Partition) -> impl Iterator<Item = (u64, Number)> {
        let contents = self.visible.contents.get(of).into_iter().flatten();
        contents.filter_map(|(offset, found)| Some((*offset, found.number?)))
    }

    pub(crate) fn is_unknown(&self, number: Number) -> bool {
        self.sent.get(&number).is_some_and(|(_, sent)| sent.outcome == Outcome::Unknown)
    }

    /// Appends to a partition whose outcome is unknown.
    pub(crate) fn unknown(&self, of: &Partition) -> BTreeSet<Number> {
        let unknown =
            |(_, sent): &&(usize, &Sent)| sent.to == *of && sent.outcome == Outcome::Unknown;
        self.sent.values().filter(unknown).map(|(_, sent)| sent.number).collect()
    }

    /// Whether a log takes such a record: it is none that every log refuses, and the one that
    /// followed it was taken, too.
    pub(crate) fn is_taken(&self, sent: &Sent) -> bool {
        let step = self.step(sent.number);
        let follows = |(in_step, other): &&(usize, &Sent)| {
            (Some(*in_step), &other.to, other.session) == (step, &sent.to, sent.session)
                && turn(other.number) == turn(u32::MAX)
        };
        let refused = |(_, other): (usize, &Sent)| matches!(other.outcome, Outcome::Refused(_));
        let shape = self.script.sends().get(&sent.number).map(|send| send.shape);
        let unfit =
            |shape: Shape| shape.token == Token::BesideNul || shape.bytes > limits::RECORD_BYTES;
        !self.sent.values().find(follows).copied().is_some_and(refused) && !shape.is_some_and(unfit)
    }

    /// The step that made an append.
    pub(crate) fn step(&self, number: Number) -> Option<usize> {
        self.sent.get(&number).map(|(step, _)| *step)
    }

    /// A partition's records step by step: what one step appended has no order, but its offsets
    /// belong to it.
    pub(crate) fn by_step(&self, of: &Partition) -> Vec<(u64, Option<usize>, Number)> {
        let mut numbers: Vec<_> =
            self.records(of).map(|(_, number)| (self.step(number), number)).collect();
        numbers.sort_unstable();
        let offsets = self.records(of).map(|(offset, _)| offset);
        offsets.zip(numbers).map(|(offset, (step, number))| (offset, step, number)).collect()
    }

    /// The last record of each key: offset and number.
    pub(crate) fn last_of_key(&self, of: &Partition) -> BTreeMap<u8, (u64, Number)> {
        let sends = self.script.sends();
        let key = |number: Number| match sends.get(&original(number))?.shape.token {
            Token::Keyed(key) if original(number) == number => Some(key),
            Token::Keyed(_) | Token::Value | Token::Key | Token::Header | Token::BesideNul => {
                Some(255)
            }
        };
        let last = self.records(of);
        last.filter_map(|(offset, number)| Some((key(number)?, (offset, number)))).collect()
    }

    /// Whether a later record of the same key is there.
    pub(crate) fn is_replaced(&self, of: &Partition, number: Number) -> bool {
        of.topic == COMPACTED && !self.last_of_key(of).values().any(|(_, last)| *last == number)
    }
}

fn transcripts(script: &Script, visible: &Visible) -> Vec<Transcript> {
    let mut open: BTreeMap<usize, usize> = BTreeMap::new();
    let mut all: Vec<Transcript> = Vec::new();
    for (number, (step, seen)) in script.steps.iter().zip(&visible.steps).enumerate() {
        match (step, seen) {
            (Step::Open { reader, of, .. }, Seen::Opened(from)) => {
                open.insert(*reader, all.len());
                let (of, events) = (of.clone(), Vec::new());
                all.push(Transcript { opened_in: number, of, from: *from, events });
            }
            (Step::Pull { reader, .. } | Step::Await { reader, .. }, seen) => {
                if let Some(transcript) = open.get(reader).and_then(|index| all.get_mut(*index)) {
                    transcript.events.extend_from_slice(seen.got());
                }
            }
            _ => {}
        }
    }
    all
}
