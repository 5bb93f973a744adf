//! Types of parts of values, and of values made of parts: what expressions and nodes do to types.

use std::collections::BTreeMap;

use crate::mark::{Mark, Marks};
use crate::shape::{ArraySet, Field, ObjectSet, Set, Type};

/// What the field of a value is.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its type where it is there; the empty type if it never is.
    pub value: Type,
    /// Whether every value of the whole has it.
    pub always: bool,
}

impl Type {
    /// The field `name` of values of this type.
    pub fn property(&self, name: &str) -> Part {
        let mut always = !self.is_never();
        let mut found = Vec::new();
        for branch in self.branches() {
            if let Set::Object(object) = &branch.set {
                found.push(with_marks(object.field(name), &branch.marks));
                always &= object.requires(name);
            } else {
                always = false;
            }
        }
        Part { value: Self::union(&found), always }
    }

    /// The items of arrays of this type; the empty type if it has no arrays, or empty ones alone.
    pub fn element(&self) -> Self {
        let mut found = Vec::new();
        for branch in self.branches() {
            if let Set::Array(array) = &branch.set {
                found.extend(array.types().map(|item| with_marks(item, &branch.marks)));
            }
        }
        Self::union(&found)
    }

    /// Arrays of from `min` to `max` of these items. An array beyond the limits of a type is known as
    /// every value.
    pub fn array_of(item: &Self, min: u64, max: u64) -> Self {
        let Some(array) = ArraySet::new(Vec::new(), item.clone(), min, Some(max)) else {
            return Self::never();
        };
        Self::of(vec![Set::Array(array).into()]).unwrap_or_else(|_| Self::unknown("array"))
    }

    /// Objects that have all these fields and no others. Of two fields with one name the later
    /// counts. An object beyond the limits of a type is known as every value.
    pub fn object_of<'a>(fields: impl IntoIterator<Item = (&'a str, Type)>) -> Self {
        let field =
            |(name, value): (&str, Type)| (name.to_owned(), Field { value, required: true });
        let fields: BTreeMap<_, _> = fields.into_iter().map(field).collect();
        let Some(object) = ObjectSet::new(fields, Self::never(), 0, None) else {
            return Self::never();
        };
        Self::of(vec![Set::Object(object).into()]).unwrap_or_else(|_| Self::unknown("object"))
    }
}

/// A part of values that meet constraints which are not understood: they may bound the part, too.
fn with_marks(part: &Type, marks: &Marks) -> Type {
    let marks = marks.iter().map(|mark| Mark::unknown(&mark.keyword));
    marks.fold(part.clone(), |part, mark| part.marked(&mark))
}

#[cfg(test)]
mod tests;
