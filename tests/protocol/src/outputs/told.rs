//! Steps in plain words.

use super::{Content, Output, State, Step, Task};
use crate::history::Record;

fn output(output: Output) -> String {
    match output {
        Output::Task(task) => format!("which decides task {}", task + 1),
        Output::Again(batch) => format!("in which the timer of batch {batch}'s task fires"),
        Output::Nothing => "which decides nothing".to_owned(),
    }
}

fn task(Task { epoch, number, batch, .. }: Task) -> String {
    format!("the task of batch {batch} that carries epoch {epoch} and batch {number}")
}

fn record(record: &Record<Content>) -> String {
    match record {
        Record::Claim(claim) => format!("the claim of epoch {}", claim.epoch),
        Record::Batch(batch) => format!("batch {} of epoch {}", batch.number, batch.epoch),
        Record::Void => "an append that cannot count".to_owned(),
    }
}

pub(super) fn tell(state: &State, step: &Step) -> String {
    let who = |id: usize| format!("the owner of epoch {}", state.owners[id].term.epoch);
    match *step {
        Step::Claim(from) => {
            let (end, mark) = (state.log.end(), state.recorded_mark(state.log.end().number));
            let epoch = end.epoch.next();
            format!(
                "a node claims epoch {epoch}, reads on from batch {from}, finds the mark {mark}"
            )
        }
        Step::Append(id, decided) => {
            let number = state.owners[id].term.number.next();
            format!("{} appends batch {number}, {}", who(id), output(decided))
        }
        Step::Land(index) => format!("{} lands", record(&state.log.on_its_way[index])),
        Step::Commit(id) => format!("{} learns that its batch is committed", who(id)),
        Step::Send(id, batch) => format!("{} sends the task of batch {batch}", who(id)),
        Step::GiveUp(id, batch) => {
            format!("{} leaves the task of batch {batch} to its timer", who(id))
        }
        Step::Work(index) => format!("a worker does {}", task(state.queue[index])),
        Step::Drop(index, epoch) => {
            let (mark, task) = (state.mark_found(epoch), task(state.queue[index]));
            format!("a worker knows that epoch {epoch} found the mark {mark}, and drops {task}")
        }
    }
}
