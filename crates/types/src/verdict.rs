//! Whether one port may feed another, in the product's words.

use serde::Serialize;

use crate::manifest::{NodeTypeName, Port};
use crate::matrix::{Matrix, Ruling};
use crate::relate::{Clash, Doubt, Relation, relate};

/// Whether one port may feed another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Both have the same values. Nothing is checked at run time.
    Exact,
    /// Every value that is given is taken. Nothing is checked at run time.
    Subtype,
    /// A converter makes what is taken of what is given. Its result is checked at run time.
    Convertible {
        /// What converts.
        converter: Converter,
    },
    /// Some values may not be taken: each is checked at run time.
    RuntimeCheck {
        /// Why.
        doubt: Doubt,
    },
    /// No value that is given is taken, or the pair is forbidden.
    Incompatible {
        /// Why.
        misfit: Misfit,
    },
}

/// A jq expression that makes one value of another. Carried through, neither compiled nor run here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Converter(pub(crate) String);

/// Why one port may not feed another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Misfit {
    /// No value fits.
    Clash(Clash),
    /// The receiving node's description forbids it.
    Denied {
        /// The reason that it gives.
        reason: String,
    },
}

/// A port that gives values.
#[derive(Clone, Copy, Debug)]
pub struct SourcePort<'a> {
    /// The type of its node.
    pub node: &'a NodeTypeName,
    /// The port.
    pub port: &'a Port,
}

impl Verdict {
    /// The product's word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Subtype => "subtype",
            Self::Convertible { .. } => "convertible",
            Self::RuntimeCheck { .. } => "runtime-check",
            Self::Incompatible { .. } => "incompatible",
        }
    }

    /// Whether values are checked when they pass.
    pub const fn is_checked_at_run_time(&self) -> bool {
        matches!(self, Self::Convertible { .. } | Self::RuntimeCheck { .. })
    }
}

impl Converter {
    /// The text of the expression.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Relation> for Verdict {
    fn from(relation: Relation) -> Self {
        match relation {
            Relation::Exact => Self::Exact,
            Relation::Subtype => Self::Subtype,
            Relation::Overlap { doubt } => Self::RuntimeCheck { doubt },
            Relation::Disjoint { counterexample } => {
                Self::Incompatible { misfit: Misfit::Clash(counterexample) }
            }
        }
    }
}

/// Whether `source` may feed `target`, by the rules of the target's node type and then by the
/// structure of both types.
///
/// A rule that denies beats one that converts, which beats one that allows, which beats structure;
/// of two of a kind the earlier counts. What is allowed although no value fits is checked at run
/// time.
pub fn judge(source: SourcePort<'_>, target: &Port, matrix: &Matrix) -> Verdict {
    let structure = || Verdict::from(relate(source.port.value(), target.value()));
    match matrix.ruling(source, target.name()) {
        None => structure(),
        Some(Ruling::Deny { reason }) => {
            Verdict::Incompatible { misfit: Misfit::Denied { reason: reason.clone() } }
        }
        Some(Ruling::Convert { converter }) => {
            Verdict::Convertible { converter: converter.clone() }
        }
        Some(Ruling::Allow) => match structure() {
            Verdict::Incompatible { .. } => Verdict::RuntimeCheck { doubt: Doubt::Allowed },
            other @ (Verdict::Exact
            | Verdict::Subtype
            | Verdict::Convertible { .. }
            | Verdict::RuntimeCheck { .. }) => other,
        },
    }
}

#[cfg(test)]
mod tests;
