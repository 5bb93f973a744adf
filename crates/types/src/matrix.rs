//! The compatibility matrix of a node type: what its author knows better than structure does.
//!
//! ```json
//! [
//!   {"from": {"node": "http.*", "port": "body"}, "to": "order", "convert": ".payload"},
//!   {"from": {"schema": "order.v1"}, "deny": "prices of v1 are without tax"},
//!   {"from": {"node": "legacy.import"}, "allow": true}
//! ]
//! ```

use serde_json::{Map, Value, json};

use crate::manifest::PortName;
use crate::pattern::Pattern;
use crate::verdict::{Converter, SourcePort};

/// Rules about what may feed the input ports of one node type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix(Vec<Rule>);

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which ports it is about.
    pub from: Origin,
    /// The input port that it is about; `None` for each.
    pub to: Option<PortName>,
    /// What it says.
    pub ruling: Ruling,
}

/// Ports that give values. What is left out may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The type of the node.
    pub node: Option<Pattern>,
    /// The output port.
    pub port: Option<Pattern>,
    /// The name of the port's schema: its `$id`, or else its `title`.
    pub schema: Option<Pattern>,
}

/// What a rule says of the ports that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// They may feed the port, even if no value seems to fit.
    Allow,
    /// They may not.
    Deny {
        /// Why, for people.
        reason: String,
    },
    /// They may, by way of a converter.
    Convert {
        /// What converts.
        converter: Converter,
    },
}

impl Matrix {
    /// The matrix of some rules.
    pub const fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// The rules in the order in which they were written.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// What counts of a source that feeds an input port: the first rule of the strongest kind.
    pub(crate) fn ruling(&self, source: SourcePort<'_>, to: &PortName) -> Option<&Ruling> {
        let about = self.0.iter().filter(|rule| rule.is_about(source, to));
        // The first of equal ones is the least.
        about.map(|rule| &rule.ruling).min_by_key(|ruling| ruling.rank())
    }

    pub(crate) fn to_value(&self) -> Value {
        self.0.iter().map(Rule::to_value).collect()
    }
}

impl Rule {
    fn is_about(&self, source: SourcePort<'_>, to: &PortName) -> bool {
        self.to.as_ref().is_none_or(|own| own == to) && self.from.is(source)
    }

    fn to_value(&self) -> Value {
        let mut entries = Map::new();
        entries.insert("from".to_owned(), self.from.to_value());
        if let Some(to) = &self.to {
            entries.insert("to".to_owned(), to.as_str().into());
        }
        let (action, value) = match &self.ruling {
            Ruling::Allow => ("allow", json!(true)),
            Ruling::Deny { reason } => ("deny", json!(reason)),
            Ruling::Convert { converter } => ("convert", json!(converter.as_str())),
        };
        entries.insert(action.to_owned(), value);
        Value::Object(entries)
    }
}

impl Origin {
    fn is(&self, source: SourcePort<'_>) -> bool {
        let fits = |pattern: &Option<Pattern>, name: Option<&str>| match pattern {
            None => true,
            Some(pattern) => name.is_some_and(|name| pattern.matches(name)),
        };
        fits(&self.node, Some(source.node.as_str()))
            && fits(&self.port, Some(source.port.name().as_str()))
            && fits(&self.schema, source.port.schema_name())
    }

    fn to_value(&self) -> Value {
        let parts = [("node", &self.node), ("port", &self.port), ("schema", &self.schema)];
        let parts = parts.into_iter().filter_map(|(key, pattern)| {
            pattern.as_ref().map(|pattern| (key.to_owned(), Value::from(pattern.as_str())))
        });
        Value::Object(parts.collect())
    }
}

impl Ruling {
    const fn rank(&self) -> u8 {
        match self {
            Self::Deny { .. } => 0,
            Self::Convert { .. } => 1,
            Self::Allow => 2,
        }
    }
}
