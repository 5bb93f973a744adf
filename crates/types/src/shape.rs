//! The normal form of a type: which values there are, kind by kind.
//!
//! A type is a union of branches. A branch is a set of values of one kind of JSON value, and the
//! marks of constraints on it that are not understood: then the set is more than the branch has.
//! No branch is known to be empty, so a type without branches is the empty one, and a type without
//! marks that has a branch has values.
//!
//! A type is a tree whose parts may be shared. Its size counts shared parts each time, so that
//! whoever walks all of a type is bounded by it. Recursion in a schema ends in a mark.

mod array;
mod object;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use flowmill_model::limits;

use crate::mark::{Mark, Marks};
use crate::number::Num;
use crate::range::Range;
use crate::steps::Excess;

pub(crate) use array::ArraySet;
pub(crate) use object::{Field, ObjectSet};

/// A set of JSON values that a port gives or takes. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Type(Arc<Node>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    body: Body,
    parts: usize,
    depth: usize,
    opaque: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Body {
    /// Every value. Apart from the union of everything because its parts are every value, too.
    Any,
    /// In order, each at most once.
    Union(Vec<Branch>),
}

/// Some values of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Branch {
    pub(crate) set: Set,
    pub(crate) marks: Marks,
}

/// A set of values of one kind, never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Set {
    Null,
    Booleans(BTreeSet<bool>),
    Range(Range),
    Numbers(BTreeSet<Num>),
    Lengths(Lengths),
    Texts(BTreeSet<String>),
    Array(ArraySet),
    Object(ObjectSet),
}

/// Strings of some lengths, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lengths {
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
}

static ANY: LazyLock<Type> =
    LazyLock::new(|| Type(Arc::new(Node { body: Body::Any, parts: 1, depth: 1, opaque: false })));

static NEVER: LazyLock<Type> = LazyLock::new(|| {
    Type(Arc::new(Node { body: Body::Union(Vec::new()), parts: 1, depth: 1, opaque: false }))
});

static EVERYTHING: LazyLock<Vec<Branch>> = LazyLock::new(|| {
    let sets = [
        Set::Null,
        Set::Booleans([false, true].into()),
        Set::Range(Range::default()),
        Set::Lengths(Lengths::default()),
        Set::Array(ArraySet::any()),
        Set::Object(ObjectSet::any()),
    ];
    sets.map(Branch::from).into()
});

impl Type {
    /// Every value.
    pub fn any() -> Self {
        ANY.clone()
    }

    /// No value.
    pub fn never() -> Self {
        NEVER.clone()
    }

    /// Every value, of which no more is known: a constraint holds that nobody can tell.
    pub(crate) fn unknown(why: &str) -> Self {
        Self::any().marked(&Mark::unknown(why))
    }

    /// The union of branches.
    pub(crate) fn of(branches: Vec<Branch>) -> Result<Self, Excess> {
        let branches = crate::union::merged(branches);
        if branches == *EVERYTHING {
            return Ok(Self::any());
        }
        if branches.len() > limits::TYPE_BRANCHES {
            return Err(Excess::Branches);
        }
        let node = Node::new(branches);
        if node.depth > limits::TYPE_DEPTH {
            return Err(Excess::Depth);
        }
        if node.parts > limits::TYPE_PARTS {
            return Err(Excess::Parts);
        }
        Ok(Self(Arc::new(node)))
    }

    /// The type whose values also meet the constraint of a mark.
    pub(crate) fn marked(&self, mark: &Mark) -> Self {
        let mut branches = self.branches().to_vec();
        branches.iter_mut().for_each(|branch| branch.marks.add(mark.clone()));
        Self(Arc::new(Node::new(branches)))
    }

    pub(crate) fn branches(&self) -> &[Branch] {
        match &self.0.body {
            Body::Any => &EVERYTHING,
            Body::Union(branches) => branches,
        }
    }

    /// Whether every value is of this type.
    pub fn is_any(&self) -> bool {
        self.0.body == Body::Any
    }

    /// Whether no value is of this type.
    pub fn is_never(&self) -> bool {
        self.branches().is_empty()
    }

