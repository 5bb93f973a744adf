//! Steps in plain words.

use super::{Content, DUE, State, Step};
use crate::history::Record;
use crate::ids::Number;

fn timer(timer: usize) -> String {
    format!("timer {}, due at {}", timer + 1, DUE[timer])
}

fn record(record: &Record<Content>) -> String {
    match record {
        Record::Claim(claim) => format!("the claim of epoch {}", claim.epoch),
        Record::Batch(batch) => format!("batch {} of epoch {}", batch.number, batch.epoch),
        Record::Void => "an append that cannot count".to_owned(),
    }
}

pub(super) fn tell(state: &State, step: &Step) -> String {
    let next = state.owner.as_ref().map_or_else(Number::default, |owner| owner.term.number.next());
    match *step {
        Step::Claim(from) => {
            let epoch = state.log.end().epoch.next();
            format!("a node claims epoch {epoch}, reads history from batch {from} on, and the rows")
        }
        Step::Set(set) => format!("the owner appends batch {next}, which sets {}", timer(set)),
        Step::Fire(fired) => {
            format!("the owner appends batch {next}, in which {} fires", timer(fired))
        }
        Step::Land(index) => format!("{} lands", record(&state.log.on_its_way[index])),
        Step::Commit => "the owner learns that its batch is committed".to_owned(),
        Step::Tick => format!("time moves on to {}", state.now + 1),
    }
}
