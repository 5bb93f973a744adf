//! Expressions, and values and texts with expressions in them.
//!
//! A text that is one `${ }` as a whole, spaces around it aside, stands for the expression's
//! value. Inside a longer text the value is put in as text, as in the specification's own
//! examples. Where nothing but an expression can stand, the braces may be left out.

use flowmill_flow::reading::{
    Finding, Item, ItemValue, Names, Part, SyntaxFault, TextFault, TextPart, mentions_secrets,
    template_end,
};
use flowmill_flow::{DiagnosticCode, Expression, Template, TextTemplate};

use crate::construct::Construct;

use super::Reader;
use super::around::AUTHORIZATION;

/// Whether a text may hold secrets, which a worker fills in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Allowed,
    Refused,
}

/// The expression that a text is as a whole, with where it begins in the text, in bytes.
pub(super) fn enclosed(text: &str) -> Option<(&str, usize)> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix("${")?;
    let end = template_end(inner)?;
    let offset = text.len() - text.trim_start().len() + 2;
    (end + 1 == inner.len()).then_some((&inner[..end], offset))
}

impl<'d> Reader<'d> {
    /// The expression that `item` is, with or without `${ }`.
    pub(super) fn expression(&mut self, item: &'d Item, names: &Names) -> Option<Expression> {
        let text = self.text(item)?;
        let (source, offset) = enclosed(text).unwrap_or((text, 0));
        if mentions_secrets(source) {
            self.misplaced_secret(item, offset, Secrets::Refused);
            return None;
        }
        match Expression::compile_within(source, names) {
            Ok(expression) => Some(expression),
            Err(fault) => {
                let authorized = Expression::compile_within(source, &names.with(AUTHORIZATION));
                let fault = SyntaxFault { offset: fault.offset + offset, ..fault };
                self.unusable(item, authorized.is_ok(), fault)
            }
        }
    }

    /// The expression in a field that may be left out.
    pub(super) fn condition(
        &mut self,
        item: Option<&'d Item>,
        names: &Names,
    ) -> Option<Expression> {
        self.expression(item?, names)
    }

    /// An expression that cannot be used, for want of `$authorization` alone or for its fault.
    fn unusable<T>(&mut self, item: &'d Item, authorized: bool, fault: SyntaxFault) -> Option<T> {
        if authorized {
            self.report.refuse(item, Construct::AuthorizationVariable);
            return None;
        }
        self.syntax(item, fault)
    }

    fn syntax<T>(&mut self, item: &'d Item, fault: SyntaxFault) -> Option<T> {
        let place = self.source.place_within(item, fault.offset);
        let finding = Finding::new(DiagnosticCode::InvalidExpression, fault.message, fault.help);
        self.report.add(item, place, finding);
        None
    }

    fn misplaced_secret(&mut self, item: &'d Item, offset: usize, secrets: Secrets) {
        let (message, help) = match secrets {
            Secrets::Allowed => (
                "a secret cannot be used inside a larger expression",
                "write it alone, as in \"Bearer ${ $secrets.NAME }\"",
            ),
            Secrets::Refused => (
                "a secret cannot be used here",
                "secrets may go into the headers, query and authentication of a call",
            ),
        };
        let place = self.source.place_within(item, offset);
        let finding = Finding::new(DiagnosticCode::MisplacedSecret, message, help);
        self.report.add(item, place, finding);
    }

    /// A text with expressions in it. Numbers and booleans stand for their text.
    pub(super) fn line(
        &mut self,
        item: &'d Item,
        names: &Names,
        secrets: Secrets,
    ) -> Option<TextTemplate> {
        let written;
        let text = match &item.value {
            ItemValue::Text(text) => text.as_str(),
            ItemValue::Number(_) | ItemValue::Bool(_) => {
                written = String::from_utf8_lossy(&item.to_json().to_bytes()).into_owned();
                written.as_str()
            }
            ItemValue::Null | ItemValue::List(_) | ItemValue::Map(_) => {
                return self.wrong_type(item, "a string");
            }
        };
        // Spaces around a whole expression would make its value a text.
        let (text, skipped) = match enclosed(text) {
            Some((_, offset)) => (text.trim(), offset - 2),
            None => (text, 0),
        };
        let compiled =
            |names: &Names| TextTemplate::compile_within(text, secrets == Secrets::Allowed, names);
        match compiled(names) {
            Ok(template) => self.with_known_secrets(item, template),
            Err(TextFault::Syntax(fault)) => {
                let authorized = compiled(&names.with(AUTHORIZATION)).is_ok();
                let fault = SyntaxFault { offset: fault.offset + skipped, ..fault };
                self.unusable(item, authorized, fault)
            }
            Err(TextFault::MisplacedSecret(offset)) => {
                self.misplaced_secret(item, offset + skipped, secrets);
                None
            }
        }
    }

