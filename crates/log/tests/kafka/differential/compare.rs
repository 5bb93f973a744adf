//! Compares what two logs showed of the same script.

mod reading;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use flowmill_log::Partition;

use super::history::History;
use super::own;
use super::rules::{Needed, Rule};
use super::run::COMPACTED;
use super::script::Script;
use super::seen::Visible;

/// A comparison.
struct Compare<'a> {
    model: History<'a>,
    real: History<'a>,
    /// Partitions whose offsets are the same on both: all, unless the outcome of an append to it
    /// is unknown.
    exact: BTreeMap<&'a Partition, bool>,
    problems: Vec<String>,
    needed: Needed,
}

/// What differs and may not, or is wrong on one of them, and the rules that allowed the rest.
pub(crate) fn compare(script: &Script, model: &Visible, real: &Visible) -> (Vec<String>, Needed) {
    let (model, real) = (History::new(script, model), History::new(script, real));
    let of = |log: &str, problems: Vec<String>| -> Vec<String> {
        problems.into_iter().map(|problem| format!("{log}: {problem}")).collect()
    };
    let mut problems = of("memory", own::problems(&model));
    problems.extend(of("Kafka", own::problems(&real)));
    let (exact, needed) = (BTreeMap::new(), Needed::default());
    let mut compare = Compare { model, real, exact, problems, needed };
    compare.contents();
    compare.steps();
    compare.transcripts();
    compare.committed();
    (compare.problems, compare.needed)
}

impl<'a> Compare<'a> {
    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Unless it is known otherwise, offsets are the same.
    fn is_exact(&self, of: &Partition) -> bool {
        self.exact.get(of).copied().unwrap_or(true)
    }

    fn contents(&mut self) {
        let both = self.model.partitions().chain(self.real.partitions());
        for of in both.collect::<BTreeSet<&'a Partition>>() {
            let exact = if of.topic == COMPACTED {
                self.compacted(of)
            } else {
                self.model.by_step(of) == self.real.by_step(of)
            };
            self.exact.insert(of, exact);
            if exact {
                continue;
            }
            let mut unknown = self.model.unknown(of);
            unknown.extend(self.real.unknown(of));
            let known = |history: &History<'_>| -> BTreeSet<_> {
                let numbers = history.records(of).map(|(_, number)| number);
                numbers.filter(|number| !unknown.contains(number)).collect()
            };
            let (model, real) = (known(&self.model), known(&self.real));
            let replaced = of.topic == COMPACTED;
            if unknown.is_empty() || (model != real && !replaced) {
                let (model, real) = (self.model.by_step(of), self.real.by_step(of));
                let only = first_difference(&model, &real);
                self.problem(format!("{of} differs, (offset, step, record) first: {only}"));
            } else {
                self.needed.note(Rule::Unknown);
            }
        }
    }

    /// Whether the last records of all keys are the same; the rest may be there or not.
    fn compacted(&mut self, of: &Partition) -> bool {
        if self.model.records(of).count() != self.real.records(of).count() {
            self.needed.note(Rule::LateCompaction);
        }
        self.model.last_of_key(of) == self.real.last_of_key(of)
    }

    fn committed(&mut self) {
        let (model, real) = (&self.model.visible.committed, &self.real.visible.committed);
        if model != real {
            self.problem(format!("committed at the end: memory {model:?}, Kafka {real:?}"));
        }
    }
}

fn first_difference<T: std::fmt::Debug + PartialEq>(model: &[T], real: &[T]) -> String {
    let same = model.iter().zip(real).take_while(|(model, real)| model == real).count();
    format!("memory {:?}, Kafka {:?}", model.get(same), real.get(same))
}
