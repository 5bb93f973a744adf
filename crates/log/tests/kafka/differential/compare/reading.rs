//! Compares what readers got.

use super::Compare;
use crate::differential::history::Transcript;
use crate::differential::rules::Rule;
use crate::differential::run::COMPACTED;
use crate::differential::seen::{Event, Failure};

impl Compare<'_> {
    pub(super) fn transcripts(&mut self) {
        let (model, real) = (self.model.transcripts.clone(), self.real.transcripts.clone());
        for (model, real) in model.iter().zip(&real) {
            if !self.is_exact(&model.of) {
                continue;
            }
            let same = if model.of.topic == COMPACTED {
                self.compacted_reading(model, real)
            } else {
                self.reading(model, real)
            };
            if !same {
                let only = super::first_difference(&places(model), &places(real));
                let step = model.opened_in;
                self.problem(format!("the reader of step {step} differs, first: {only}"));
            }
        }
    }

    /// The same records, as far as offsets say so: which records those are is known. A reader that
    /// a trim has overtaken may go on with what it has.
    fn reading(&mut self, model: &Transcript, real: &Transcript) -> bool {
        let (model, real) = (places(model), places(real));
        let same = model.iter().zip(&real).take_while(|(model, real)| model == real).count();
        if same == model.len() && same == real.len() {
            return true;
        }
        let is_overtaken = matches!(model.get(same), Some(Err(Failure::OutOfRange { .. })));
        if !is_overtaken || same + 1 != model.len() {
            return false;
        }
        self.needed.note(Rule::FetchedAhead);
        // That they come without a gap is seen by what each log has to keep by itself.
        real.iter().skip(same).all(|place| matches!(place, Ok(_) | Err(Failure::OutOfRange { .. })))
    }

    /// Every record that the memory log has kept, and others that are replaced.
    fn compacted_reading(&mut self, model: &Transcript, real: &Transcript) -> bool {
        let (of, model, real) = (&model.of, places(model), places(real));
        let more: Vec<u64> =
            real.iter().filter(|place| !model.contains(place)).filter_map(offset).collect();
        if !more.is_empty() {
            self.needed.note(Rule::LateCompaction);
        }
        let all = model.iter().all(|place| real.contains(place));
        let records: Vec<_> = self.real.records(of).collect();
        let is_replaced = |at: &u64| {
            let record = records.iter().find(|(offset, _)| offset == at);
            record.is_some_and(|(_, number)| self.real.is_replaced(of, *number))
        };
        all && more.iter().all(is_replaced)
    }
}

/// Where a reader was, and how it failed.
fn places(transcript: &Transcript) -> Vec<Result<u64, Failure>> {
    let place = |event: &Event| match event {
        Event::Got(offset, _) => Ok(*offset),
        Event::Failed(failure) => Err(failure.clone()),
    };
    transcript.events.iter().map(place).collect()
}

fn offset(place: &Result<u64, Failure>) -> Option<u64> {
    place.as_ref().ok().copied()
}
