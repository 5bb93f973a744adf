//! A value that one type has and another refuses.
//!
//! Candidates are made near to where the types differ; what is returned has been checked against
//! both, so a poor guess costs an example and never a false one.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::accept::Trust;
use crate::number::Num;
use crate::relate::Clash;
use crate::shape::{ArraySet, ObjectSet, Set, Type};
use crate::steps::Steps;

/// Alternatives of a target that candidates are made for.
const ALTERNATIVES: usize = 16;

/// Items, fields and characters of a candidate that is made long to exceed a bound.
const LONG: u64 = 100;

/// Values of an enumeration that are tried.
const LISTED: usize = 64;

/// A value that surely is of `source` and surely not of `target`, if one is found.
pub(crate) fn clash(source: &Type, target: &Type, steps: &mut Steps) -> Option<Clash> {
    let value = find(source, target, steps)?;
    Some(Clash { pointer: target.refusal(&value), example: Some(value) })
}

fn find(source: &Type, target: &Type, steps: &mut Steps) -> Option<Value> {
    steps.take().ok()?;
    if target.is_any() || source.is_same(target) {
        return None;
    }
    let mut known = source.branches().iter().filter(|branch| branch.marks.is_empty());
    known.find_map(|branch| {
        let search = Search { source, target };
        let values = match &branch.set {
            Set::Null => vec![Value::Null],
            Set::Booleans(values) => values.iter().copied().map(Value::Bool).collect(),
            Set::Numbers(values) => values.iter().take(LISTED).map(|n| n.to_value()).collect(),
            Set::Range(_) => numbers(&branch.set, target),
            Set::Texts(texts) => texts.iter().take(LISTED).cloned().map(Value::String).collect(),
            Set::Lengths(_) => texts(&branch.set, target),
            Set::Array(array) => return search.arrays(array, steps),
            Set::Object(object) => return search.objects(object, steps),
        };
        steps.take_list(values.len()).ok()?;
        values.into_iter().find_map(|value| search.checked(value))
    })
}

/// The types between which a value is looked for.
#[derive(Clone, Copy)]
struct Search<'a> {
    source: &'a Type,
    target: &'a Type,
}

/// Numbers on both sides of every bound of a range and of a target.
fn numbers(own: &Set, target: &Type) -> Vec<Value> {
    let mut marks: BTreeSet<Num> = [Num::Whole(0)].into();
    for set in std::iter::once(own).chain(target.branches().iter().map(|branch| &branch.set)) {
        match set {
            Set::Range(range) => {
                marks.extend([range.low, range.high].into_iter().flatten().map(|bound| bound.at));
                // A multiple of the one step that need not be one of the other.
                let steps = range.step.into_iter().flat_map(|step| [step, step + 1]);
                marks.extend(steps.map(|step| Num::Whole(step.into())));
            }
            Set::Numbers(numbers) => marks.extend(numbers.iter().take(LISTED)),
            Set::Null
            | Set::Booleans(_)
            | Set::Lengths(_)
            | Set::Texts(_)
            | Set::Array(_)
            | Set::Object(_) => {}
        }
    }
    let step = if let Set::Range(range) = own { range.step.unwrap_or(1) } else { 1 };
    let step = i128::from(step);
    let around = |at: Num| [at, at.moved(step), at.moved(-step), at.moved(1), at.moved(-1)];
    let whole = marks.iter().copied().flat_map(around);
    let halves = marks.iter().filter_map(|at| Num::of_double(at.to_double() + 0.5));
    whole.chain(halves).map(Num::to_value).collect()
}

/// Strings on both sides of every length that matters.
fn texts(own: &Set, target: &Type) -> Vec<Value> {
    let mut lengths = BTreeSet::new();
    for set in std::iter::once(own).chain(target.branches().iter().map(|branch| &branch.set)) {
        if let Set::Lengths(found) = set {
            lengths.extend([found.min, found.min.saturating_sub(1)]);
            lengths.extend(found.max.into_iter().flat_map(|max| [max, max.saturating_add(1)]));
        }
    }
    // A letter is the plainest example.
    let lengths = [1].into_iter().chain(lengths);
    let sane = lengths.filter_map(|length| usize::try_from(length.min(LONG)).ok());
    sane.flat_map(|length| ["a", "~"].map(|char| Value::String(char.repeat(length)))).collect()
}

