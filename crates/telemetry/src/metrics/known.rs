//! Handles by the value of a label that users can make more of.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_model::limits;
use parking_lot::RwLock;

/// The value of a label whose own value is one too many.
pub const OTHER: &str = "other";

/// Handles by label value, up to a number; further values share one.
pub(super) struct Known<T>(RwLock<BTreeMap<String, Arc<T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Known<T> {
    /// The handle of `value`; made with the value that it is counted under, if there is none.
    pub(super) fn get(&self, value: &str, make: impl Fn(&str) -> T) -> Arc<T> {
        if let Some(known) = self.0.read().get(value) {
            return Arc::clone(known);
        }
        let mut known = self.0.write();
        let full = known.len() >= limits::METRIC_LABELS;
        let value = if full && !known.contains_key(value) { OTHER } else { value };
        Arc::clone(known.entry(value.to_owned()).or_insert_with(|| Arc::new(make(value))))
    }

    /// Makes room for another value.
    pub(super) fn forget(&self, value: &str) {
        self.0.write().remove(value);
    }
}
