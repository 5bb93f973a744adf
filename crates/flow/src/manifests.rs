//! Descriptions of the built-in node types, made from the tables that check definitions.
//!
//! A [`Manifest`] says of a type what goes into it, what comes out of it and how it is set up, for
//! people and for programs. What the table of node types does not have is here: the ports
//! ([`ports`]), and an example ([`examples`]).
//!
//! **Invariant:** every node type of the table has a manifest, which can be read from its own JSON.

mod examples;
mod parameters;
mod ports;
#[cfg(test)]
mod reference;

use std::sync::LazyLock;

use flowmill_types::Manifest;
use serde_json::{Value, json};

use crate::definition::{NODE, NODE_TYPES, NodeType};
use crate::diagnostic::{excerpt, suggest};
use crate::document_schema;

pub use parameters::ParameterLine;

/// The version of the built-in node types. It is raised when a port or a parameter changes.
const VERSION: &str = "1.0.0";

/// A built-in node type, as it is described.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its ports and parameters.
    pub manifest: Manifest,
    /// Its parameters as lines of a table, those inside others behind them.
    pub parameters: Vec<ParameterLine>,
    /// What a node of the type may have beside `id`, `type` and `parameters`.
    pub settings: Vec<&'static str>,
    /// Output ports that depend on the parameters, in words; empty if there are none.
    pub further_outputs: &'static str,
    /// One node of the type, as it stands in a YAML definition.
    pub example: &'static str,
}

/// No node type has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no node type `{name}`: {help}")]
pub struct UnknownNodeType {
    name: String,
    help: String,
}

static BUILT_IN: LazyLock<Vec<BuiltIn>> =
    LazyLock::new(|| NODE_TYPES.iter().map(describe).collect());

/// Every built-in node type, in the order of the reference.
pub fn built_in() -> &'static [BuiltIn] {
    &BUILT_IN
}

/// The built-in node type called `name`.
///
/// # Errors
/// When there is none; it names the one that is probably meant, or else all of them.
pub fn built_in_type(name: &str) -> Result<&'static BuiltIn, UnknownNodeType> {
    let found = BUILT_IN.iter().find(|built_in| built_in.manifest.node().as_str() == name);
    found.ok_or_else(|| {
        let names = NODE_TYPES.iter().map(|node_type| node_type.name);
        let all = || format!("the types are {}", names.clone().collect::<Vec<_>>().join(", "));
        let help = suggest(name, names.clone(), all);
        UnknownNodeType { name: excerpt(name), help }
    })
}

fn describe(node_type: &NodeType) -> BuiltIn {
    let settings = NODE
        .iter()
        .map(|field| field.name)
        .filter(|field| !matches!(*field, "id" | "type" | "parameters") && node_type.has(field));
    let value = to_value(node_type);
    BuiltIn {
        manifest: Manifest::read(&value).expect("a test reads the manifest of every node type"),
        parameters: parameters::lines(node_type.parameters),
        settings: settings.collect(),
        further_outputs: ports::further_outputs(node_type.name),
        example: examples::example(node_type.name),
    }
}

fn to_value(node_type: &NodeType) -> Value {
    let ports = ports::ports(node_type.name);
    json!({
        "type": node_type.name,
        "version": VERSION,
        "kind": ports.kind.as_str(),
        "description": node_type.doc,
        "inputs": ports.inputs,
        "outputs": ports.outputs,
        "parameters": document_schema::parameters(node_type),
    })
}

#[cfg(test)]
mod tests;
