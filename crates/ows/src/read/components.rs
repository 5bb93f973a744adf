//! What a document names for use elsewhere: `use`.
//!
//! Everything named is read once, where it stands, whether it is used or not; a use takes a copy.
//! Expressions in it see what every task sees, and nothing that is bound around a use.

use std::collections::BTreeMap;

use flowmill_flow::DiagnosticCode;
use flowmill_flow::reading::{Item, ItemValue, excerpt, suggest};

use crate::construct::Construct;
use crate::model::{Authentication, ErrorTemplate, RetryPolicy, Span, Task};

use super::Reader;
use super::around::Around;
use super::call::BUILT_IN;

/// Named things of one kind; `None` for one that is wrong, about which everything was said.
type Named<T> = BTreeMap<String, Option<T>>;

/// What a document names for use elsewhere.
#[derive(Default)]
pub(super) struct Components {
    authentications: Named<Authentication>,
    errors: Named<ErrorTemplate>,
    retries: Named<RetryPolicy>,
    secrets: Named<()>,
    timeouts: Named<Span>,
    functions: Named<()>,
}

/// How many names are looked through for one that is meant.
const COMPARED: usize = 500;

const FIELDS: &[&str] = &[
    "authentications",
    "catalogs",
    "errors",
    "extensions",
    "functions",
    "retries",
    "secrets",
    "timeouts",
];

impl<'d> Reader<'d> {
    /// Reads `use`; gives the functions.
    pub(super) fn components(&mut self, item: Option<&'d Item>) -> BTreeMap<String, Task> {
        let Some(object) = item.and_then(|item| self.object(item, FIELDS)) else {
            return BTreeMap::new();
        };
        let nothing = Around::default();
        self.without(object.get("catalogs"), Construct::Catalogs);
        self.without(object.get("extensions"), Construct::Extensions);
        self.components.secrets = self.secrets(object.get("secrets"));
        self.components.timeouts = self
            .named(object.get("timeouts"), |reader, item| reader.inline_timeout(item, &nothing));
        self.components.errors =
            self.named(object.get("errors"), |reader, item| reader.inline_error(item, &nothing));
        self.components.retries = self.named(object.get("retries"), |reader, item| {
            reader.inline_retry(item, super::fault::VARIABLE, &nothing)
        });
        self.components.authentications = self
            .named(object.get("authentications"), |reader, item| {
                reader.inline_authentication(item, &nothing)
            });
        self.functions(object.get("functions"))
    }

    /// Refuses what is there at all.
    fn without(&mut self, item: Option<&'d Item>, construct: Construct) {
        let Some(item) = item else { return };
        let is_container = matches!(item.value, ItemValue::Map(_) | ItemValue::List(_));
        if !is_container || !item.entries().is_empty() || !item.items().is_empty() {
            self.report.refuse(item, construct);
        }
    }

    fn secrets(&mut self, item: Option<&'d Item>) -> Named<()> {
        let items = item.and_then(|item| self.items(item)).unwrap_or_default();
        let mut secrets = Named::new();
        for item in items {
            let Some(name) = self.text(item) else { continue };
            if name.is_empty() {
                self.fault(item, DiagnosticCode::InvalidName, "the name is empty", "write a name");
            }
            if secrets.insert(name.to_owned(), Some(())).is_some() {
                let message = format!("there are two secrets `{}`", excerpt(name));
                self.fault(item, DiagnosticCode::DuplicateName, message, "remove one of them");
            }
        }
        secrets
    }

    /// The names of the secrets, in alphabetical order.
    pub(super) fn secret_names(&self) -> Vec<String> {
        self.components.secrets.keys().cloned().collect()
    }