impl Search<'_> {
    /// The value, if the source surely has it and the target surely has not.
    fn checked(self, value: Value) -> Option<Value> {
        let clashes = self.source.admits(&value, Trust::Surely) && !self.target.accepts(&value);
        clashes.then_some(value)
    }

    fn entries(self, entries: Map<String, Value>, steps: &mut Steps) -> Option<Value> {
        steps.take_list(entries.len()).ok()?;
        self.checked(Value::Object(entries))
    }

    fn items(self, items: Vec<Value>, steps: &mut Steps) -> Option<Value> {
        steps.take_list(items.len()).ok()?;
        self.checked(Value::Array(items))
    }

    fn arrays(self, own: &ArraySet, steps: &mut Steps) -> Option<Value> {
        let least = array_of(own, own.min, None);
        if let Some(found) = least.and_then(|items| self.items(items, steps)) {
            return Some(found);
        }
        let mut branches = self.target.branches().iter().take(ALTERNATIVES);
        branches.find_map(|branch| match &branch.set {
            Set::Array(other) => self.array_beside(own, other, steps),
            Set::Null
            | Set::Booleans(_)
            | Set::Range(_)
            | Set::Numbers(_)
            | Set::Lengths(_)
            | Set::Texts(_)
            | Set::Object(_) => None,
        })
    }

    /// An array that is not in `other`: too long, too short, or with an item that does not fit.
    fn array_beside(self, own: &ArraySet, other: &ArraySet, steps: &mut Steps) -> Option<Value> {
        let longer = other.max.map(|max| max.saturating_add(1));
        for count in longer.into_iter().chain([other.min.saturating_sub(1)]) {
            let items = array_of(own, count, None);
            if let Some(found) = items.and_then(|items| self.items(items, steps)) {
                return Some(found);
            }
        }
        let named = own.prefix().len().max(other.prefix().len());
        (0..=named).filter(|index| own.reaches(*index)).find_map(|index| {
            let item = find(own.item(index), other.item(index), steps)?;
            self.items(array_of(own, other.min, Some((index, item)))?, steps)
        })
    }

    fn objects(self, own: &ObjectSet, steps: &mut Steps) -> Option<Value> {
        let base = object_of(own)?;
        if let Some(found) = self.entries(base.clone(), steps) {
            return Some(found);
        }
        let mut branches = self.target.branches().iter().take(ALTERNATIVES);
        branches.find_map(|branch| match &branch.set {
            Set::Object(other) => self.object_beside(own, other, &base, steps),
            Set::Null
            | Set::Booleans(_)
            | Set::Range(_)
            | Set::Numbers(_)
            | Set::Lengths(_)
            | Set::Texts(_)
            | Set::Array(_) => None,
        })
    }

    /// An object that is not in `other`: with a field that does not fit or too many, or without one.
    fn object_beside(
        self,
        own: &ObjectSet,
        other: &ObjectSet,
        base: &Map<String, Value>,
        steps: &mut Steps,
    ) -> Option<Value> {
        for name in own.names(other) {
            if other.requires(name)
                && !own.requires(name)
                && let Some(found) = self.entries(without(base, name), steps)
            {
                return Some(found);
            }
            let value = find(own.field(name), other.field(name), steps);
            if let Some(found) = value.and_then(|v| self.entries(with(base, name, v), steps)) {
                return Some(found);
            }
        }
        let value = find(own.rest(), other.rest(), steps);
        let unnamed = value.map(|value| with(base, &unnamed(own, other), value));
        if let Some(found) = unnamed.and_then(|entries| self.entries(entries, steps)) {
            return Some(found);
        }
        larger(own, other, base).and_then(|entries| self.entries(entries, steps))
    }
}

/// The smallest object of a set.
fn object_of(own: &ObjectSet) -> Option<Map<String, Value>> {
    let own = Type::of(vec![Set::Object(own.clone()).into()]).ok()?;
    match own.sample(Trust::Surely)? {
        Value::Object(entries) => Some(entries),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

/// An array of about `count` items, with one item given.
fn array_of(own: &ArraySet, count: u64, given: Option<(usize, Value)>) -> Option<Vec<Value>> {
    let needed = given.as_ref().map_or(0, |(index, _)| *index as u64 + 1);
    let count = count.clamp(own.min, own.max.unwrap_or(u64::MAX)).max(needed);
    let count = usize::try_from(count).ok().filter(|count| *count as u64 <= LONG)?;
    let mut items = Vec::with_capacity(count);
    for index in 0..count {
        match &given {
            Some((at, item)) if *at == index => items.push(item.clone()),
            Some(_) | None => items.push(own.item(index).sample(Trust::Surely)?),
        }
    }
    Some(items)
}

fn without(base: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut entries = base.clone();
    entries.remove(name);
    entries
}

fn with(base: &Map<String, Value>, name: &str, value: Value) -> Map<String, Value> {
    let mut entries = base.clone();
    entries.insert(name.to_owned(), value);
    entries
}

/// A name that neither set of objects has.
fn unnamed(own: &ObjectSet, other: &ObjectSet) -> String {
    let taken =
        |name: &String| own.fields().contains_key(name) || other.fields().contains_key(name);
    let mut name = "other".to_owned();
    while taken(&name) {
        name.push('_');
    }
    name
}

/// An object with more fields than a target takes.
fn larger(
    own: &ObjectSet,
    other: &ObjectSet,
    base: &Map<String, Value>,
) -> Option<Map<String, Value>> {
    let most = other.max.filter(|max| *max < LONG)?;
    let mut entries = base.clone();
    let named = own.fields().keys().cloned();
    let mut names = named.chain((1..=LONG).map(|number| format!("field{number}")));
    while entries.len() as u64 <= most {
        let name = names.next()?;
        if !entries.contains_key(&name)
            && let Some(value) = own.field(&name).sample(Trust::Surely)
        {
            entries.insert(name, value);
        }
    }
    Some(entries)
}
