//! Sets of objects: the type of each named field, that of all others, and how many there are.

use std::collections::BTreeMap;

use super::{Type, least};

/// A field that a set of objects names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    /// What it holds where it is there; the empty type forbids it.
    pub(crate) value: Type,
    pub(crate) required: bool,
}

/// Objects whose fields have types by their name.
///
/// In normal form: every required field is named, no optional field is named that has the type of
/// the rest, `min` counts the required fields, and `max` the possible ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectSet {
    fields: BTreeMap<String, Field>,
    rest: Type,
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
}

impl ObjectSet {
    pub(crate) fn any() -> Self {
        Self { fields: BTreeMap::new(), rest: Type::any(), min: 0, max: None }
    }

    /// The set in its normal form; `None` if no object is in it.
    pub(crate) fn new(
        mut fields: BTreeMap<String, Field>,
        mut rest: Type,
        min: u64,
        max: Option<u64>,
    ) -> Option<Self> {
        if fields.values().any(|field| field.required && field.value.is_never()) {
            return None;
        }
        let required = fields.values().filter(|field| field.required).count() as u64;
        let possible = fields.values().filter(|field| !field.value.is_never()).count() as u64;
        let min = min.max(required);
        let max = if rest.is_never() { least(max, Some(possible)) } else { max };
        if max.is_some_and(|max| max < min) {
            return None;
        }
        if max == Some(required) {
            fields.retain(|_, field| field.required);
            rest = Type::never();
        }
        fields.retain(|_, field| field.required || field.value != rest);
        Some(Self { fields, rest, min, max })
    }

    /// The type of the field `name` where it is there.
    pub(crate) fn field(&self, name: &str) -> &Type {
        self.fields.get(name).map_or(&self.rest, |field| &field.value)
    }

    pub(crate) fn requires(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|field| field.required)
    }

    pub(crate) const fn fields(&self) -> &BTreeMap<String, Field> {
        &self.fields
    }

    /// The type of every field that is not named.
    pub(crate) const fn rest(&self) -> &Type {
        &self.rest
    }

    /// The names of this set and of another, in order.
    pub(crate) fn names<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let others = other.fields.keys().filter(|name| !self.fields.contains_key(*name));
        self.fields.keys().chain(others).map(String::as_str)
    }

    /// The set whose field `name` is there and of a type; with an empty type, is not there.
    /// `None` if that leaves no object.
    pub(crate) fn with_field(&self, name: &str, value: Type) -> Option<Self> {
        let mut fields = self.fields.clone();
        let required = !value.is_never() || self.requires(name);
        fields.insert(name.to_owned(), Field { value, required });
        Self::new(fields, self.rest.clone(), self.min, self.max)
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &Type> {
        self.fields.values().map(|field| &field.value).chain([&self.rest])
    }
}
