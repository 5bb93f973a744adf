//! Addresses: URIs with variables in braces, or what an expression gives.
//!
//! Of URI templates (RFC 6570) the specification has simple expansion only.

use flowmill_flow::DiagnosticCode;
use flowmill_flow::reading::{Item, excerpt};

use crate::model::{Endpoint, Uri, UriPart};

use super::Reader;
use super::around::{Around, Moment};
use super::template::enclosed;

/// Which addresses are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Those of the web.
    Web,
    /// Any, and those that are relative.
    Any,
}

/// What beside a name can stand in braces, and asks for another kind of expansion.
const OPERATORS: &[char] = &['+', '#', '.', '/', ';', '?', '&', '=', ',', '!', '@', '|'];

const FORM: &str = "write one name between braces, as in /pets/{petId}; \
                    for more write the whole address as one expression";

impl<'d> Reader<'d> {
    /// An address, or an object with an address and an authentication.
    pub(super) fn endpoint(&mut self, item: &'d Item, around: &Around<'d>) -> Option<Endpoint> {
        if item.text().is_some() {
            let uri = self.uri(item, around, Scheme::Web)?;
            return Some(Endpoint { uri, authentication: None });
        }
        let object = self.object(item, &["uri", "authentication"])?;
        let authentication = self.authentication_of(object.get("authentication"), around);
        let uri = self.require(object, "uri", "the address")?;
        let uri = self.uri(uri, around, Scheme::Web)?;
        Some(Endpoint { uri, authentication })
    }

    pub(super) fn uri(
        &mut self,
        item: &'d Item,
        around: &Around<'d>,
        scheme: Scheme,
    ) -> Option<Uri> {
        let text = self.text(item)?;
        if enclosed(text).is_some() {
            return self.expression(item, &around.names(Moment::Task)).map(Uri::Computed);
        }
        if text.contains("${") {
            let message = "an expression is only a part of the address";
            let help = "write the whole address as one expression: ${ \"https://host/\\(.id)\" }";
            self.fault(item, DiagnosticCode::InvalidExpression, message, help);
            return None;
        }
        let parts = match parts(text) {
            Ok(parts) => parts,
            Err(message) => {
                self.invalid(item, message, FORM);
                return None;
            }
        };
        if scheme == Scheme::Web && !may_be_web(&parts) {
            let message = format!("`{}` is no address of the web", excerpt(text));
            self.invalid(item, message, "begin it with http:// or https://");
            return None;
        }
        Some(Uri::Template(parts))
    }
}

/// Whether an address begins as one of the web does, or with a variable.
fn may_be_web(parts: &[UriPart]) -> bool {
    match parts {
        [UriPart::Variable(_), ..] => true,
        [UriPart::Fixed(text), rest @ ..] => {
            let whole = ["http://", "https://"].iter().any(|scheme| {
                text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            });
            whole || (!rest.is_empty() && ["http", "https"].contains(&text.as_str()))
        }
        [] => false,
    }
}

/// The parts of a text with names in braces.
fn parts(text: &str) -> Result<Vec<UriPart>, String> {
    let unpaired = || "a brace of the address has no partner".to_owned();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err("an address is not empty and has no spaces".to_owned());
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((fixed, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(unpaired)?;
        push_fixed(&mut parts, fixed).ok_or_else(unpaired)?;
        if name.is_empty() || name.starts_with(OPERATORS) || name.contains(['{', ',', ':', '*']) {
            return Err(format!("`{{{}}}` is no variable of an address", excerpt(name)));
        }
        parts.push(UriPart::Variable(name.to_owned()));
        rest = after;
    }
    push_fixed(&mut parts, rest).ok_or_else(unpaired)?;
    Ok(parts)
}

fn push_fixed(parts: &mut Vec<UriPart>, text: &str) -> Option<()> {
    if text.contains('}') {
        return None;
    }
    if !text.is_empty() {
        parts.push(UriPart::Fixed(text.to_owned()));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str) -> UriPart {
        UriPart::Fixed(text.to_owned())
    }

    fn variable(name: &str) -> UriPart {
        UriPart::Variable(name.to_owned())
    }

    #[test]
    fn names_in_braces_are_variables() {
        let check = |text: &str, expect: &[UriPart]| {
            assert_eq!(parts(text).as_deref(), Ok(expect), "{text}");
        };
        check("https://a/b", &[fixed("https://a/b")]);
        check("https://a/{id}", &[fixed("https://a/"), variable("id")]);
        check("{base}/x?y={y}&z", &[variable("base"), fixed("/x?y="), variable("y"), fixed("&z")]);
        check("/{a}{pet.id}", &[fixed("/"), variable("a"), variable("pet.id")]);
        check("/{größe}", &[fixed("/"), variable("größe")]);
    }

    #[test]
    fn other_expansions_and_unpaired_braces_are_refused() {
        for text in [
            "", "a b", "{", "}", "a{}", "{+a}", "{/a}", "{?a}", "{a,b}", "{a:3}", "{a*}", "{a{b}}",
            "a}{b}",
        ] {
            assert!(parts(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_of_the_web_begins_with_its_scheme_or_a_variable() {
        let check = |text: &str, expect: bool| {
            assert_eq!(may_be_web(&parts(text).expect(text)), expect, "{text}");
        };
        check("https://a", true);
        check("HTTP://a", true);
        check("{base}/a", true);
        check("http{s}://a", true);
        check("ftp://a", false);
        check("/a/{b}", false);
        check("htt", false);
    }
}
