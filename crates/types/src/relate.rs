//! How the values of one type lie to those of another.
//!
//! **Invariant:** what is claimed holds. `Exact` and `Subtype` are only said if every value of the
//! source is one of the target, `Disjoint` only if none is. Whatever is not proven, for want of a
//! rule or of steps, is an `Overlap`.
//!
//! An opaque type has some of the values that are known of it. So as a source it stands for more
//! than it has, which keeps claims true. As a target it promises nothing, except to a source that
//! has the same constraint, word for word.

mod within;

use serde::Serialize;
use serde_json::Value;

use crate::meet::meet;
use crate::shape::Type;
use crate::steps::{Effort, Excess};
use crate::witness;

/// How the values of a source lie to those of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both have the same values.
    Exact,
    /// Every value of the source is one of the target.
    Subtype,
    /// Some values of the source may be of the target and some may not.
    Overlap {
        /// Why no more is said.
        doubt: Doubt,
    },
    /// No value of the source is one of the target.
    Disjoint {
        /// A value of the source, and where the target refuses it.
        counterexample: Clash,
    },
}

/// A value that a source may give and a target surely refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clash {
    /// Where in the value they clash, as a JSON pointer; empty for the value itself.
    pub pointer: String,
    /// The value. `None` if the source has constraints that are not understood, so that nobody can
    /// say which values it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

/// Why values must be checked one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Doubt {
    /// The target refuses some values of the source; this is one.
    SomeRefused(Clash),
    /// The target has a constraint that is not understood.
    Opaque {
        /// The keyword of the constraint.
        keyword: String,
    },
    /// The source has no values, so it says nothing.
    EmptySource,
    /// A comparison would take more than the limits of types allow.
    TooComplex,
    /// No rule decides it.
    Undecided,
    /// It does not fit by its structure, and the node's description allows it.
    Allowed,
}

impl Relation {
    /// Its name in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Subtype => "subtype",
            Self::Overlap { .. } => "overlap",
            Self::Disjoint { .. } => "disjoint",
        }
    }

    /// A value that is given and not taken, or the place where all of them clash.
    pub const fn clash(&self) -> Option<&Clash> {
        match self {
            Self::Disjoint { counterexample: clash }
            | Self::Overlap { doubt: Doubt::SomeRefused(clash) } => Some(clash),
            Self::Exact | Self::Subtype | Self::Overlap { .. } => None,
        }
    }
}

/// How the values of `source` lie to those of `target`.
pub fn relate(source: &Type, target: &Type) -> Relation {
    relate_with(source, target, &mut Effort::unbounded())
}

/// The same with what is left of an effort: undecided once nothing is.
pub fn relate_with(source: &Type, target: &Type, effort: &mut Effort) -> Relation {
    if source.is_never() {
        return Relation::Overlap { doubt: Doubt::EmptySource };
    }
    let contained = effort.piece(|steps| within::within(source, target, steps));
    if contained == Ok(true) {
        let back = effort.piece(|steps| within::within(target, source, steps));
        return if back == Ok(true) { Relation::Exact } else { Relation::Subtype };
    }
    let common = effort.piece(|steps| meet(source, target, steps));
    let clash = effort.piece(|steps| witness::clash(source, target, steps));
    if common.as_ref().is_ok_and(Type::is_never)
        && let Some(counterexample) = clash.clone().or_else(|| unsure_clash(source, target))
    {
        return Relation::Disjoint { counterexample };
    }
    let spent = [contained.err(), common.err()].into_iter().flatten().next();
    Relation::Overlap { doubt: doubt(clash, target, spent) }
}

/// Where the known part of an opaque source clashes with a target that has none of it.
fn unsure_clash(source: &Type, target: &Type) -> Option<Clash> {
    if !source.is_opaque() {
        return None;
    }
    let pointer = source.example().map(|value| target.refusal(&value)).unwrap_or_default();
    Some(Clash { pointer, example: None })
}

fn doubt(clash: Option<Clash>, target: &Type, spent: Option<Excess>) -> Doubt {
    if let Some(clash) = clash {
        return Doubt::SomeRefused(clash);
    }
    if spent.is_some() {
        return Doubt::TooComplex;
    }
    match target.first_keyword() {
        Some(keyword) => Doubt::Opaque { keyword },
        None => Doubt::Undecided,
    }
}
