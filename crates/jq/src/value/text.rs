//! A shared string.

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::Arc;

/// A shared string. Appending works in place when nobody shares it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<String>);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the same in memory, or short and equal.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        const SHORT: usize = 64;
        Arc::ptr_eq(&self.0, &other.0) || (self.0.len() <= SHORT && self == other)
    }

    /// Whether so many bytes more need no new memory.
    pub(crate) fn grows_in_place(&mut self, more: usize) -> bool {
        Arc::get_mut(&mut self.0).is_some_and(|text| text.capacity() - text.len() >= more)
    }

    pub(crate) fn append(&mut self, more: &str) {
        Arc::make_mut(&mut self.0).push_str(more);
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Arc::new(text.to_owned()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Arc::new(text))
    }
}
