//! Whether what one port of a node gives fits what another takes.
//!
//! A [`Type`] is the normal form of a JSON Schema. [`relate`] says how the values of one type lie
//! to those of another, and claims only what holds for every value. [`judge`] says of two ports in
//! the product's words whether they fit, with the rules of the receiving node's [`Matrix`].
//! A [`Manifest`] describes a node type: its ports, its parameters and that matrix.
//!
//! Pure: no clock, no randomness, no I/O. Everything is bounded: a hostile schema is refused, and
//! a comparison that would take too long is undecided, which leaves the check to run time.
//!
//! Deliberately not here: the check of a value at run time, which the original schema is used for,
//! and the evaluation of converters.

mod accept;
mod describe;
mod error;
mod example;
mod manifest;
mod mark;
mod matrix;
mod meet;
mod number;
mod part;
mod pattern;
mod pointer;
mod range;
mod read;
mod relate;
mod shape;
mod steps;
mod union;
mod verdict;
mod witness;
mod write;

pub use error::{Fault, TypeError};
pub use manifest::{
    InvalidNodeName, Manifest, ManifestError, ManifestFault, NodeKind, NodeTypeName, Parameters,
    Port, PortName, manifest_schema,
};
pub use matrix::{Matrix, Origin, Rule, Ruling};
pub use part::Part;
pub use pattern::{InvalidPattern, Pattern};
pub use read::Formats;
pub use relate::{Clash, Doubt, Relation, relate, relate_with};
pub use shape::Type;
pub use steps::{Effort, Excess};
pub use verdict::{Converter, Misfit, SourcePort, Verdict, judge};
