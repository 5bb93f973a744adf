//! Builds the tree from a flat sequence of what a reader finds.

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

enum Content {
    List(Vec<Item>),
    /// The entries so far, and the key whose value comes next.
    Map(Vec<Entry>, Option<(String, Place)>),
}

impl Builder {
    /// Whether an object is open that waits for a key.
    pub(super) fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map(_, None), .. }))
    }

    pub(super) fn key(&mut self, key: String, place: Place) {
        let pointer = self.pointer();
        let Some(Open { content: Content::Map(entries, next), .. }) = self.open.last_mut() else {
            return;
        };
        if entries.iter().any(|entry| entry.key == key) {
            let message = format!("the key `{}` occurs twice", excerpt(&key));
            let finding =
                Finding::new(DiagnosticCode::DuplicateKey, message, "remove or rename one of them");
            self.report.add(finding.at(place, format!("{pointer}/{}", escape(&key))));
        }
        *next = Some((key, place));
    }

    pub(super) fn open_list(&mut self, place: Place) -> Result<(), Diagnostic> {
        self.open(place, Content::List(Vec::new()))
    }

    pub(super) fn open_map(&mut self, place: Place) -> Result<(), Diagnostic> {
        self.open(place, Content::Map(Vec::new(), None))
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
            Content::Map(entries, _) => ItemValue::Map(entries),
        };
        self.value(value, place);
    }

    pub(super) fn value(&mut self, value: ItemValue, place: Place) {
        let item = Item { place, value };
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::List(items)) => items.push(item),
            Some(Content::Map(entries, next)) => {
                let (key, key_place) = next.take().unwrap_or((String::new(), place));
                entries.push(Entry { key, key_place, value: item });
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
                Content::Map(_, Some((key, _))) => pointer.push_str(&format!("/{}", escape(key))),
                Content::Map(_, None) => {}
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
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
