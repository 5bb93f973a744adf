//! Steps in plain words.

use super::batch::{Content, Input};
use super::{State, Step};
use crate::history::Record;
use crate::mutation::Mutation;

fn inputs(inputs: &[Input]) -> String {
    let name = |input: &Input| {
        let topic = if input.topic == 0 { "command" } else { "result" };
        format!("{topic} {} of execution {}", input.offset, input.execution_name())
    };
    inputs.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn content(content: &Content) -> String {
    let Content { decided, deferred, resolved, positions } = content;
    let mut says = Vec::new();
    for (what, named) in [("decides", decided), ("defers", deferred), ("resolves", resolved)] {
        if !named.is_empty() {
            says.push(format!("{what} {}", inputs(named)));
        }
    }
    says.push(format!("moves to positions {} and {}", positions[0], positions[1]));
    says.join("; ")
}

fn record(record: &Record<Content>) -> String {
    match record {
        Record::Claim(claim) => format!("the claim of epoch {}", claim.epoch),
        Record::Batch(batch) => format!("batch {} of epoch {}", batch.number, batch.epoch),
        Record::Void => "an append that cannot count".to_owned(),
    }
}

pub(super) fn tell(state: &State, step: &Step, mutation: Option<Mutation>) -> String {
    match step {
        Step::Claim(from) => {
            let epoch = state.log.end().epoch.next();
            format!("a node claims epoch {epoch} and reads history from batch {from} on")
        }
        Step::Append(choice) => {
            let owner = state.owner.as_ref().expect("there is one");
            let made = owner.memory.decide(choice, mutation).expect("it can");
            format!(
                "the owner appends batch {}, which {}",
                owner.term.number.next(),
                content(&made)
            )
        }
        Step::Land(index) => format!("{} lands", record(&state.log.on_its_way[*index])),
        Step::Commit => "the owner learns that its batch is committed".to_owned(),
    }
}
