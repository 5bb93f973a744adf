//! Intersections: the values that two types have in common.
//!
//! What is common to two sets is exact, so that an empty intersection means that no value is of
//! both types, and that constraints which stand side by side in a schema can be joined into one.

use std::collections::{BTreeMap, BTreeSet};

use crate::mark::Mark;
use crate::range::Common;
use crate::shape::{ArraySet, Branch, Field, ObjectSet, Set, Type, least};
use crate::steps::{Excess, Steps};

/// The values of both types.
pub(crate) fn meet(a: &Type, b: &Type, steps: &mut Steps) -> Result<Type, Excess> {
    steps.take()?;
    if a.is_same(b) || b.is_any() {
        return Ok(a.clone());
    }
    if a.is_any() {
        return Ok(b.clone());
    }
    let mut branches = Vec::new();
    for own in a.branches() {
        for other in b.branches() {
            steps.take_list(own.values() + other.values())?;
            branches.extend(branch(own, other, steps)?);
        }
    }
    Type::of(branches)
}

fn branch(a: &Branch, b: &Branch, steps: &mut Steps) -> Result<Option<Branch>, Excess> {
    let mut wider = None;
    let common = match (&a.set, &b.set) {
        (Set::Null, Set::Null) => Some(Set::Null),
        (Set::Booleans(a), Set::Booleans(b)) => Set::booleans(a & b),
        (Set::Numbers(a), Set::Numbers(b)) => Set::numbers(a & b),
        (Set::Range(range), Set::Numbers(values)) | (Set::Numbers(values), Set::Range(range)) => {
            Set::numbers(values.iter().copied().filter(|value| range.contains(*value)).collect())
        }
        (Set::Range(a), Set::Range(b)) => match a.common(b) {
            None => None,
            Some(Common::Range(range)) => Set::range(range),
            Some(Common::Wider(range)) => {
                wider = Some(Mark::unknown("multipleOf"));
                Set::range(range)
            }
        },
        (Set::Texts(a), Set::Texts(b)) => Set::texts(a & b),
        (Set::Lengths(lengths), Set::Texts(texts)) | (Set::Texts(texts), Set::Lengths(lengths)) => {
            let fit: BTreeSet<_> =
                texts.iter().filter(|text| lengths.contains(text)).cloned().collect();
            Set::texts(fit)
        }
        (Set::Lengths(a), Set::Lengths(b)) => Set::lengths(a.common(b)),
        (Set::Array(a), Set::Array(b)) => arrays(a, b, steps)?.map(Set::Array),
        (Set::Object(a), Set::Object(b)) => objects(a, b, steps)?.map(Set::Object),
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
        ) => None,
    };
    let Some(set) = common else { return Ok(None) };
    let mut marks = a.marks.with(&b.marks);
    wider.into_iter().for_each(|mark| marks.add(mark));
    Ok(Some(Branch { set, marks }))
}

fn arrays(a: &ArraySet, b: &ArraySet, steps: &mut Steps) -> Result<Option<ArraySet>, Excess> {
    let named = a.prefix().len().max(b.prefix().len());
    let items = (0..named).map(|index| meet(a.item(index), b.item(index), steps));
    let items = items.collect::<Result<_, _>>()?;
    let rest = meet(a.rest(), b.rest(), steps)?;
    Ok(ArraySet::new(items, rest, a.min.max(b.min), least(a.max, b.max)))
}

fn objects(a: &ObjectSet, b: &ObjectSet, steps: &mut Steps) -> Result<Option<ObjectSet>, Excess> {
    let mut fields = BTreeMap::new();
    for name in a.names(b) {
        let value = meet(a.field(name), b.field(name), steps)?;
        let required = a.requires(name) || b.requires(name);
        fields.insert(name.to_owned(), Field { value, required });
    }
    let rest = meet(a.rest(), b.rest(), steps)?;
    Ok(ObjectSet::new(fields, rest, a.min.max(b.min), least(a.max, b.max)))
}