    /// Whether a part of the type has a constraint that is not understood, so that fewer values
    /// than are known may be of this type.
    pub fn is_opaque(&self) -> bool {
        self.0.opaque
    }

    /// Its places and listed values, shared parts counted each time.
    pub(crate) fn parts(&self) -> usize {
        self.0.parts
    }

    /// Whether both are one object in memory, which means one set of values even with marks.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The types of the places inside, one after the other.
    fn inner(branches: &[Branch]) -> impl Iterator<Item = &Type> {
        branches.iter().flat_map(|branch| {
            let (items, fields) = match &branch.set {
                Set::Array(array) => (Some(array.types()), None),
                Set::Object(object) => (None, Some(object.types())),
                Set::Null
                | Set::Booleans(_)
                | Set::Range(_)
                | Set::Numbers(_)
                | Set::Lengths(_)
                | Set::Texts(_) => (None, None),
            };
            items.into_iter().flatten().chain(fields.into_iter().flatten())
        })
    }
}

impl Node {
    fn new(branches: Vec<Branch>) -> Self {
        let own: usize = branches.iter().map(Branch::values).sum();
        let parts = Type::inner(&branches).map(|inner| inner.0.parts);
        let parts = parts.fold(own + 1, usize::saturating_add);
        let depth = 1 + Type::inner(&branches).map(|inner| inner.0.depth).max().unwrap_or(0);
        let opaque = branches.iter().any(|branch| !branch.marks.is_empty())
            || Type::inner(&branches).any(|inner| inner.0.opaque);
        Self { body: Body::Union(branches), parts, depth, opaque }
    }
}

impl Branch {
    /// What is listed in it one by one: values, and constraints that are not understood.
    pub(crate) fn values(&self) -> usize {
        self.set.values() + self.marks.len()
    }
}

impl From<Set> for Branch {
    fn from(set: Set) -> Self {
        Self { set, marks: Marks::default() }
    }
}

impl Set {
    /// Values that are listed one by one; 1 for any other set.
    fn values(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
            Self::Null
            | Self::Booleans(_)
            | Self::Range(_)
            | Self::Lengths(_)
            | Self::Array(_)
            | Self::Object(_) => 1,
        }
    }

    /// The numbers of a range; one that has a single number as that number.
    pub(crate) fn range(range: Range) -> Option<Self> {
        let range = range.normal()?;
        Some(match range.single() {
            Some(number) => Self::Numbers([number].into()),
            None => Self::Range(range),
        })
    }

    /// Those numbers, if there are any.
    pub(crate) fn numbers(numbers: BTreeSet<Num>) -> Option<Self> {
        (!numbers.is_empty()).then_some(Self::Numbers(numbers))
    }

    /// Those strings, if there are any.
    pub(crate) fn texts(texts: BTreeSet<String>) -> Option<Self> {
        (!texts.is_empty()).then_some(Self::Texts(texts))
    }

    /// Those booleans, if there are any.
    pub(crate) fn booleans(booleans: BTreeSet<bool>) -> Option<Self> {
        (!booleans.is_empty()).then_some(Self::Booleans(booleans))
    }

    /// Strings of those lengths, if there are any.
    pub(crate) fn lengths(lengths: Lengths) -> Option<Self> {
        match lengths.max {
            Some(max) if max < lengths.min => None,
            Some(0) => Some(Self::Texts([String::new()].into())),
            Some(_) | None => Some(Self::Lengths(lengths)),
        }
    }
}

impl Lengths {
    pub(crate) fn contains(&self, text: &str) -> bool {
        let chars = text.chars().count() as u64;
        self.min <= chars && self.max.is_none_or(|max| chars <= max)
    }

    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.min >= other.min && most_within(self.max, other.max)
    }

    pub(crate) fn common(&self, other: &Self) -> Self {
        Self { min: self.min.max(other.min), max: least(self.max, other.max) }
    }
}

/// Whether an upper bound is no greater than another; `None` is no bound.
pub(crate) fn most_within(own: Option<u64>, other: Option<u64>) -> bool {
    other.is_none_or(|other| own.is_some_and(|own| own <= other))
}

/// The lower of two upper bounds; `None` is no bound.
pub(crate) fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
