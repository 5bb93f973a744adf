//! Constraints that are not understood, known by what their text is alone.
//!
//! A place in a type with a mark holds some of the values that are known of it: those that meet a
//! constraint which this crate cannot read, such as a pattern. Two places with one mark have the
//! same constraint, word for word.

use std::sync::Arc;

use flowmill_model::limits;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::steps::Excess;

/// One constraint that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// The keyword that makes it, for people.
    pub(crate) keyword: Arc<str>,
    /// What its text is; `None` if it is like no other, not even like itself.
    text: Option<[u8; 32]>,
}

impl Mark {
    /// The mark of `constraint`. What it refers to is in `context`.
    pub(crate) fn of(keyword: &str, constraint: &Value, context: Option<&[u8; 32]>) -> Self {
        let mut digest = Sha256::new();
        digest.update(keyword.as_bytes());
        digest.update([0]);
        digest.update(canonical(constraint).as_bytes());
        digest.update(context.map_or(&[][..], |context| &context[..]));
        Self { keyword: keyword.into(), text: Some(digest.finalize().into()) }
    }

    /// The mark of a constraint that nothing is known of.
    pub(crate) fn unknown(keyword: &str) -> Self {
        Self { keyword: keyword.into(), text: None }
    }
}

/// The digest of a whole document, if that is of a sane size.
pub(crate) fn digest(document: &Value) -> Result<[u8; 32], Excess> {
    let text = canonical(document);
    if text.len() > limits::SCHEMA_BYTES {
        return Err(Excess::Bytes);
    }
    Ok(Sha256::digest(text.as_bytes()).into())
}

/// Constraints that all hold, in order and without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn first(&self) -> Option<&Mark> {
        self.0.first()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.0.iter()
    }

    pub(crate) fn add(&mut self, mark: Mark) {
        if let Err(place) = self.0.binary_search(&mark) {
            self.0.insert(place, mark);
        }
    }

    pub(crate) fn with(&self, others: &Self) -> Self {
        let mut all = self.clone();
        others.iter().for_each(|mark| all.add(mark.clone()));
        all
    }

    /// Whether whatever meets these constraints surely meets all of `others`.
    pub(crate) fn imply(&self, others: &Self) -> bool {
        others.iter().all(|mark| mark.text.is_some() && self.0.binary_search(mark).is_ok())
    }
}

/// The text of a value with the keys of objects in order.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entry = |(key, value): &(&String, &Value)| {
                format!("{}:{}", Value::String((*key).clone()), canonical(value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
