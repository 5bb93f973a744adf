//! jq, in a form that cannot hurt.
//!
//! A [`Program`] is compiled once and run as often as needed. Whatever it is, a run ends: its
//! steps, its memory, its stacks and the nesting of its values are bounded by [`Limits`], and over
//! a bound it ends with a [`Fault`].
//!
//! The language is that of jq 1.8.1, less what looks outside the value at hand: no clock, no
//! environment, no further input, no modules, no way to end the process. A run depends on its
//! program, its input and its variables alone, and so does where it meets a bound.
//!
//! **Invariant:** nothing that a program or an input makes deep is walked by calling oneself
//! without a bound: the depth of trees and of values is limited by numbers, and a program's calls
//! are on a stack of the machine's own.

mod code;
mod compile;
mod fault;
mod library;
mod limits;
mod machine;
mod meter;
mod natives;
mod program;
mod references;
mod refused;
mod syntax;
mod value;

pub use fault::{Failure, Fault};
pub use library::functions;
pub use limits::Limits;
pub use meter::Usage;
pub use program::{Program, Run};
pub use references::VariableUse;
pub use syntax::{CompileError, CompileErrorKind};
pub use value::{Items, Literal, Map, Number, Text, Value};
