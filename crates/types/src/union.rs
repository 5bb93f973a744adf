//! Unions: what a merge or the ends of a switch give.

use std::collections::BTreeSet;

use crate::mark::Marks;
use crate::shape::{Branch, Set, Type};
use crate::steps::Effort;

impl Type {
    /// The same with what is left of an effort: every value once nothing is.
    pub fn union_with(types: &[Type], effort: &mut Effort) -> Self {
        if let [only] = types {
            return only.clone();
        }
        let parts = types.iter().map(Type::parts).fold(0, usize::saturating_add);
        effort.take(parts).map_or_else(|_| Self::any(), |()| Self::union(types))
    }

    /// The values of any of `types`. A union beyond the limits of a type is known as every value,
    /// checked at run time.
    pub fn union(types: &[Type]) -> Self {
        if types.iter().any(Type::is_any) {
            return Self::any();
        }
        match types {
            [only] => only.clone(),
            [] | [_, ..] => {
                let branches = types.iter().flat_map(|part| part.branches().iter().cloned());
                Self::of(branches.collect()).unwrap_or_else(|_| Self::unknown("union"))
            }
        }
    }
}

/// Branches in order, with those joined that are one set or lie within another.
pub(crate) fn merged(branches: Vec<Branch>) -> Vec<Branch> {
    let mut rest = Vec::new();
    let mut finite = Vec::new();
    for branch in branches {
        match branch.set {
            Set::Booleans(values) => join_booleans(&mut finite, values, branch.marks),
            Set::Numbers(values) => join_numbers(&mut finite, values, branch.marks),
            Set::Texts(values) => join_texts(&mut finite, values, branch.marks),
            Set::Null | Set::Range(_) | Set::Lengths(_) | Set::Array(_) | Set::Object(_) => {
                rest.push(branch);
            }
        }
    }
    rest.sort();
    rest.dedup();
    let known: Vec<Set> =
        rest.iter().filter(|branch| branch.marks.is_empty()).map(|b| b.set.clone()).collect();
    rest.retain(|branch| !known.iter().any(|set| *set != branch.set && holds(set, &branch.set)));
    rest.extend(finite.into_iter().filter_map(|branch| less(branch, &known)));
    rest.sort();
    rest
}

fn join_booleans(finite: &mut Vec<Branch>, values: BTreeSet<bool>, marks: Marks) {
    for branch in finite.iter_mut().filter(|branch| branch.marks == marks) {
        if let Set::Booleans(known) = &mut branch.set {
            known.extend(values);
            return;
        }
    }
    finite.push(Branch { set: Set::Booleans(values), marks });
}

fn join_numbers(finite: &mut Vec<Branch>, values: BTreeSet<crate::number::Num>, marks: Marks) {
    for branch in finite.iter_mut().filter(|branch| branch.marks == marks) {
        if let Set::Numbers(known) = &mut branch.set {
            known.extend(values);
            return;
        }
    }
    finite.push(Branch { set: Set::Numbers(values), marks });
}

fn join_texts(finite: &mut Vec<Branch>, values: BTreeSet<String>, marks: Marks) {
    for branch in finite.iter_mut().filter(|branch| branch.marks == marks) {
        if let Set::Texts(known) = &mut branch.set {
            known.extend(values);
            return;
        }
    }
    finite.push(Branch { set: Set::Texts(values), marks });
}

/// Whether a range, or the strings of some lengths, hold all of another such set.
fn holds(set: &Set, other: &Set) -> bool {
    match (set, other) {
        (Set::Range(set), Set::Range(other)) => other.is_within(set),
        (Set::Lengths(set), Set::Lengths(other)) => other.is_within(set),
        (
            Set::Null
            | Set::Booleans(_)
            | Set::Range(_)
            | Set::Numbers(_)
            | Set::Lengths(_)
            | Set::Texts(_)
            | Set::Array(_)
            | Set::Object(_),
            _,
        ) => false,
    }
}

/// A branch without the values that the known sets have anyway.
fn less(branch: Branch, known: &[Set]) -> Option<Branch> {
    let set = match branch.set {
        Set::Numbers(mut values) => {
            values.retain(|value| !known.iter().any(|set| has_number(set, *value)));
            Set::numbers(values)
        }
        Set::Texts(mut values) => {
            values.retain(|value| !known.iter().any(|set| has_text(set, value)));
            Set::texts(values)
        }
        set @ (Set::Null
        | Set::Booleans(_)
        | Set::Range(_)
        | Set::Lengths(_)
        | Set::Array(_)
        | Set::Object(_)) => Some(set),
    };
    Some(Branch { set: set?, marks: branch.marks })
}

fn has_number(set: &Set, number: crate::number::Num) -> bool {
    if let Set::Range(range) = set { range.contains(number) } else { false }
}

fn has_text(set: &Set, text: &str) -> bool {
    if let Set::Lengths(lengths) = set { lengths.contains(text) } else { false }
}
