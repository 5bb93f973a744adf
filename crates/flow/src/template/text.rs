//! One string with `${ expr }` in it.

use crate::expression::{
    Expression, ExpressionFault, Names, Scope, SyntaxFault, Variable, template_end,
};
use crate::json::Json;

/// What begins an expression inside a string.
const OPEN: &str = "${";

/// A string, split into what is fixed and what is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct TextTemplate {
    pub(crate) parts: Vec<TextPart>,
}

/// One part of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum TextPart {
    /// Text that stays what it is.
    Fixed(String),
    /// The expression and where it begins in the string, in bytes.
    Expression(Expression, usize),
    /// `$secrets.NAME`, filled in by the worker.
    Secret(String),
}

/// Why a string is no template.
#[derive(Debug)]
pub enum TextFault {
    /// A secret stands in a string that may not hold one; where in the string, in bytes.
    MisplacedSecret(usize),
    /// The rest, with its place in the string.
    Syntax(SyntaxFault),
}

impl From<Expression> for TextTemplate {
    /// The value of an expression.
    fn from(expression: Expression) -> Self {
        Self { parts: vec![TextPart::Expression(expression, 0)] }
    }
}

impl TextTemplate {
    /// Compiles a text of a node. Secrets are allowed only when `secrets` says so.
    pub(crate) fn compile(source: &str, secrets: bool) -> Result<Self, TextFault> {
        Self::compile_within(source, secrets, &Names::of(Variable::OF_NODES))
    }

    /// Compiles a text whose expressions may name these variables and bound names. Secrets are
    /// allowed only when `secrets` says so.
    ///
    /// # Errors
    /// When a `${` is not closed, what it encloses is no expression, or a secret is misplaced.
    pub fn compile_within(source: &str, secrets: bool, names: &Names) -> Result<Self, TextFault> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) = source[at..].find(OPEN) {
            if found > 0 {
                parts.push(TextPart::Fixed(source[at..at + found].to_owned()));
            }
            let start = at + found + OPEN.len();
            let Some(length) = template_end(&source[start..]) else {
                return Err(TextFault::Syntax(SyntaxFault {
                    offset: start - OPEN.len(),
                    message: "the closing brace of `${` is missing".to_owned(),
                    help: "close it; for the characters themselves write ${ \"${\" }".to_owned(),
                }));
            };
            parts.push(computed(&source[start..start + length], start, secrets, names)?);
            at = start + length + 1;
        }
        if at < source.len() {
            parts.push(TextPart::Fixed(source[at..].to_owned()));
        }
        Ok(Self { parts })
    }

    /// The string itself, if nothing in it is computed.
    pub fn fixed(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [TextPart::Fixed(text)] => Some(text),
            _ => None,
        }
    }

    /// The parts of the string, in order.
    pub fn parts(&self) -> &[TextPart] {
        &self.parts
    }

    /// What the string begins with, whatever is computed.
    pub(crate) fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(TextPart::Fixed(text)) => text,
            Some(TextPart::Expression(..) | TextPart::Secret(_)) | None => "",
        }
    }

    pub(crate) fn has_secret(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, TextPart::Secret(_)))
    }

    /// The value of a string that is one expression as a whole.
    pub(crate) fn whole(&self) -> Option<&Expression> {
        match &self.parts[..] {
            [TextPart::Expression(expression, _)] => Some(expression),
            _ => None,
        }
    }

    /// The expressions in the string.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.placed_expressions().map(|(expression, _)| expression)
    }

    /// The expressions, each with where it begins in the string, in bytes.
    pub(crate) fn placed_expressions(&self) -> impl Iterator<Item = (&Expression, usize)> {
        self.parts.iter().filter_map(|part| match part {
            TextPart::Expression(expression, offset) => Some((expression, *offset)),
            TextPart::Fixed(_) | TextPart::Secret(_) => None,
        })
    }

    /// The rendered value of a string without secrets.
    pub(super) fn render(&self, input: &Json, scope: &Scope) -> Result<Json, ExpressionFault> {
        match self.whole() {
            Some(expression) => expression.evaluate(input, scope),
            None => self.render_text(input, scope).map(Json::string),
        }
    }

    /// The rendered text of a string without secrets.
    pub(super) fn render_text(
        &self,
        input: &Json,
        scope: &Scope,
    ) -> Result<String, ExpressionFault> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                TextPart::Fixed(fixed) => text.push_str(fixed),
                TextPart::Expression(expression, _) => {
                    push_text(&mut text, &expression.evaluate(input, scope)?);
                }
                TextPart::Secret(name) => {
                    unreachable!("the secret {name} was refused when the text was compiled")
                }
            }
        }
        Ok(text)
    }
}

/// Appends a value as it appears inside a text.
pub(super) fn push_text(text: &mut String, value: &Json) {
    match value.as_str() {
        Some(string) => text.push_str(string),
        None => text.push_str(&String::from_utf8_lossy(&value.to_bytes())),
    }
}

/// Compiles what stands between the braces.
fn computed(
    source: &str,
    offset: usize,
    secrets: bool,
    names: &Names,
) -> Result<TextPart, TextFault> {
    if let Some(name) = secret_name(source) {
        if secrets {
            return Ok(TextPart::Secret(name.to_owned()));
        }
        return Err(TextFault::MisplacedSecret(offset));
    }
    if mentions_secrets(source) {
        return Err(TextFault::MisplacedSecret(offset));
    }
    match Expression::compile_within(source, names) {
        Ok(expression) => Ok(TextPart::Expression(expression, offset)),
        Err(fault) => {
            Err(TextFault::Syntax(SyntaxFault { offset: fault.offset + offset, ..fault }))
        }
    }
}

/// Whether an expression uses `$secrets` in any way.
pub fn mentions_secrets(source: &str) -> bool {
    source.contains("$secrets")
}

/// The name in `$secrets.NAME`, when that is all there is.
fn secret_name(source: &str) -> Option<&str> {
    let name = source.trim().strip_prefix("$secrets.")?;
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let well_formed = name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit());
    well_formed.then_some(name)
}
