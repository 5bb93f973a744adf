//! Flow definitions: from YAML or JSON text to one checked, compiled graph.
//!
//! [`compile`] reads a document in the native format and gives either a [`Flow`] or every error
//! of the document at once, each with its place and what to do. A [`Flow`] holds all that an
//! engine needs to run it: nodes and connections by index, compiled [`Expression`]s and
//! [`Template`]s, retry policies, schemas, and the hash of its canonical content.
//!
//! Pure: no runtime, no clock, no randomness, no I/O. Expressions see only what they are given;
//! the functions of the language that read a clock, an environment, further input or a file are
//! not there.
//!
//! **Invariants of a [`Flow`]:** exactly one `start`, no cycle, every node reachable, every input
//! port connected, every `$nodes.<id>` names a node upstream of its use.
//!
//! Every connection has a verdict: whether what it gives [`Fit`]s what it leads to.

mod cases;
mod definition;
mod diagnostic;
mod document_schema;
mod drawing;
mod duration;
mod expression;
mod graph;
mod json;
mod layout;
mod manifests;
mod nearest;
pub mod reading;
mod retry;
mod schema;
mod secret;
mod source;
mod template;
mod trigger;

pub use cases::{
    Case, CaseSignal, Expectation, ExpectedStatus, TaskFailure, TaskOutcome, read_cases,
};
pub use definition::{compile, compile_deployed};
pub use diagnostic::{Diagnostic, DiagnosticCode};
pub use document_schema::schema;
pub use expression::{Expression, ExpressionFault, FaultKind, Names, Scope};
pub use flowmill_types::{Type, Verdict};
pub use graph::{
    Block, Connection, Document, ErrorTemplate, Failures, Fit, Flow, MergeMode, Node, NodeKind,
    OutputPort, PortSchemas, SwitchCase, SwitchMode, Wait,
};
pub use json::{Json, JsonError};
pub use layout::{LayoutError, lay_out};
pub use manifests::{BuiltIn, ParameterLine, UnknownNodeType, built_in, built_in_type};
pub use retry::{Backoff, Jitter, RetryPolicy};
pub use schema::{Schema, SchemaError, SchemaViolation};
pub use secret::{MissingSecret, fill_secrets};
pub use source::Format;
pub use template::{RequestTemplate, Template, TextTemplate};
pub use trigger::{Envelope, KafkaTrigger, Position, Trigger, TriggeredStart};
