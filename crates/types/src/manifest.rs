//! The description of a node type: what it is, its ports, its parameters, and what may feed it.

mod name;
mod read;
mod schema;

use flowmill_model::Version;
use serde_json::{Map, Value, json};

use crate::matrix::Matrix;
use crate::shape::Type;

pub use name::{InvalidNodeName, NodeTypeName, PortName};
pub use read::{ManifestError, ManifestFault};
pub use schema::manifest_schema;

/// The description of a node type.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    node: NodeTypeName,
    version: Version,
    kind: NodeKind,
    description: String,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    parameters: Option<Parameters>,
    matrix: Matrix,
}

/// What a node does in a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// It starts executions, and has no input.
    Trigger,
    /// It directs values, and does nothing outside of the flow.
    Control,
    /// It does something outside of the flow.
    Action,
}

/// An end of a node that gives or takes values.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    name: PortName,
    description: String,
    schema: Value,
    value: Type,
}

/// What a node type is set up with.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    schema: Value,
    value: Type,
}

impl Manifest {
    /// The name of the node type.
    pub const fn node(&self) -> &NodeTypeName {
        &self.node
    }

    /// Its version.
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// What such a node does.
    pub const fn kind(&self) -> NodeKind {
        self.kind
    }

    /// What it is for, for people; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The ports that take values, in order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The ports that give values, in order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// What it is set up with; `None` if with anything.
    pub const fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    /// The rules about what may feed its inputs.
    pub const fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The description as JSON, from which it can be read again.
    pub fn to_value(&self) -> Value {
        let mut entries = Map::new();
        let mut add = |key: &str, value: Value| entries.insert(key.to_owned(), value);
        add("type", self.node.as_str().into());
        add("version", self.version.as_str().into());
        add("kind", self.kind.as_str().into());
        if !self.description.is_empty() {
            add("description", self.description.as_str().into());
        }
        if !self.inputs.is_empty() {
            add("inputs", self.inputs.iter().map(Port::to_value).collect());
        }
        if !self.outputs.is_empty() {
            add("outputs", self.outputs.iter().map(Port::to_value).collect());
        }
        if let Some(parameters) = &self.parameters {
            add("parameters", parameters.schema.clone());
        }
        if !self.matrix.rules().is_empty() {
            add("compatibilityMatrix", self.matrix.to_value());
        }
        Value::Object(entries)
    }
}

impl NodeKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Trigger, Self::Control, Self::Action];

    /// Its name in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Control => "control",
            Self::Action => "action",
        }
    }
}

impl Port {
    /// Its name.
    pub const fn name(&self) -> &PortName {
        &self.name
    }

    /// What passes through it, for people; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its schema as it was written: what values are checked with.
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// The type that the schema was read as.
    pub const fn value(&self) -> &Type {
        &self.value
    }

    /// The name of its schema: the `$id`, or else the `title`.
    pub fn schema_name(&self) -> Option<&str> {
        let named = |keyword| self.schema.get(keyword).and_then(Value::as_str);
        named("$id").or_else(|| named("title"))
    }

    fn to_value(&self) -> Value {
        let mut entries = json!({"name": self.name.as_str(), "schema": self.schema});
        if !self.description.is_empty() {
            entries["description"] = self.description.as_str().into();
        }
        entries
    }
}

impl Parameters {
    /// The schema as it was written.
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// The type that the schema was read as.
    pub const fn value(&self) -> &Type {
        &self.value
    }
}

#[cfg(test)]
mod tests;
