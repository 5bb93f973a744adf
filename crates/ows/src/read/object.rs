//! Objects and their fields, and values of simple types.

use flowmill_flow::DiagnosticCode;
use flowmill_flow::reading::{Entry, Finding, Item, ItemValue, excerpt, nearest, suggest};

use super::Reader;

/// An object whose fields are known.
#[derive(Clone, Copy)]
pub(super) struct Object<'d> {
    pub(super) item: &'d Item,
    known: &'static [&'static str],
}

impl<'d> Object<'d> {
    /// The field's value. A field that is `null` is left out.
    pub(super) fn get(self, name: &str) -> Option<&'d Item> {
        self.item.get(name).filter(|item| item.value != ItemValue::Null)
    }

    /// Whether a key that no field has is probably meant to be this field.
    fn is_misspelt(self, name: &str) -> bool {
        let mut unknown = self.item.entries().iter().filter(|entry| !self.knows(&entry.key));
        let known = || self.known.iter().copied();
        unknown.any(|entry| nearest(&entry.key, known()) == Some(name))
    }

    fn knows(self, key: &str) -> bool {
        self.known.contains(&key)
    }
}

impl<'d> Reader<'d> {
    /// The object that `item` is; reports the fields that it should not have.
    pub(super) fn object(
        &mut self,
        item: &'d Item,
        known: &'static [&'static str],
    ) -> Option<Object<'d>> {
        let object = Object { item, known };
        for entry in self.entries(item)? {
            if self.report.is_full() {
                break;
            }
            if !object.knows(&entry.key) {
                self.unknown_field(entry, known);
            }
        }
        Some(object)
    }

    /// The entries of the object that `item` is.
    pub(super) fn entries(&mut self, item: &'d Item) -> Option<&'d [Entry]> {
        if let ItemValue::Map(entries) = &item.value {
            return Some(entries);
        }
        self.wrong_type(item, "an object")
    }

    /// The items of the list that `item` is.
    pub(super) fn items(&mut self, item: &'d Item) -> Option<&'d [Item]> {
        if let ItemValue::List(items) = &item.value {
            return Some(items);
        }
        self.wrong_type(item, "a list")
    }

    /// The only entry of the object that `item` is.
    pub(super) fn only_entry(&mut self, item: &'d Item, what: &str) -> Option<&'d Entry> {
        match self.entries(item)? {
            [entry] => return Some(entry),
            [] => {
                let help = format!("write the name of the {what}, and what it is");
                self.invalid(item, format!("the {what} has no name"), help);
            }
            [_, second, ..] => {
                let message = format!("more than one {what} stands in one item of the list");
                let help = format!("begin a new item (`- `) for `{}`", excerpt(&second.key));
                self.invalid(item, message, help);
            }
        }
        None
    }

    fn unknown_field(&mut self, entry: &'d Entry, known: &[&str]) {
        let message = format!("there is no field `{}` here", excerpt(&entry.key));
        let help = suggest(&entry.key, known.iter().copied(), || match known {
            [] => "remove it: nothing can be set here".to_owned(),
            known => format!("the fields are {}", known.join(", ")),
        });
        let finding = Finding::new(DiagnosticCode::UnknownField, message, help);
        self.report.add(&entry.value, entry.key_place, finding);
    }

    /// The value of a field that must be there; `what` says what it is.
    pub(super) fn require(
        &mut self,
        object: Object<'d>,
        name: &str,
        what: &str,
    ) -> Option<&'d Item> {
        let found = object.get(name);
        if found.is_none() && !object.is_misspelt(name) {
            let message = format!("the field `{name}` is missing");
            let code = DiagnosticCode::MissingField;
            self.fault(object.item, code, message, format!("add it: {what}"));
        }
        found
    }

    pub(super) fn wrong_type<T>(&mut self, item: &'d Item, expected: &str) -> Option<T> {
        let message = format!("{} stands where {expected} is expected", item.value.kind());
        let plain =
            matches!(item.value, ItemValue::Number(_) | ItemValue::Bool(_) | ItemValue::Null);
        let quoted = plain && expected.contains("string");
        let help = if quoted { "put it into quotes" } else { "change its type" };
        self.fault(item, DiagnosticCode::WrongType, message, help);
        None
    }

    pub(super) fn text(&mut self, item: &'d Item) -> Option<&'d str> {
        item.text().or_else(|| self.wrong_type(item, "a string"))
    }

    /// The text of a field that may be left out.
    pub(super) fn text_of(&mut self, object: Object<'d>, name: &str) -> Option<&'d str> {
        self.text(object.get(name)?)
    }

    /// A boolean field, `false` unless it says otherwise.
    pub(super) fn flag(&mut self, object: Object<'d>, name: &str) -> Option<bool> {
        let item = object.get(name)?;
        if let ItemValue::Bool(value) = item.value {
            Some(value)
        } else {
            self.wrong_type(item, "true or false")
        }
    }

    pub(super) fn whole(&mut self, item: &'d Item, least: u32, most: u32) -> Option<u32> {
        let ItemValue::Number(text) = &item.value else {
            return self.wrong_type(item, "a whole number");
        };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message = format!("{} is not a possible number here", excerpt(text));
            self.invalid(item, message, format!("write a whole number from {least} to {most}"));
        }
        number
    }

    /// One of some texts, each with what it stands for.
    pub(super) fn choice<T: Copy>(&mut self, item: &'d Item, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(item)?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names = || choices.iter().map(|(name, _)| *name);
            let all = || format!("the values are {}", names().collect::<Vec<_>>().join(", "));
            let message = format!("`{}` is not a possible value here", excerpt(text));
            self.invalid(item, message, suggest(text, names(), all));
        }
        found.map(|(_, value)| *value)
    }
}