    fn with_known_secrets(&mut self, item: &'d Item, text: TextTemplate) -> Option<TextTemplate> {
        let mut fine = true;
        for part in text.parts() {
            if let TextPart::Secret(name) = part {
                fine &= self.known_secret(item, name);
            }
        }
        fine.then_some(text)
    }

    /// A text in a field that may be left out, without secrets.
    pub(super) fn line_of(
        &mut self,
        item: Option<&'d Item>,
        names: &Names,
    ) -> Option<TextTemplate> {
        self.line(item?, names, Secrets::Refused)
    }

    /// A value with expressions in its texts.
    pub(super) fn template(&mut self, item: &'d Item, names: &Names) -> Option<Template> {
        self.part(item, names).map(Template::new)
    }

    /// An expression, with or without `${ }`; or else an object with expressions in its texts.
    pub(super) fn transform(&mut self, item: &'d Item, names: &Names) -> Option<Template> {
        match &item.value {
            ItemValue::Text(_) => self.expression(item, names).map(Template::from),
            ItemValue::Map(_) => self.template(item, names),
            ItemValue::Null | ItemValue::Bool(_) | ItemValue::Number(_) | ItemValue::List(_) => {
                self.wrong_type(item, "an object, or a string with an expression,")
            }
        }
    }

    fn part(&mut self, item: &'d Item, names: &Names) -> Option<Part> {
        match &item.value {
            ItemValue::Null | ItemValue::Bool(_) | ItemValue::Number(_) => {
                Some(Part::Fixed(item.to_json()))
            }
            ItemValue::Text(_) => {
                let text = self.line(item, names, Secrets::Refused)?;
                let fixed = text.fixed().is_some();
                Some(if fixed { Part::Fixed(item.to_json()) } else { Part::Text(text) })
            }
            ItemValue::List(items) => {
                // Collected first, so that every item's errors are reported.
                let parts: Vec<_> = items.iter().map(|item| self.part(item, names)).collect();
                Some(Part::list(parts.into_iter().collect::<Option<_>>()?))
            }
            ItemValue::Map(entries) => {
                let parts = entries.iter().map(|entry| {
                    self.part(&entry.value, names).map(|part| (entry.key.clone(), part))
                });
                let parts: Vec<_> = parts.collect();
                Some(Part::map(parts.into_iter().collect::<Option<_>>()?))
            }
        }
    }

    /// Values by name, with expressions in their texts.
    pub(super) fn values(&mut self, item: &'d Item, names: &Names) -> Vec<(String, Template)> {
        let entries = self.entries(item).unwrap_or_default();
        let values = entries
            .iter()
            .filter_map(|entry| Some((entry.key.clone(), self.template(&entry.value, names)?)));
        values.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::enclosed;

    #[test]
    fn a_text_is_an_expression_if_it_is_one_as_a_whole() {
        let check = |text: &str, expect: Option<(&str, usize)>| {
            assert_eq!(enclosed(text), expect, "{text:?}");
        };
        check("${ .a }", Some((" .a ", 2)));
        check("  ${.a}\n", Some((".a", 4)));
        check("${ \"}\" }", Some((" \"}\" ", 2)));
        check("${ {a: 1} }", Some((" {a: 1} ", 2)));
        check(".a", None);
        check("${ .a } and ${ .b }", None);
        check("${ .a", None);
        check("x ${ .a }", None);
        check("", None);
    }
}