    fn named<T>(
        &mut self,
        item: Option<&'d Item>,
        read: impl Fn(&mut Self, &'d Item) -> Option<T>,
    ) -> Named<T> {
        let entries = item.and_then(|item| self.entries(item)).unwrap_or_default();
        let entries = entries.iter();
        entries.map(|entry| (entry.key.clone(), read(self, &entry.value))).collect()
    }

    /// The names of functions are known before any of them is read, since they may call each other.
    fn functions(&mut self, item: Option<&'d Item>) -> BTreeMap<String, Task> {
        let entries = item.and_then(|item| self.entries(item)).unwrap_or_default();
        let names = entries.iter().map(|entry| (entry.key.clone(), Some(())));
        self.components.functions = names.collect();
        let mut functions = BTreeMap::new();
        for entry in entries {
            if BUILT_IN.contains(&entry.key.as_str()) {
                let message = format!("`{}` is a call that everybody has", entry.key);
                let (code, help) = (DiagnosticCode::InvalidName, "choose another name");
                self.fault(&entry.value, code, message, help);
            }
            self.function = Some(&entry.key);
            let task = self.function_task(entry);
            functions.extend(task.map(|task| (entry.key.clone(), task)));
        }
        self.function = None;
        self.refuse_recursion();
        functions
    }

    pub(super) fn named_authentication(&mut self, item: &'d Item) -> Option<Authentication> {
        let name = self.text(item)?;
        let found = self.components.authentications.get(name).cloned();
        found.unwrap_or_else(|| {
            let known = names(&self.components.authentications);
            self.unknown(item, "authentication", "authentications", &known)
        })
    }

    pub(super) fn named_error(&mut self, item: &'d Item) -> Option<ErrorTemplate> {
        let name = self.text(item)?;
        let found = self.components.errors.get(name).cloned();
        found.unwrap_or_else(|| {
            let known = names(&self.components.errors);
            self.unknown(item, "error", "errors", &known)
        })
    }

    pub(super) fn named_retry(&mut self, item: &'d Item) -> Option<RetryPolicy> {
        let name = self.text(item)?;
        let found = self.components.retries.get(name).cloned();
        found.unwrap_or_else(|| {
            let known = names(&self.components.retries);
            self.unknown(item, "retry policy", "retries", &known)
        })
    }

    pub(super) fn named_timeout(&mut self, item: &'d Item) -> Option<Span> {
        let name = self.text(item)?;
        let found = self.components.timeouts.get(name).cloned();
        found.unwrap_or_else(|| {
            let known = names(&self.components.timeouts);
            self.unknown(item, "time-out", "timeouts", &known)
        })
    }

    /// The name of a function of the document.
    pub(super) fn named_function(&mut self, item: &'d Item, name: &str) -> Option<String> {
        if self.components.functions.contains_key(name) {
            return Some(name.to_owned());
        }
        let mut known = names(&self.components.functions);
        known.extend(BUILT_IN.iter().map(|name| (*name).to_owned()));
        self.unknown(item, "function", "functions", &known)
    }

    /// The name of a secret, in a field of its own.
    pub(super) fn named_secret(&mut self, item: &'d Item) -> Option<String> {
        let name = self.text(item)?;
        self.known_secret(item, name).then(|| name.to_owned())
    }

    /// Whether a secret that `item` names is one of the document's.
    pub(super) fn known_secret(&mut self, item: &'d Item, name: &str) -> bool {
        if self.components.secrets.contains_key(name) {
            return true;
        }
        let known = names(&self.components.secrets);
        self.unknown_name(item, name, "secret", "secrets", &known);
        false
    }

    fn unknown<T>(
        &mut self,
        item: &'d Item,
        what: &str,
        field: &str,
        known: &[String],
    ) -> Option<T> {
        self.unknown_name(item, item.text().unwrap_or_default(), what, field, known);
        None
    }

    fn unknown_name(
        &mut self,
        item: &'d Item,
        name: &str,
        what: &str,
        field: &str,
        known: &[String],
    ) {
        let message = format!("there is no {what} `{}`", excerpt(name));
        let names = known.iter().map(String::as_str);
        let help = suggest(name, names, || format!("add it to `use.{field}`"));
        self.fault(item, DiagnosticCode::UnknownReference, message, help);
    }
}

/// Names that one may be meant to be: not all of a document that has very many, or long ones.
fn names<T>(named: &Named<T>) -> Vec<String> {
    let short = named.keys().filter(|name| name.len() <= flowmill_model::limits::TASK_NAME_CHARS);
    short.take(COMPARED).cloned().collect()
}
