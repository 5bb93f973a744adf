//! Whether a value is of a type, and where it is not.

use serde_json::Value;

use crate::number::Num;
use crate::pointer;
use crate::shape::{ArraySet, Branch, ObjectSet, Set, Type};

/// What is asked of a value where a constraint is not understood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The value may be of the type: such constraints are taken to hold.
    Perhaps,
    /// The value surely is of the type: no such constraint is on its way.
    Surely,
}

impl Type {
    /// Whether a value is of this type, as far as is known: of an opaque type it may not be.
    /// A value that is refused is surely not of this type.
    pub fn accepts(&self, value: &Value) -> bool {
        self.admits(value, Trust::Perhaps)
    }

    pub(crate) fn admits(&self, value: &Value, trust: Trust) -> bool {
        self.is_any() || self.branches().iter().any(|branch| branch.admits(value, trust))
    }

    /// Where in a refused value it is refused, as a JSON pointer: the deepest such place, if it is
    /// refused for different reasons by different alternatives.
    pub(crate) fn refusal(&self, value: &Value) -> String {
        let places = self.branches().iter().filter_map(|branch| branch.refusal(value));
        places.max_by_key(|place| place.matches('/').count()).unwrap_or_default()
    }
}

impl Branch {
    fn admits(&self, value: &Value, trust: Trust) -> bool {
        (trust == Trust::Perhaps || self.marks.is_empty()) && self.set.admits(value, trust)
    }

    /// Where a value of the branch's kind is refused.
    fn refusal(&self, value: &Value) -> Option<String> {
        match (&self.set, value) {
            (Set::Array(array), Value::Array(items)) => array.refusal(items),
            (Set::Object(object), Value::Object(entries)) => {
                object.refusal(entries.iter().map(|(name, value)| (name.as_str(), value)))
            }
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
        }
    }
}

impl Set {
    fn admits(&self, value: &Value, trust: Trust) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Booleans(booleans), Value::Bool(value)) => booleans.contains(value),
            (Self::Range(range), Value::Number(number)) => {
                Num::of(number).is_some_and(|number| range.contains(number))
            }
            (Self::Numbers(numbers), Value::Number(number)) => {
                Num::of(number).is_some_and(|number| numbers.contains(&number))
            }
            (Self::Lengths(lengths), Value::String(text)) => lengths.contains(text),
            (Self::Texts(texts), Value::String(text)) => texts.contains(text),
            (Self::Array(array), Value::Array(items)) => array.admits(items, trust),
            (Self::Object(object), Value::Object(entries)) => {
                object.fits(entries.len())
                    && object
                        .fields()
                        .iter()
                        .all(|(name, field)| !field.required || entries.contains_key(name.as_str()))
                    && entries.iter().all(|(name, value)| object.field(name).admits(value, trust))
            }
            (
                Self::Null
                | Self::Booleans(_)
                | Self::Range(_)
                | Self::Numbers(_)
                | Self::Lengths(_)
                | Self::Texts(_)
                | Self::Array(_)
                | Self::Object(_),
                _,
            ) => false,
        }
    }
}

impl ArraySet {
    fn admits(&self, items: &[Value], trust: Trust) -> bool {
        self.fits(items.len())
            && items.iter().enumerate().all(|(index, item)| self.item(index).admits(item, trust))
    }

    fn fits(&self, count: usize) -> bool {
        let count = count as u64;
        self.min <= count && self.max.is_none_or(|max| count <= max)
    }

    fn refusal(&self, items: &[Value]) -> Option<String> {
        let mut items = items.iter().enumerate();
        let (index, item) = items.find(|(index, item)| !self.item(*index).accepts(item))?;
        Some(pointer::below(&index.to_string(), &self.item(index).refusal(item)))
    }
}

impl ObjectSet {
    fn fits(&self, count: usize) -> bool {
        let count = count as u64;
        self.min <= count && self.max.is_none_or(|max| count <= max)
    }

    fn refusal<'a>(
        &self,
        entries: impl Iterator<Item = (&'a str, &'a Value)> + Clone,
    ) -> Option<String> {
        let mut required = self.fields().iter().filter(|(_, field)| field.required);
        let there = |name: &str| entries.clone().any(|(other, _)| other == name);
        if let Some((name, _)) = required.find(|(name, _)| !there(name)) {
            return Some(pointer::below(name, ""));
        }
        let mut entries = entries.clone();
        let (name, value) = entries.find(|(name, value)| !self.field(name).accepts(value))?;
        Some(pointer::below(name, &self.field(name).refusal(value)))
    }
}
