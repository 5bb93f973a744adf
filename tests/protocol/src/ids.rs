//! Small numbers with names. A model counts to ten, so each is a byte.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(u8);

        impl $name {
            pub(crate) const fn new(raw: u8) -> Self {
                Self(raw)
            }

            /// The one after it.
            pub(crate) const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// The epoch of a claim; 0 before the first.
    Epoch;
    /// The number of a batch; 0 before the first.
    Number;
    /// A place in history, from 0.
    Offset;
}

impl Number {
    /// The one before it; that of the first is itself.
    pub(crate) const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// As a member of a [`Set`].
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The one that a set holds as `index`.
    pub(crate) fn of_index(index: usize) -> Self {
        Self(u8::try_from(index).expect("a model has few batches"))
    }
}

impl Offset {
    /// As an index of a history.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A process that may believe that it owns the shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u8);

impl NodeId {
    /// The first `count` nodes.
    pub(crate) fn first(count: usize) -> impl Iterator<Item = Self> {
        (0..u8::MAX).take(count).map(Self)
    }

    /// As an index of an array.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", char::from(b'A' + self.0))
    }
}

/// A set of small numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Set(u16);

impl Set {
    const fn bit(index: usize) -> u16 {
        1 << index
    }

    pub(crate) const fn has(self, index: usize) -> bool {
        self.0 & Self::bit(index) != 0
    }

    pub(crate) const fn add(&mut self, index: usize) {
        self.0 |= Self::bit(index);
    }

    pub(crate) const fn remove(&mut self, index: usize) {
        self.0 &= !Self::bit(index);
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it, in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        (0..16).filter(move |index| self.has(*index))
    }
}

impl FromIterator<usize> for Set {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut set = Self::default();
        indices.into_iter().for_each(|index| set.add(index));
        set
    }
}
