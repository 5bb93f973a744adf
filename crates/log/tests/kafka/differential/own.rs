//! What each log must keep by itself, whatever the other does: the contract, as far as it can be
//! seen.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_log::Partition;

use super::history::{History, Transcript};
use super::records::Number;
use super::run::COMPACTED;
use super::script::Step;
use super::seen::{Event, Failure, Outcome, Seen};

/// Everything that one log did against the contract.
pub(crate) fn problems(history: &History<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for partition in history.partitions() {
        identity(history, partition, &mut problems);
        order(history, partition, &mut problems);
    }
    outcomes(history, &mut problems);
    bounds(history, &mut problems);
    for transcript in &history.transcripts {
        reading(history, transcript, &mut problems);
    }
    waiting_and_sharing(history, &mut problems);
    problems
}

/// Every record is one of those that were appended, as it was, once.
fn identity(history: &History<'_>, of: &Partition, problems: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (offset, found) in history.visible.contents.get(of).into_iter().flatten() {
        let number = found.number;
        if !found.faithful || number.is_none_or(|number| !history.sent.contains_key(&number)) {
            problems.push(format!("{of} has at {offset} what nobody appended: {found:?}"));
        }
        if !seen.insert(number) {
            problems.push(format!("{of} has {number:?} twice, also at {offset}"));
        }
    }
}

/// What is known to be written has the order of the steps, and within one that of each session.
fn order(history: &History<'_>, of: &Partition, problems: &mut Vec<String>) {
    let mut last_step = 0;
    let mut last_of_session: BTreeMap<usize, Number> = BTreeMap::new();
    for (offset, number) in history.records(of) {
        let Some((step, sent)) = history.sent.get(&number) else { continue };
        if history.is_unknown(number) {
            continue;
        }
        if *step < last_step {
            problems.push(format!("{of} has {number} of step {step} at {offset}, too late"));
        }
        if *step > last_step {
            last_of_session.clear();
        }
        last_step = (*step).max(last_step);
        // Those that the runner adds come before or after all others of the step.
        let place = (super::run::turn(number), number);
        let before = last_of_session.insert(sent.session, number);
        if before.is_some_and(|before| (super::run::turn(before), before) > place) {
            problems.push(format!("{of} has {number} of one session at {offset}, out of order"));
        }
    }
}

/// What was said of an append is so.
fn outcomes(history: &History<'_>, problems: &mut Vec<String>) {
    let mut given: BTreeSet<(&Partition, u64)> = BTreeSet::new();
    let places: BTreeMap<Number, (&Partition, u64)> = history
        .partitions()
        .flat_map(|of| history.records(of).map(move |(offset, number)| (number, (of, offset))))
        .collect();
    for (number, (_, sent)) in &history.sent {
        let place = places.get(number);
        let replaced = place.is_none() && sent.to.topic == COMPACTED;
        let is_so = match &sent.outcome {
            Outcome::At(at) => {
                if !given.insert((&sent.to, *at)) {
                    problems.push(format!("{} gave offset {at} out twice", sent.to));
                }
                place == Some(&(&sent.to, *at)) || replaced
            }
            Outcome::Dropped => match place {
                Some((of, _)) => **of == sent.to,
                None => replaced || !history.is_taken(sent),
            },
            Outcome::Refused(_) => place.is_none(),
            Outcome::Unknown => place.is_none_or(|(of, _)| **of == sent.to),
        };
        if !is_so {
            problems.push(format!("{sent:?} was found at {place:?}"));
        }
    }
}

/// An end has below it what was written before it was asked for, and nothing that came later.
fn bounds(history: &History<'_>, problems: &mut Vec<String>) {
    let steps = history.script.steps.iter().zip(&history.visible.steps).enumerate();
    for (number, (step, seen)) in steps {
        let (of, (start, end)) = match (step, seen) {
            (Step::Bounds { of, .. }, Seen::Bounds(Ok(bounds)))
            | (Step::Trim { of, .. }, Seen::Trimmed(_, Ok(bounds))) => (of, *bounds),
            _ => continue,
        };
        if start > end {
            problems.push(format!("step {number}: {of} starts at {start} and ends at {end}"));
        }
        for (offset, record) in history.records(of) {
            let is_earlier = history.step(record) < Some(number);
            if (offset < end) != is_earlier && !history.is_unknown(record) {
                problems
                    .push(format!("step {number}: {of} ends at {end}, {record} is at {offset}"));
            }
        }
    }
}

/// A reader gets every record from its start on, in order, unless a trim took it.
fn reading(history: &History<'_>, transcript: &Transcript, problems: &mut Vec<String>) {
    let Transcript { of, from, events, opened_in } = transcript;
    let contents = history.visible.contents.get(of);
    let mut next = *from;
    for event in events {
        match event {
            Event::Got(offset, found) => {
                let expected = contents.and_then(|all| all.range(next..).next());
                // Of a compacted topic others may be gone by now, and be gone later.
                let compacted = of.topic == COMPACTED;
                let fits =
                    if compacted { *offset >= next } else { expected == Some((offset, found)) };
                if !fits || !found.faithful {
                    problems.push(format!(
                        "the reader of step {opened_in} got {found:?} at {offset}, not {expected:?}"
                    ));
                }
                next = offset + 1;
            }
            Event::Failed(Failure::OutOfRange { start }) if next < *start => {}
            // Whether it was there by then is compared.
            Event::Failed(Failure::NoSuchPartition(_)) => {}
            Event::Failed(failure) => {
                problems.push(format!("the reader of step {opened_in} at {next} got {failure:?}"));
            }
        }
    }
}

/// A reader at the end has nothing, each partition has one owner, and nobody is told of others who
/// are not there.
fn waiting_and_sharing(history: &History<'_>, problems: &mut Vec<String>) {
    for (number, seen) in history.visible.steps.iter().enumerate() {
        if matches!(seen, Seen::Awaited { waited: Some(false), .. }) {
            problems.push(format!("step {number}: a reader at the end had something"));
        }
        if let Seen::Settled { whole, others, shares } = seen
            && (!whole || (*others == Some(true) && shares.is_empty()))
        {
            problems.push(format!("step {number}: {seen:?}"));
        }
    }
}
