//! A document as JSON: two spaces for each level, an entry on each line.

use super::scalar::{Scalar, Style};
use super::tree::{Node, Tree};

/// The text of a document.
pub(super) fn text(tree: &Tree) -> String {
    let mut text = String::new();
    if let Some(root) = &tree.root {
        node(&mut text, root, 0);
    }
    text.push('\n');
    text
}

fn node(text: &mut String, node: &Node, level: usize) {
    let collection = match node {
        Node::Scalar(scalar) => return text.push_str(&written(scalar)),
        Node::Collection(collection) => collection,
    };
    let (open, close) = if collection.is_map { ('{', '}') } else { ('[', ']') };
    text.push(open);
    for (number, entry) in collection.entries.iter().enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(level + 1));
        if let Some(key) = &entry.key {
            text.push_str(&written(key));
            text.push_str(": ");
        }
        self::node(text, &entry.value, level + 1);
    }
    if !collection.entries.is_empty() {
        text.push('\n');
        text.push_str(&"  ".repeat(level));
    }
    text.push(close);
}

fn written(scalar: &Scalar) -> String {
    match scalar.style {
        Style::Plain => scalar.text.clone(),
        Style::Quoted | Style::Block(_) => {
            serde_json::to_string(&scalar.text).expect("a text has a JSON form")
        }
    }
}
