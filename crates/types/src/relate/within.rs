//! Whether every value of one type is of another.
//!
//! Each branch of the source must lie within one branch of the target, or within several together
//! where that can be told: values one by one, ranges end to end, objects by the values of one of
//! their fields.

use crate::meet::meet;
use crate::number::Num;
use crate::range::{Bound, Range};
use crate::shape::{ArraySet, Branch, Lengths, ObjectSet, Set, Type, most_within};
use crate::steps::{Excess, Steps};

/// Values into which one set is taken apart at most.
const PIECES: usize = 64;

/// Fields by whose values one object is taken apart, one after the other.
const SPLITS: usize = 3;

/// Whether every value of `source` is surely of `target`.
pub(super) fn within(source: &Type, target: &Type, steps: &mut Steps) -> Result<bool, Excess> {
    steps.take()?;
    if source.is_same(target) || target.is_any() {
        return Ok(true);
    }
    for branch in source.branches() {
        if !is_covered(branch, target, SPLITS, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_covered(
    branch: &Branch,
    target: &Type,
    splits: usize,
    steps: &mut Steps,
) -> Result<bool, Excess> {
    steps.take_list(branch.values())?;
    let promising = |other: &&Branch| branch.marks.imply(&other.marks);
    let others: Vec<&Branch> = target.branches().iter().filter(promising).collect();
    for other in &others {
        steps.take_list(branch.values())?;
        if set_within(&branch.set, &other.set, steps)? {
            return Ok(true);
        }
    }
    match &branch.set {
        Set::Null | Set::Array(_) => Ok(false),
        Set::Booleans(values) => Ok(values.iter().all(|value| {
            others.iter().any(|o| matches!(&o.set, Set::Booleans(set) if set.contains(value)))
        })),
        Set::Numbers(values) => Ok(have_numbers(&others, values)),
        Set::Range(range) => {
            let each = range.members(PIECES);
            Ok(range.is_covered(&ranges(&others))
                || each.is_some_and(|values| have_numbers(&others, &values)))
        }
        Set::Texts(values) => Ok(values.iter().all(|text| have_text(&others, text))),
        Set::Lengths(lengths) => {
            let others: Vec<_> = others.iter().filter_map(|other| lengths_of(other)).collect();
            Ok(as_range(lengths).is_covered(&others))
        }
        Set::Object(object) => is_covered_by_pieces(branch, object, target, splits, steps),
    }
}

fn set_within(own: &Set, other: &Set, steps: &mut Steps) -> Result<bool, Excess> {
    match (own, other) {
        (Set::Null, Set::Null) => Ok(true),
        (Set::Booleans(own), Set::Booleans(other)) => Ok(own.is_subset(other)),
        (Set::Numbers(own), Set::Numbers(other)) => Ok(own.is_subset(other)),
        (Set::Numbers(own), Set::Range(other)) => Ok(own.iter().all(|n| other.contains(*n))),
        (Set::Range(own), Set::Range(other)) => Ok(own.is_within(other)),
        (Set::Texts(own), Set::Texts(other)) => Ok(own.is_subset(other)),
        (Set::Texts(own), Set::Lengths(other)) => Ok(own.iter().all(|text| other.contains(text))),
        (Set::Lengths(own), Set::Lengths(other)) => Ok(own.is_within(other)),
        (Set::Array(own), Set::Array(other)) => array_within(own, other, steps),
        (Set::Object(own), Set::Object(other)) => object_within(own, other, steps),
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
        ) => Ok(false),
    }
}

fn array_within(own: &ArraySet, other: &ArraySet, steps: &mut Steps) -> Result<bool, Excess> {
    if own.min < other.min || !most_within(own.max, other.max) {
        return Ok(false);
    }
    let named = own.prefix().len().max(other.prefix().len());
    for index in (0..named).filter(|index| own.reaches(*index)) {
        if !within(own.item(index), other.item(index), steps)? {
            return Ok(false);
        }
    }
    Ok(!own.reaches(named) || within(own.rest(), other.rest(), steps)?)
}

fn object_within(own: &ObjectSet, other: &ObjectSet, steps: &mut Steps) -> Result<bool, Excess> {
    if own.min < other.min || !most_within(own.max, other.max) {
        return Ok(false);
    }
    for name in own.names(other) {
        let missing = other.requires(name) && !own.requires(name);
        if missing || !within(own.field(name), other.field(name), steps)? {
            return Ok(false);
        }
    }
    within(own.rest(), other.rest(), steps)
}

fn have_numbers<'a>(others: &[&Branch], values: impl IntoIterator<Item = &'a Num>) -> bool {
    let has = |other: &Branch, value: Num| match &other.set {
        Set::Numbers(numbers) => numbers.contains(&value),
        Set::Range(range) => range.contains(value),
        Set::Null
        | Set::Booleans(_)
        | Set::Lengths(_)
        | Set::Texts(_)
        | Set::Array(_)
        | Set::Object(_) => false,
    };
    values.into_iter().all(|value| others.iter().any(|other| has(other, *value)))
}

fn have_text(others: &[&Branch], text: &str) -> bool {
    others.iter().any(|other| match &other.set {
        Set::Texts(texts) => texts.contains(text),
        Set::Lengths(lengths) => lengths.contains(text),
        Set::Null
        | Set::Booleans(_)
        | Set::Range(_)
        | Set::Numbers(_)
        | Set::Array(_)
        | Set::Object(_) => false,
    })
}

/// The ranges among branches; a number listed by itself is a range, too.
fn ranges(branches: &[&Branch]) -> Vec<Range> {
    let point = |at: &Num| {
        let bound = Some(Bound { at: *at, inclusive: true });
        Range { low: bound, high: bound, step: None }
    };
    let mut found = Vec::new();
    for branch in branches {
        match &branch.set {
            Set::Range(range) => found.push(*range),
            Set::Numbers(numbers) => found.extend(numbers.iter().take(PIECES).map(point)),
            Set::Null
            | Set::Booleans(_)
            | Set::Lengths(_)
            | Set::Texts(_)
            | Set::Array(_)
            | Set::Object(_) => {}
        }
    }
    found
}

/// The lengths of all strings that a branch surely has.
fn lengths_of(branch: &Branch) -> Option<Range> {
    match &branch.set {
        Set::Lengths(lengths) => Some(as_range(lengths)),
        // The only string of its length.
        Set::Texts(texts) if texts.contains("") => {
            Some(as_range(&Lengths { min: 0, max: Some(0) }))
        }
        Set::Null
        | Set::Booleans(_)
        | Set::Range(_)
        | Set::Numbers(_)
        | Set::Texts(_)
        | Set::Array(_)
        | Set::Object(_) => None,
    }
}

fn as_range(lengths: &Lengths) -> Range {
    let bound = |at: u64| Bound { at: Num::Whole(at.into()), inclusive: true };
    Range { low: Some(bound(lengths.min)), high: lengths.max.map(bound), step: Some(1) }
}

/// Whether the objects of a branch are of a target once they are told apart by one field.
fn is_covered_by_pieces(
    branch: &Branch,
    object: &ObjectSet,
    target: &Type,
    splits: usize,
    steps: &mut Steps,
) -> Result<bool, Excess> {
    let Some(splits) = splits.checked_sub(1) else { return Ok(false) };
    for name in object.fields().keys() {
        let Some(pieces) = pieces(object, name) else { continue };
        if !tells_apart(object, name, target, steps)? {
            continue;
        }
        let mut all = true;
        for piece in pieces {
            let Some(piece) = object.with_field(name, piece) else { continue };
            let piece = Branch { set: Set::Object(piece), marks: branch.marks.clone() };
            all = all && is_covered(&piece, target, splits, steps)?;
        }
        return Ok(all);
    }
    Ok(false)
}

/// Whether some branch of a target takes a part of what the field holds, but not all.
fn tells_apart(
    object: &ObjectSet,
    name: &str,
    target: &Type,
    steps: &mut Steps,
) -> Result<bool, Excess> {
    for branch in target.branches() {
        let Set::Object(other) = &branch.set else { continue };
        let common = meet(object.field(name), other.field(name), steps)?;
        if !common.is_never() && !within(object.field(name), other.field(name), steps)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ways in which the field `name` can be; `None` if there is one way or too many.
fn pieces(object: &ObjectSet, name: &str) -> Option<Vec<Type>> {
    let mut pieces = if object.requires(name) { Vec::new() } else { vec![Type::never()] };
    for branch in object.field(name).branches() {
        for set in single_values(&branch.set) {
            let piece = Branch { set, marks: branch.marks.clone() };
            pieces.push(Type::of(vec![piece]).ok()?);
        }
    }
    (2..=PIECES).contains(&pieces.len()).then_some(pieces)
}

/// The values of a set that lists them, each by itself; another set as it is.
fn single_values(set: &Set) -> Vec<Set> {
    match set {
        Set::Booleans(values) => values.iter().map(|v| Set::Booleans([*v].into())).collect(),
        Set::Numbers(values) => values.iter().map(|v| Set::Numbers([*v].into())).collect(),
        Set::Texts(values) => values.iter().map(|v| Set::Texts([v.clone()].into())).collect(),
        Set::Null | Set::Range(_) | Set::Lengths(_) | Set::Array(_) | Set::Object(_) => {
            vec![set.clone()]
        }
    }
}
