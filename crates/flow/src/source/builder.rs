//! Builds the tree from a flat sequence of what a reader finds.

use std::collections::BTreeSet;

use flowmill_model::limits;

use crate::diagnostic::{Diagnostic, DiagnosticCode, Finding, Place, Report, excerpt};

use super::{Entry, Item, ItemValue, too_deep};

/// A tree under construction.
#[derive(Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    root: Option<Item>,
    report: Report,
}

/// A list or an object that is not closed yet.
struct Open {
    place: Place,
    content: Content,
}

#[derive(Default)]
struct OpenMap {
    entries: Vec<Entry>,
    keys: BTreeSet<String>,
    /// The key whose value comes next.
    next: Option<(String, Place)>,
}

enum Content {
    List(Vec<Item>),
    Map(OpenMap),
}

impl Builder {
    /// Whether an object is open that waits for a key.
    pub(super) fn wants_key(&self) -> bool {
        let open = self.open.last().map(|open| &open.content);
        matches!(open, Some(Content::Map(map)) if map.next.is_none())
    }

    pub(super) fn key(&mut self, key: String, place: Place) {
        let Some(Content::Map(map)) = self.open.last_mut().map(|open| &mut open.content) else {
            return;
        };
        let is_new = map.keys.insert(key.clone());
        map.next = Some((key, place));
        if !is_new {
            let shown = map.next.as_ref().map(|(key, _)| excerpt(key)).unwrap_or_default();
            let message = format!("the key `{shown}` occurs twice");
            let finding =
                Finding::new(DiagnosticCode::DuplicateKey, message, "remove or rename one of them");
            self.report.add(finding.at(place, self.pointer()));
        }
    }

    pub(super) fn open_list(&mut self, place: Place) -> Result<(), Diagnostic> {
        self.open(place, Content::List(Vec::new()))
    }

    pub(super) fn open_map(&mut self, place: Place) -> Result<(), Diagnostic> {
        self.open(place, Content::Map(OpenMap::default()))
    }

    fn open(&mut self, place: Place, content: Content) -> Result<(), Diagnostic> {
        if self.open.len() >= limits::DEFINITION_DEPTH {
            return Err(too_deep().at(place, self.pointer()));
        }
        self.open.push(Open { place, content });
        Ok(())
    }

    pub(super) fn close(&mut self) {
        let Some(Open { place, content }) = self.open.pop() else { return };
        let value = match content {
            Content::List(items) => ItemValue::List(items),
            Content::Map(map) => ItemValue::Map(map.entries),
        };
        self.value(value, place);
    }

    pub(super) fn value(&mut self, value: ItemValue, place: Place) {
        let item = Item { place, value };
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::List(items)) => items.push(item),
            Some(Content::Map(map)) => {
                let (key, key_place) = map.next.take().unwrap_or((String::new(), place));
                map.entries.push(Entry { key, key_place, value: item });
            }
            None => self.root = Some(item),
        }
    }

    /// The JSON pointer of what comes next.
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.open {
            match &open.content {
                Content::List(items) => pointer.push_str(&format!("/{}", items.len())),
                Content::Map(OpenMap { next: Some((key, _)), .. }) => {
                    pointer.push_str(&format!("/{}", escape(key)));
                }
                Content::Map(OpenMap { next: None, .. }) => {}
            }
        }
        pointer
    }

    pub(super) fn finish(self) -> Result<Item, Vec<Diagnostic>> {
        if !self.report.is_empty() {
            return Err(self.report.into_diagnostics());
        }
        let nothing = Item { place: Place::START, value: ItemValue::Null };
        Ok(self.root.unwrap_or(nothing))
    }
}

/// A key as one step of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
