//! Compares step by step.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_log::{Partition, Topic};

use super::Compare;
use crate::differential::rules::Rule;
use crate::differential::script::Step;
use crate::differential::seen::{Failure, Outcome, Seen, Sent};

/// What was asked of topics so far.
#[derive(Default)]
struct Asked {
    /// What each session asked for last, and got.
    last: BTreeMap<(usize, Topic), u16>,
    /// How many partitions each topic has had.
    counts: BTreeMap<Topic, BTreeSet<u16>>,
}

type Answers<'a> = (&'a [Result<(), Failure>], &'a [Option<u16>]);

impl Compare<'_> {
    pub(super) fn steps(&mut self) {
        let script = self.model.script;
        let mut asked = Asked::default();
        for (number, step) in script.steps.iter().enumerate() {
            let (model, real) =
                (&self.model.visible.steps[number], &self.real.visible.steps[number]);
            let same = match (step, model, real) {
                (_, Seen::Made(model, known), Seen::Made(real, real_known)) => {
                    self.made(step, (model, known), (real, real_known), &mut asked)
                }
                (_, Seen::Sent(model), Seen::Sent(real))
                | (_, Seen::Awaited { sent: model, .. }, Seen::Awaited { sent: real, .. }) => {
                    self.sent(model, real)
                }
                (Step::Bounds { of, .. } | Step::Trim { of, .. } | Step::Open { of, .. }, _, _)
                    if !self.is_exact(of) =>
                {
                    true
                }
                (Step::Pull { .. }, _, _) => true,
                (_, Seen::Settled { .. }, Seen::Settled { .. }) => self.settled(model, real),
                (_, model, real) => model == real,
            };
            if let Step::Rebuild { session, .. } = step {
                asked.last.retain(|(of, _), _| of != session);
            }
            if !same {
                let what =
                    format!("step {number}, {step:?}:\n  memory {model:?}\n  Kafka  {real:?}");
                self.problem(what);
            }
        }
    }

    fn made(
        &mut self,
        step: &Step,
        (model, known): Answers<'_>,
        (real, real_known): Answers<'_>,
        asked: &mut Asked,
    ) -> bool {
        let Some((sessions, topic, partitions)) = step.asks() else { return false };
        let mut same = model.len() == real.len();
        for ((model, real), session) in model.iter().zip(real).zip(&sessions) {
            let key = (*session, topic.clone());
            let repeats = asked.last.get(&key) == Some(&partitions);
            if *real == Ok(()) {
                asked.last.insert(key, partitions);
            }
            if model == real {
                continue;
            }
            let is_behind = matches!(model, Err(Failure::PartitionCount { .. })) && *real == Ok(());
            same &= repeats && is_behind;
            self.needed.note(Rule::AskedBefore);
        }
        let counts = asked.counts.entry(topic.clone()).or_default();
        counts.extend(known.iter().flatten());
        for (session, (known, real_known)) in known.iter().zip(real_known).enumerate() {
            if known != real_known {
                self.needed.note(Rule::KnownPartitions);
                // Who has just made it knows.
                same &= !sessions.contains(&session) || real.iter().any(Result::is_err);
                same &= real_known.is_none_or(|count| counts.contains(&count));
            }
        }
        same
    }

    fn sent(&mut self, model: &[Sent], real: &[Sent]) -> bool {
        let sessions = |to: &Partition| {
            let of = model.iter().filter(|sent| sent.to == *to).map(|sent| sent.session);
            of.collect::<BTreeSet<_>>().len()
        };
        let mut same = model.len() == real.len();
        for (model, real) in model.iter().zip(real) {
            if real.outcome == Outcome::Unknown {
                self.needed.note(Rule::Unknown);
            }
            let is_same = match (&model.outcome, &real.outcome) {
                (Outcome::At(at), Outcome::At(real_at)) if at != real_at => {
                    if !self.is_exact(&model.to) {
                        self.needed.note(Rule::Unknown);
                        true
                    } else {
                        self.needed.note(Rule::Interleaving);
                        sessions(&model.to) > 1
                    }
                }
                (model, real) => model == real,
            };
            same &= is_same && (model.number, &model.to) == (real.number, &real.to);
        }
        same
    }

    fn settled(&mut self, model: &Seen, real: &Seen) -> bool {
        let (
            Seen::Settled { shares, others, .. },
            Seen::Settled { shares: real_shares, others: real_others, .. },
        ) = (model, real)
        else {
            return false;
        };
        if shares.len() > 1 {
            self.needed.note(Rule::WhoHolds);
        }
        let is_told = others == real_others;
        if !is_told {
            self.needed.note(Rule::NotToldOfOthers);
        }
        shares == real_shares && (is_told || *real_others == Some(false))
    }
}
