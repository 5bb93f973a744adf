//! One small value of a type.

use serde_json::{Map, Value};

use flowmill_model::limits;

use crate::accept::Trust;
use crate::number::Num;
use crate::range::Range;
use crate::shape::{ArraySet, Branch, Lengths, ObjectSet, Set, Type};

impl Type {
    /// A small value of this type: the required fields and no others, as few items as may be.
    ///
    /// Where the type is opaque, the value may be refused by the constraint that is not understood,
    /// if no alternative is without one. `None` if the type has no value, or none of a sane size.
    pub fn example(&self) -> Option<Value> {
        self.sample(Trust::Surely).or_else(|| self.sample(Trust::Perhaps))
    }

    /// A value that surely, or perhaps, is of this type.
    pub(crate) fn sample(&self, trust: Trust) -> Option<Value> {
        sample(self, trust, &mut Allowance(limits::EXAMPLE_PARTS))
    }
}

/// What an example may still use up.
struct Allowance(usize);

impl Allowance {
    fn take(&mut self, parts: u64) -> Option<()> {
        self.0 = self.0.checked_sub(usize::try_from(parts).ok()?)?;
        Some(())
    }
}

fn sample(of: &Type, trust: Trust, left: &mut Allowance) -> Option<Value> {
    left.take(1)?;
    let may = |branch: &&Branch| trust == Trust::Perhaps || branch.marks.is_empty();
    of.branches().iter().filter(may).find_map(|branch| in_set(&branch.set, trust, left))
}

fn in_set(set: &Set, trust: Trust, left: &mut Allowance) -> Option<Value> {
    match set {
        Set::Null => Some(Value::Null),
        Set::Booleans(values) => values.last().copied().map(Value::Bool),
        Set::Numbers(numbers) => {
            numbers.iter().find(|number| is_held(**number)).map(|number| number.to_value())
        }
        Set::Range(range) => in_range(range).map(Num::to_value),
        Set::Lengths(lengths) => of_length(lengths, left),
        Set::Texts(texts) => texts.first().cloned().map(Value::String),
        Set::Array(array) => in_array(array, trust, left),
        Set::Object(object) => in_object(object, trust, left),
    }
}

/// A number of a range, a plain one if there is any.
pub(crate) fn in_range(range: &Range) -> Option<Num> {
    let ends = [range.low, range.high].into_iter().flatten().map(|bound| bound.at);
    let mut tried = vec![Num::Whole(0), Num::Whole(1)];
    tried.extend(ends.clone());
    for by in [1, -1] {
        tried.extend(ends.clone().map(|end| end.moved(by)));
    }
    if let (Some(low), Some(high)) = (range.low, range.high) {
        tried.extend(Num::of_double(f64::midpoint(low.at.to_double(), high.at.to_double())));
    }
    // A number beyond 64 bits is a double as JSON, which need not be the same number.
    tried.into_iter().find(|number| range.contains(*number) && is_held(*number))
}

fn is_held(number: Num) -> bool {
    matches!(number.to_value(), Value::Number(held) if Num::of(&held) == Some(number))
}

fn of_length(lengths: &Lengths, left: &mut Allowance) -> Option<Value> {
    let length = if lengths.max.is_none_or(|max| max > 0) { lengths.min.max(1) } else { 0 };
    left.take(length)?;
    Some(Value::String("a".repeat(usize::try_from(length).ok()?)))
}

fn in_array(array: &ArraySet, trust: Trust, left: &mut Allowance) -> Option<Value> {
    let count = usize::try_from(array.min).ok()?;
    let items = (0..count).map(|index| sample(array.item(index), trust, left));
    items.collect::<Option<Vec<_>>>().map(Value::Array)
}

fn in_object(object: &ObjectSet, trust: Trust, left: &mut Allowance) -> Option<Value> {
    let mut entries = Map::new();
    for (name, field) in object.fields().iter().filter(|(_, field)| field.required) {
        entries.insert(name.clone(), sample(&field.value, trust, left)?);
    }
    let missing = |entries: &Map<String, Value>| (entries.len() as u64) < object.min;
    for (name, field) in object.fields().iter().filter(|(_, field)| !field.required) {
        if missing(&entries)
            && let Some(value) = sample(&field.value, trust, left)
        {
            entries.insert(name.clone(), value);
        }
    }
    let mut number = 0_usize;
    while missing(&entries) {
        number += 1;
        let name = format!("field{number}");
        if !object.fields().contains_key(&name) {
            entries.insert(name, sample(object.rest(), trust, left)?);
        }
    }
    Some(Value::Object(entries))
}
