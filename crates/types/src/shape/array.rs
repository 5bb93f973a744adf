//! Sets of arrays: the type of each of the first items, that of the rest, and how many there are.

use super::{Type, least};

/// Arrays of some lengths whose items have types by their index.
///
/// In normal form: there can be an item at every index below `max`, `prefix` is no longer than
/// `max` and ends with a type other than `rest`, and `rest` is empty if `prefix` says it all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ArraySet {
    prefix: Vec<Type>,
    rest: Type,
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
}

impl ArraySet {
    pub(crate) fn any() -> Self {
        Self { prefix: Vec::new(), rest: Type::any(), min: 0, max: None }
    }

    /// The set in its normal form; `None` if no array is in it.
    pub(crate) fn new(
        mut prefix: Vec<Type>,
        mut rest: Type,
        min: u64,
        max: Option<u64>,
    ) -> Option<Self> {
        let mut most = max;
        if let Some(index) = prefix.iter().position(Type::is_never) {
            most = least(most, Some(index as u64));
        }
        if rest.is_never() {
            most = least(most, Some(prefix.len() as u64));
        }
        if most.is_some_and(|most| most < min) {
            return None;
        }
        if let Some(most) = most.and_then(|most| usize::try_from(most).ok())
            && most <= prefix.len()
        {
            prefix.truncate(most);
            rest = Type::never();
        }
        while prefix.last().is_some_and(|last| *last == rest) {
            prefix.pop();
        }
        Some(Self { prefix, rest, min, max: most })
    }

    /// The type of the item at `index`.
    pub(crate) fn item(&self, index: usize) -> &Type {
        self.prefix.get(index).unwrap_or(&self.rest)
    }

    /// Items with types of their own.
    pub(crate) const fn prefix(&self) -> &[Type] {
        self.prefix.as_slice()
    }

    /// The type of every item after the prefix.
    pub(crate) const fn rest(&self) -> &Type {
        &self.rest
    }

    /// Whether an array of the set can have an item at `index`.
    pub(crate) fn reaches(&self, index: usize) -> bool {
        self.max.is_none_or(|max| (index as u64) < max)
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &Type> {
        self.prefix.iter().chain([&self.rest])
    }
}
