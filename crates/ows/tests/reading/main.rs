//! The reading of documents: what is accepted, what is refused and how, what hostile documents do,
//! and the conformance kit of the specification.

mod accepted;
mod hostile;
mod kit;
mod refused;

use flowmill_flow::Format;
use flowmill_ows::{DocumentError, Workflow};

/// Documents that use every construct that is read.
const SAMPLES: [&str; 2] =
    [include_str!("samples/orders.yaml"), include_str!("samples/waiting.yaml")];

fn read(text: &str) -> Result<Workflow, Vec<DocumentError>> {
    flowmill_ows::read(text.as_bytes(), Format::Yaml)
}

fn accepted(text: &str) -> Workflow {
    read(text).unwrap_or_else(|errors| panic!("{}", shown(&errors)))
}

fn shown(errors: &[DocumentError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

/// A document with these tasks, written as an indented YAML list or in brackets.
fn document(tasks: &str) -> String {
    format!("document: {{dsl: 1.0.3, namespace: a, name: b, version: 1.0.0}}\ndo: {tasks}\n")
}
