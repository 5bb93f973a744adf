//! The entries of an object, in the order in which their keys came.
//!
//! A small object is searched from its start; a larger one has a sorted index. There is no hash,
//! so that no choice of keys makes an object slow.

use std::collections::BTreeMap;

use super::{Text, Value};

/// Entries above which an object has an index.
const INDEXED: usize = 12;

/// The entries of an object.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(Text, Value)>,
    /// The place of each key, once there are many.
    index: Option<BTreeMap<Text, usize>>,
    /// The depth of the deepest value that was ever here.
    deepest: usize,
}

impl Map {
    /// Bytes that an entry takes with its share of the index, at most.
    pub(crate) const ENTRY_BYTES: usize = 72;

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The depth of the object.
    pub(crate) const fn depth(&self) -> usize {
        self.deepest + 1
    }

    pub(crate) const fn set_depth(&mut self, depth: usize) {
        self.deepest = depth.saturating_sub(1);
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.place(key).map(|place| &self.entries[place].1)
    }

    /// The entry at a place in the order.
    pub(crate) fn at(&self, place: usize) -> Option<&(Text, Value)> {
        self.entries.get(place)
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The entries in the order of their keys.
    pub fn sorted(&self) -> Vec<(&Text, &Value)> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries
    }

    /// Puts a value under a key; says whether the key is new.
    pub fn insert(&mut self, key: Text, value: Value) -> bool {
        self.deepest = self.deepest.max(value.depth());
        if let Some(place) = self.place(&key) {
            self.entries[place].1 = value;
            return false;
        }
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, value));
        if self.index.is_none() && self.entries.len() > INDEXED {
            self.index();
        }
        true
    }

    /// Takes the value under `key` out and leaves `null`.
    pub(crate) fn take(&mut self, key: &str) -> Value {
        let place = self.place(key);
        place.map(|place| std::mem::take(&mut self.entries[place].1)).unwrap_or_default()
    }

    /// The value under `key` to take from.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let place = self.place(key)?;
        Some(&mut self.entries[place].1)
    }

    /// Removes the entries for whose key `keep` does not say so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.entries.retain(|(key, _)| keep(key));
        self.index = None;
        if self.entries.len() > INDEXED {
            self.index();
        }
    }

    fn index(&mut self) {
        let keys = self.entries.iter().enumerate();
        self.index = Some(keys.map(|(place, (key, _))| (key.clone(), place)).collect());
    }

    fn place(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|(other, _)| other.as_str() == key),
        }
    }
}
