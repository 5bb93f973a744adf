//! The native definition format: from a document's tree to a flow.
//!
//! The format is a set of tables ([`tables`]): each field with its name, its shape and what it
//! means. [`shape`] checks a document against them, [`crate::document_schema`] turns them into a
//! JSON Schema, and [`decode`] takes the typed values out of what passed the check.

mod connection;
mod decode;
mod parameters;
mod schemas;
mod shape;
mod tables;
mod triggers;

pub(crate) use shape::{Field, Shape, check_object, check_version};
pub(crate) use tables::{
    BLOCK, CONNECTION, DOCUMENT, NODE, NODE_TYPES, NodeType, optional, required,
};

use crate::diagnostic::{Diagnostic, Report};
use crate::graph::{self, Flow};
use crate::source::{Format, Source};

/// Compiles a definition, or says everything that is wrong with it, in the order of the text.
/// Never gives an empty list of errors.
pub fn compile(source: &[u8], format: Format) -> Result<Flow, Vec<Diagnostic>> {
    match read(source, format)? {
        (Some(flow), report) if report.is_empty() => Ok(flow),
        (_, report) => Err(report.into_diagnostics()),
    }
}

/// Compiles the canonical text of a definition that was deployed. Whether types are known not to
/// fit can differ between builds; what an earlier one took is not refused for it, and values are
/// checked when they come.
pub fn compile_deployed(source: &[u8]) -> Result<Flow, Vec<Diagnostic>> {
    let (flow, report) = read(source, Format::Json)?;
    flow.ok_or_else(|| report.into_diagnostics())
}

/// The flow of a definition and what is wrong with it. There is a flow with errors only if they are
/// about types.
fn read(source: &[u8], format: Format) -> Result<(Option<Flow>, Report), Vec<Diagnostic>> {
    let source = Source::read(source, format)?;
    let mut report = Report::default();
    if !shape::check_version(&source.root, &mut report) {
        return Err(report.into_diagnostics());
    }
    shape::check_object(&source.root, DOCUMENT, "", &mut report);
    let decoded = decode::document(&source, &mut report);
    let json = source.root.to_json();
    let flow = graph::build(decoded.header, decoded.net, &json, &mut report);
    Ok((flow.map(|flow| flow.with_triggers(decoded.triggers)), report))
}

#[cfg(test)]
mod tests;
