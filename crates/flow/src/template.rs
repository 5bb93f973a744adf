//! Values with `${ expr }` in their strings.
//!
//! A string that is one `${ expr }` as a whole stands for the expression's value; inside a longer
//! string the value is put in as text (a string as it is, anything else as JSON). Only what the
//! definition itself holds is read as an expression, never data.

mod request;
mod text;

use std::sync::Arc;

pub use request::RequestTemplate;
pub(crate) use request::{Authentication, RequestParts};
pub use text::{TextFault, TextPart, TextTemplate, mentions_secrets};

use crate::expression::{Expression, ExpressionFault, Scope};
use crate::json::{self, Json};

/// A JSON value whose strings may hold expressions; compiled once, cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Arc<Part>);

/// One value of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// No expression anywhere inside.
    Fixed(Json),
    /// A string with expressions in it.
    Text(TextTemplate),
    /// A list.
    List(Vec<Part>),
    /// An object.
    Map(Vec<(String, Part)>),
}

impl From<Expression> for Template {
    /// The value of an expression.
    fn from(expression: Expression) -> Self {
        Self::new(Part::Text(TextTemplate::from(expression)))
    }
}

impl Template {
    /// The template of a value.
    pub fn new(root: Part) -> Self {
        Self(Arc::new(root))
    }

    /// The value with every expression replaced by what it gives for `input`.
    pub fn render(&self, input: &Json, scope: &Scope) -> Result<Json, ExpressionFault> {
        let value = self.0.render(input, scope)?;
        if let Part::Fixed(_) = *self.0 {
            return Ok(value);
        }
        match json::check_fit(value.value()) {
            Ok(()) => Ok(value),
            Err(unfit) => Err(ExpressionFault::new("${ ... }", unfit.into())),
        }
    }

    /// The expressions inside.
    pub fn expressions(&self) -> Vec<&Expression> {
        let mut found = Vec::new();
        self.0.collect(&mut found);
        found
    }
}

impl Part {
    /// A list, fixed if all of its items are.
    pub fn list(items: Vec<Part>) -> Self {
        match items.iter().map(Self::fixed).collect::<Option<Vec<_>>>() {
            Some(fixed) => Self::Fixed(Json::array(fixed)),
            None => Self::List(items),
        }
    }

    /// An object, fixed if all of its entries are.
    pub fn map(entries: Vec<(String, Part)>) -> Self {
        let fixed = entries.iter().map(|(key, part)| Some((key, part.fixed()?)));
        match fixed.collect::<Option<Vec<_>>>() {
            Some(fixed) => Self::Fixed(Json::object(fixed)),
            None => Self::Map(entries),
        }
    }

    fn fixed(&self) -> Option<Json> {
        if let Self::Fixed(value) = self { Some(value.clone()) } else { None }
    }

    fn render(&self, input: &Json, scope: &Scope) -> Result<Json, ExpressionFault> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(text) => text.render(input, scope),
            Self::List(items) => {
                let items = items.iter().map(|item| item.render(input, scope));
                items.collect::<Result<Vec<_>, _>>().map(Json::array)
            }
            Self::Map(entries) => {
                let entries = entries.iter().map(|(k, v)| Ok((k, v.render(input, scope)?)));
                entries.collect::<Result<Vec<_>, _>>().map(Json::object)
            }
        }
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Expression>) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(text) => found.extend(text.expressions()),
            Self::List(items) => items.iter().for_each(|item| item.collect(found)),
            Self::Map(entries) => entries.iter().for_each(|(_, item)| item.collect(found)),
        }
    }
}

#[cfg(test)]
mod tests;
