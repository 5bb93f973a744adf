//! Choices drawn from bytes. Fewer and smaller bytes make smaller things, so that what proptest
//! shrinks to is small.

use serde_json::{Value, json};

/// What is left of the bytes that decide. When they are used up, every choice is the first.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % count
    }

    /// `true` in one of `count` cases.
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub(crate) fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    pub(crate) fn number(&mut self) -> Value {
        let numbers = [
            json!(0),
            json!(1),
            json!(2),
            json!(3),
            json!(4),
            json!(6),
            json!(-1),
            json!(-3),
            json!(0.5),
            json!(1.0),
            json!(2.5),
            json!(-0.5),
            json!(10),
            json!(9_007_199_254_740_993_u64),
            json!(1e20),
            json!(u64::MAX),
        ];
        self.of(&numbers)
    }

    pub(crate) fn small(&mut self) -> u64 {
        self.below(4) as u64
    }

    pub(crate) fn text(&mut self) -> Value {
        self.of(&["a", "b", "", "ab", "abc", "ä", "abcd"]).into()
    }

    pub(crate) fn name(&mut self) -> String {
        self.of(&["a", "b", "c", "kind"]).to_owned()
    }
}
