//! The items of an array.

use std::ops::Deref;

use super::Value;

/// The items of an array, and a bound of how deeply they are nested.
#[derive(Clone, Debug, Default)]
pub struct Items {
    items: Vec<Value>,
    /// The depth of the deepest item that was ever here.
    deepest: usize,
}

impl Items {
    /// The depth of the array.
    pub(crate) const fn depth(&self) -> usize {
        self.deepest + 1
    }

    pub(crate) const fn set_depth(&mut self, depth: usize) {
        self.deepest = depth.saturating_sub(1);
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.items.capacity()
    }

    pub(crate) fn push(&mut self, item: Value) {
        self.deepest = self.deepest.max(item.depth());
        self.items.push(item);
    }

    /// Puts `item` at `index`, which must be there.
    pub(crate) fn set(&mut self, index: usize, item: Value) {
        self.deepest = self.deepest.max(item.depth());
        self.items[index] = item;
    }

    /// The item at `index` to take from.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Value> {
        self.items.get_mut(index)
    }

    /// Makes the array as long as `length` with `null`.
    pub(crate) fn fill_to(&mut self, length: usize) {
        if length > self.items.len() {
            self.items.resize(length, Value::Null);
        }
    }

    /// Replaces the items from `start` to before `end`.
    pub(crate) fn splice(&mut self, start: usize, end: usize, new: &Items) {
        self.deepest = self.deepest.max(new.deepest);
        self.items.splice(start..end, new.items.iter().cloned());
    }

    /// Keeps the items for which `keep` says so of their index.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut index = 0;
        self.items.retain(|_| {
            index += 1;
            keep(index - 1)
        });
    }

    pub(crate) fn extend(&mut self, items: &[Value]) {
        for item in items {
            self.push(item.clone());
        }
    }
}

impl From<Vec<Value>> for Items {
    fn from(items: Vec<Value>) -> Self {
        let deepest = items.iter().map(Value::depth).max().unwrap_or(0);
        Self { items, deepest }
    }
}

impl Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}
