//! Parameters as lines of a table, for people.

use crate::definition::{Field, Shape};

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterLine {
    /// Where it stands: `error.title` inside of `error`, `cases[].name` in each of `cases`.
    pub path: String,
    /// Whether it must be there, as far as what it stands in is.
    pub required: bool,
    /// What it looks like, in words.
    pub form: String,
    /// What it means.
    pub meaning: &'static str,
}

/// A line for each field, followed by those inside of it.
pub(super) fn lines(fields: &[Field]) -> Vec<ParameterLine> {
    let mut lines = Vec::new();
    add(&mut lines, "", fields);
    lines
}

fn add(lines: &mut Vec<ParameterLine>, before: &str, fields: &[Field]) {
    for field in fields {
        let path = format!("{before}{}", field.name);
        let (required, form) = (field.required, form(&field.shape));
        lines.push(ParameterLine { path: path.clone(), required, form, meaning: field.doc });
        if let Shape::Object(inside) = &field.shape {
            add(lines, &format!("{path}."), inside);
        } else if let Shape::List { item: Shape::Object(inside), .. } = &field.shape {
            add(lines, &format!("{path}[]."), inside);
        }
    }
}

fn form(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Name | Shape::Identifier | Shape::Queue => "name".to_owned(),
        Shape::Version => "version".to_owned(),
        Shape::Topic => "topic".to_owned(),
        Shape::Expression => "expression".to_owned(),
        Shape::Template => "template".to_owned(),
        Shape::TextTemplate => "text template".to_owned(),
        Shape::SecretText => "text template with secrets".to_owned(),
        Shape::Duration { positive: false } => "duration".to_owned(),
        Shape::Duration { positive: true } => "duration above zero".to_owned(),
        Shape::WholeOrTemplate { least, most } => format!("{least} to {most}, or a text template"),
        Shape::Whole { least, most } => format!("{least} to {most}"),
        Shape::Number { least, most } => format!("number from {least} to {most}"),
        Shape::Choice(choices) => choices.join(", "),
        Shape::JsonSchema => "JSON Schema".to_owned(),
        Shape::Object(_) => "object".to_owned(),
        Shape::Map(item) => format!("object, each a {}", form(item)),
        Shape::List { item: _, most } => format!("list of at most {most}"),
        Shape::FormatVersion
        | Shape::Node
        | Shape::Parameters
        | Shape::Connection
        | Shape::Block => {
            unreachable!("no parameter is of a shape of the document itself")
        }
    }
}
