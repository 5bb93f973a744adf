//! The errors of a document, gathered while it is read.
//!
//! An error is kept with the item it is about. Where the item stands is found at the end, for all
//! errors in one walk, so that reading carries no pointers along; a document may be deep, and its
//! keys long.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use flowmill_flow::reading::{Finding, Item, ItemValue, Place, escape};
use flowmill_flow::{Diagnostic, DiagnosticCode};
use flowmill_model::limits;

use crate::construct::Construct;

/// One error of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DocumentError {
    /// What is wrong, where, and what to do.
    pub diagnostic: Diagnostic,
    /// What is refused, if the error is that Flowmill does not run it.
    pub construct: Option<Construct>,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl From<Diagnostic> for DocumentError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, construct: None }
    }
}

/// The errors found so far; at most [`limits::DIAGNOSTICS`].
#[derive(Default)]
pub(crate) struct Report<'d> {
    found: Vec<Found<'d>>,
}

struct Found<'d> {
    item: &'d Item,
    place: Place,
    finding: Finding,
    construct: Option<Construct>,
}

impl<'d> Report<'d> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether further errors are dropped, so that looking for them is of no use.
    pub(crate) const fn is_full(&self) -> bool {
        self.found.len() >= limits::DIAGNOSTICS
    }

    /// An error about `item`, at `place`.
    pub(crate) fn add(&mut self, item: &'d Item, place: Place, finding: Finding) {
        self.push(Found { item, place, finding, construct: None });
    }

    /// A construct that is refused.
    pub(crate) fn refuse(&mut self, item: &'d Item, construct: Construct) {
        let message = format!("{} is not supported ({})", construct.words(), construct.name());
        let finding = Finding::new(DiagnosticCode::UnsupportedConstruct, message, construct.help());
        self.push(Found { item, place: item.place, finding, construct: Some(construct) });
    }

    fn push(&mut self, found: Found<'d>) {
        if !self.is_full() {
            self.found.push(found);
        }
    }

    /// The errors in the order of the text of the document, which is `root`.
    pub(crate) fn into_errors(mut self, root: &'d Item) -> Vec<DocumentError> {
        self.found.sort_by_key(|found| (found.place, found.finding.code));
        let mut finder = Finder::new(self.found.iter().map(|found| found.item));
        finder.walk(root);
        let placed = self.found.into_iter().map(|found| {
            let pointer = finder.pointers.get(&std::ptr::from_ref(found.item));
            DocumentError {
                diagnostic: found.finding.at(found.place, pointer.cloned().unwrap_or_default()),
                construct: found.construct,
            }
        });
        placed.collect()
    }
}

/// Finds the JSON pointers of items, which it knows by their addresses.
struct Finder {
    wanted: BTreeSet<*const Item>,
    steps: Vec<String>,
    pointers: BTreeMap<*const Item, String>,
}

impl Finder {
    fn new<'d>(items: impl Iterator<Item = &'d Item>) -> Self {
        let wanted = items.map(std::ptr::from_ref).collect();
        Self { wanted, steps: Vec::new(), pointers: BTreeMap::new() }
    }

    /// Looks at an item and at what is in it; a document's depth is bounded.
    fn walk(&mut self, item: &Item) {
        let address = std::ptr::from_ref(item);
        if self.wanted.contains(&address) {
            self.pointers.insert(address, self.steps.concat());
        }
        match &item.value {
            ItemValue::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.step(format!("/{index}"), item);
                }
            }
            ItemValue::Map(entries) => {
                for entry in entries {
                    self.step(format!("/{}", escape(&entry.key)), &entry.value);
                }
            }
            ItemValue::Null | ItemValue::Bool(_) | ItemValue::Number(_) | ItemValue::Text(_) => {}
        }
    }

    fn step(&mut self, step: String, item: &Item) {
        self.steps.push(step);
        self.walk(item);
        self.steps.pop();
    }
}
