//! Manifests from JSON.

use flowmill_model::{InvalidName, Version, limits};
use serde_json::{Map, Value};

use crate::error::TypeError;
use crate::matrix::{Matrix, Origin, Rule, Ruling};
use crate::pattern::{InvalidPattern, Pattern};
use crate::pointer;
use crate::read::Formats;
use crate::shape::Type;
use crate::verdict::Converter;

use super::{InvalidNodeName, Manifest, NodeKind, NodeTypeName, Parameters, Port, PortName};

/// Why a manifest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ManifestError {
    /// What is wrong.
    pub fault: ManifestFault,
    /// Where in the manifest, as a JSON pointer; empty for all of it.
    pub pointer: String,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// A field that must be there is not.
    #[error("`{0}` is missing")]
    MissingField(&'static str),
    /// A field is not one that its place has.
    #[error("`{field}` is no field of this place, which has {known}")]
    UnknownField {
        /// The field.
        field: String,
        /// The fields that the place has.
        known: String,
    },
    /// A value is of the wrong kind, or not a possible one.
    #[error("this must be {0}")]
    Wrong(&'static str),
    /// Two ports have one name.
    #[error("two ports have the name `{0}`")]
    DuplicatePort(String),
    /// A rule names an input port that the node type does not have.
    #[error("there is no input port `{0}`")]
    UnknownPort(String),
    /// A rule does not say one thing.
    #[error("a rule has one of `allow`, `deny` and `convert`")]
    NoRuling,
    /// A trigger has inputs.
    #[error("a trigger has no inputs")]
    TriggerInputs,
    /// There is more of something than there may be.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// How many there may be.
        limit: usize,
        /// What there is too much of.
        what: &'static str,
    },
    /// The version is none.
    #[error("the version cannot be used")]
    Version(#[source] InvalidName),
    /// A name breaks the rules of its kind.
    #[error("the name cannot be used")]
    Name(#[source] InvalidNodeName),
    /// A pattern of a rule cannot be used.
    #[error("the pattern cannot be used")]
    Pattern(#[source] InvalidPattern),
    /// A schema cannot be used.
    #[error("the schema cannot be used")]
    Schema(#[source] TypeError),
}

impl ManifestError {
    /// What to do.
    pub fn help(&self) -> String {
        match &self.fault {
            ManifestFault::MissingField(field) => format!("add `{field}`"),
            ManifestFault::UnknownField { .. } => {
                "correct the name, or remove the field".to_owned()
            }
            ManifestFault::Wrong(expected) => format!("write {expected}"),
            ManifestFault::DuplicatePort(_) => "give each port a name of its own".to_owned(),
            ManifestFault::UnknownPort(_) => {
                "correct the name, or leave `to` out to mean each input port".to_owned()
            }
            ManifestFault::NoRuling => "keep one of them, or write two rules".to_owned(),
            ManifestFault::TriggerInputs => "remove `inputs`, or change the kind".to_owned(),
            ManifestFault::TooMany { what, .. } => {
                format!("make several node types, or fewer {what}")
            }
            ManifestFault::Version(error) => error.to_string(),
            ManifestFault::Name(error) => format!("{error}"),
            ManifestFault::Pattern(error) => format!("{error}"),
            ManifestFault::Schema(error) => format!("{error}: {}", error.help()),
        }
    }
}

type Read<T> = Result<T, ManifestError>;

const FIELDS: [&str; 8] = [
    "type",
    "version",
    "kind",
    "description",
    "inputs",
    "outputs",
    "parameters",
    "compatibilityMatrix",
];

impl Manifest {
    /// Reads a manifest. Formats of its schemas count as constraints: whatever checks values at
    /// run time checks them.
    pub fn read(value: &Value) -> Result<Self, ManifestError> {
        let whole = Place { value, at: String::new() };
        let place = whole.object(&FIELDS)?;
        let kind = place.required("kind")?.kind()?;
        let inputs = place.ports("inputs")?;
        if kind == NodeKind::Trigger && !inputs.is_empty() {
            return Err(error(ManifestFault::TriggerInputs, "/inputs"));
        }
        Ok(Self {
            node: place.required("type")?.parsed(NodeTypeName::new, ManifestFault::Name)?,
            version: place.required("version")?.parsed(Version::new, ManifestFault::Version)?,
            kind,
            description: place.text("description")?,
            outputs: place.ports("outputs")?,
            parameters: place.parameters()?,
            matrix: place.matrix(&inputs)?,
            inputs,
        })
    }
}

/// A value in a manifest, and where.
struct Place<'a> {
    value: &'a Value,
    at: String,
}

/// An object in a manifest, and where.
struct ObjectPlace<'a> {
    entries: &'a Map<String, Value>,
    at: String,
}

fn error(fault: ManifestFault, at: &str) -> ManifestError {
    ManifestError { fault, pointer: at.to_owned() }
}

impl<'a> Place<'a> {
    fn wrong<T>(&self, expected: &'static str) -> Read<T> {
        Err(error(ManifestFault::Wrong(expected), &self.at))
    }

    fn object(&self, known: &[&str]) -> Read<ObjectPlace<'a>> {
        let Some(entries) = self.value.as_object() else { return self.wrong("an object") };
        if let Some(field) = entries.keys().find(|key| !known.contains(&key.as_str())) {
            let known = known.join(", ");
            let fault = ManifestFault::UnknownField { field: crate::error::excerpt(field), known };
            return Err(error(fault, &pointer::into(&self.at, field)));
        }
        Ok(ObjectPlace { entries, at: self.at.clone() })
    }

    fn list(&self, limit: usize, what: &'static str) -> Read<Vec<Place<'a>>> {
        let Some(items) = self.value.as_array() else { return self.wrong("a list") };
        if items.len() > limit {
            return Err(error(ManifestFault::TooMany { limit, what }, &self.at));
        }
        let place = |(n, value): (usize, &'a Value)| Place {
            value,
            at: pointer::into(&self.at, &n.to_string()),
        };
        Ok(items.iter().enumerate().map(place).collect())
    }

    fn text(&self) -> Read<&'a str> {
        self.value.as_str().map_or_else(|| self.wrong("a text"), Ok)
    }

    fn parsed<T, E>(
        &self,
        parse: fn(&str) -> Result<T, E>,
        fault: fn(E) -> ManifestFault,
    ) -> Read<T> {
        parse(self.text()?).map_err(|invalid| error(fault(invalid), &self.at))
    }

    fn kind(&self) -> Read<NodeKind> {
        let text = self.text()?;
        let found = NodeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.map_or_else(|| self.wrong("trigger, control or action"), Ok)
    }

    fn schema(&self) -> Read<(Value, Type)> {
        let value = Type::read(self.value, Formats::Checked).map_err(|invalid| {
            let at = format!("{}{}", self.at, invalid.pointer);
            error(ManifestFault::Schema(invalid), &at)
        })?;
        Ok((self.value.clone(), value))
    }

    fn port(&self) -> Read<Port> {
        let place = self.object(&["name", "description", "schema"])?;
        let name = place.required("name")?.parsed(PortName::new, ManifestFault::Name)?;
        let description = place.text("description")?;
        let (schema, value) = match place.optional("schema") {
            Some(schema) => schema.schema()?,
            None => (Value::Bool(true), Type::any()),
        };
        Ok(Port { name, description, schema, value })
    }

    fn rule(&self, inputs: &[Port]) -> Read<Rule> {
        let place = self.object(&["from", "to", "allow", "deny", "convert"])?;
        let from = place.required("from")?.origin()?;
        let to = place.optional("to").map(|to| to.input(inputs)).transpose()?;
        Ok(Rule { from, to, ruling: place.ruling()? })
    }

    fn origin(&self) -> Read<Origin> {
        let place = self.object(&["node", "port", "schema"])?;
        if place.entries.is_empty() {
            return self.wrong("at least one of node, port and schema");
        }
        let pattern = |key| {
            let pattern = place.optional(key);
            pattern.map(|place| place.parsed(Pattern::new, ManifestFault::Pattern)).transpose()
        };
        Ok(Origin { node: pattern("node")?, port: pattern("port")?, schema: pattern("schema")? })
    }

    fn input(&self, inputs: &[Port]) -> Read<PortName> {
        let name = self.parsed(PortName::new, ManifestFault::Name)?;
        if inputs.iter().any(|port| port.name == name) {
            return Ok(name);
        }
        Err(error(ManifestFault::UnknownPort(name.as_str().to_owned()), &self.at))
    }
}

impl<'a> ObjectPlace<'a> {
    fn optional(&self, key: &str) -> Option<Place<'a>> {
        let value = self.entries.get(key)?;
        Some(Place { value, at: pointer::into(&self.at, key) })
    }

    fn required(&self, key: &'static str) -> Read<Place<'a>> {
        let missing = || error(ManifestFault::MissingField(key), &self.at);
        self.optional(key).ok_or_else(missing)
    }

    /// A text that may be left out.
    fn text(&self, key: &str) -> Read<String> {
        let text = self.optional(key).map(|place| place.text()).transpose()?;
        Ok(text.unwrap_or_default().to_owned())
    }

    fn ports(&self, key: &str) -> Read<Vec<Port>> {
        let Some(place) = self.optional(key) else { return Ok(Vec::new()) };
        let mut ports: Vec<Port> = Vec::new();
        for place in place.list(limits::MANIFEST_PORTS, "ports")? {
            let port = place.port()?;
            if ports.iter().any(|other| other.name == port.name) {
                let fault = ManifestFault::DuplicatePort(port.name.as_str().to_owned());
                return Err(error(fault, &pointer::into(&place.at, "name")));
            }
            ports.push(port);
        }
        Ok(ports)
    }

    fn parameters(&self) -> Read<Option<Parameters>> {
        let schema = self.optional("parameters").map(|place| place.schema()).transpose()?;
        Ok(schema.map(|(schema, value)| Parameters { schema, value }))
    }

    fn matrix(&self, inputs: &[Port]) -> Read<Matrix> {
        let Some(place) = self.optional("compatibilityMatrix") else {
            return Ok(Matrix::default());
        };
        let rules = place.list(limits::MATRIX_RULES, "rules")?;
        Ok(Matrix::new(rules.iter().map(|rule| rule.rule(inputs)).collect::<Read<_>>()?))
    }

    fn ruling(&self) -> Read<Ruling> {
        let found = ["allow", "deny", "convert"].map(|key| self.optional(key));
        match found {
            [Some(allow), None, None] if *allow.value == Value::Bool(true) => Ok(Ruling::Allow),
            [Some(allow), None, None] => allow.wrong("true"),
            [None, Some(deny), None] => Ok(Ruling::Deny { reason: deny.filled()?.to_owned() }),
            [None, None, Some(convert)] => {
                Ok(Ruling::Convert { converter: Converter(convert.filled()?.to_owned()) })
            }
            [Some(_), Some(_), _]
            | [Some(_), _, Some(_)]
            | [_, Some(_), Some(_)]
            | [None, None, None] => Err(error(ManifestFault::NoRuling, &self.at)),
        }
    }
}

impl<'a> Place<'a> {
    fn filled(&self) -> Read<&'a str> {
        let text = self.text()?;
        if text.trim().is_empty() { self.wrong("a text that is not empty") } else { Ok(text) }
    }
}
