//! A document with everything that its layout keeps.

use crate::source::{Item, ItemValue};

use super::scalar::Scalar;

/// A document.
#[derive(Debug)]
pub(super) struct Tree {
    /// Lines before the first entry.
    pub(super) head: Vec<Line>,
    /// The value; `None` of a document that is empty.
    pub(super) root: Option<Node>,
    /// Lines behind everything else.
    pub(super) tail: Vec<Line>,
    /// The text of every comment, in no certain order.
    pub(super) comments: Vec<String>,
}

/// A line that is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Blank,
    /// A comment, from its `#` on.
    Comment(String),
}

/// One value.
#[derive(Debug)]
pub(super) enum Node {
    Scalar(Scalar),
    Collection(Collection),
}

/// A list or an object.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) is_map: bool,
    /// Whether it was written in brackets.
    pub(super) flow: bool,
    pub(super) entries: Vec<Entry>,
    /// Lines behind the last entry.
    pub(super) foot: Vec<Line>,
}

/// One entry of a collection.
#[derive(Debug)]
pub(super) struct Entry {
    /// Lines before it.
    pub(super) lines: Vec<Line>,
    /// Its key, in an object.
    pub(super) key: Option<Scalar>,
    pub(super) value: Node,
    /// The comment on its own line.
    pub(super) comment: Option<String>,
}

impl Tree {
    /// A document that was read from JSON.
    pub(super) fn of_item(item: &Item) -> Self {
        let (head, tail, comments) = (Vec::new(), Vec::new(), Vec::new());
        Self { head, root: Some(Node::of_item(item)), tail, comments }
    }
}

impl Node {
    fn of_item(item: &Item) -> Self {
        let entry = |key: Option<&String>, item: &Item| Entry {
            lines: Vec::new(),
            key: key.map(|key| Scalar::quoted(key)),
            value: Self::of_item(item),
            comment: None,
        };
        let (is_map, entries) = match &item.value {
            ItemValue::Null => return Self::Scalar(Scalar::plain("null")),
            ItemValue::Bool(value) => return Self::Scalar(Scalar::plain(&value.to_string())),
            ItemValue::Number(text) => return Self::Scalar(Scalar::plain(text)),
            ItemValue::Text(text) => return Self::Scalar(Scalar::quoted(text)),
            ItemValue::List(items) => (false, items.iter().map(|item| entry(None, item)).collect()),
            ItemValue::Map(entries) => {
                let entries = entries.iter();
                (true, entries.map(|each| entry(Some(&each.key), &each.value)).collect())
            }
        };
        Self::Collection(Collection { is_map, flow: false, entries, foot: Vec::new() })
    }

    /// The value under a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Collection(collection) = self else { return None };
        let is_it = |entry: &&Entry| entry.key.as_ref().is_some_and(|found| found.text == key);
        collection.entries.iter().find(is_it).map(|entry| &entry.value)
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Scalar(scalar) = self { Some(&scalar.text) } else { None }
    }
}

impl Entry {
    /// Whether it has a comment, or anything in it has.
    pub(super) fn has_comments(&self) -> bool {
        let inside = match &self.value {
            Node::Scalar(_) => false,
            Node::Collection(collection) => collection.has_comments(),
        };
        inside || self.comment.is_some() || has_comment(&self.lines)
    }
}

impl Collection {
    pub(super) fn has_comments(&self) -> bool {
        has_comment(&self.foot) || self.entries.iter().any(Entry::has_comments)
    }
}

fn has_comment(lines: &[Line]) -> bool {
    lines.iter().any(|line| matches!(line, Line::Comment(_)))
}
