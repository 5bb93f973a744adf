//! Puts keys into the order of the tables. Keys that a table does not have stay where they are.

use crate::cases;
use crate::definition::{BLOCK, CONNECTION, DOCUMENT, Field, NODE, NODE_TYPES, Shape};

use super::tree::{Collection, Node, Tree};

/// Orders the keys of a document by the table that it is for.
pub(super) fn put_in_order(tree: &mut Tree) {
    let Some(root) = &mut tree.root else { return };
    // What stands above the first entry is taken to be about the document.
    if let Node::Collection(collection) = root
        && let Some(first) = collection.entries.first_mut()
    {
        tree.head.append(&mut first.lines);
    }
    let is_definition = root.get("nodes").is_some() || root.get("cases").is_none();
    object(root, if is_definition { DOCUMENT } else { cases::FILE });
}

fn object(node: &mut Node, fields: &[Field]) {
    let Node::Collection(collection) = node else { return };
    if !collection.is_map {
        return;
    }
    sort(collection, fields);
    for entry in &mut collection.entries {
        let Some(key) = &entry.key else { continue };
        if let Some(field) = fields.iter().find(|field| field.name == key.text) {
            value(&mut entry.value, &field.shape);
        }
    }
}

fn value(node: &mut Node, shape: &Shape) {
    match shape {
        Shape::Object(fields) => object(node, fields),
        Shape::Node => self::node(node),
        Shape::Connection => object(node, CONNECTION),
        Shape::Block => object(node, BLOCK),
        Shape::Map(item) | Shape::List { item, .. } => {
            let Node::Collection(collection) = node else { return };
            collection.entries.iter_mut().for_each(|entry| value(&mut entry.value, item));
        }
        Shape::FormatVersion
        | Shape::Text
        | Shape::Name
        | Shape::Version
        | Shape::Identifier
        | Shape::Queue
        | Shape::Topic
        | Shape::Expression
        | Shape::Template
        | Shape::TextTemplate
        | Shape::SecretText
        | Shape::Duration { .. }
        | Shape::WholeOrTemplate { .. }
        | Shape::Whole { .. }
        | Shape::Number { .. }
        | Shape::Choice(_)
        | Shape::JsonSchema
        | Shape::Parameters => {}
    }
}

/// A node; its type says which parameters it has.
fn node(node: &mut Node) {
    let name = node.get("type").and_then(Node::text);
    let node_type = NODE_TYPES.iter().find(|node_type| Some(node_type.name) == name);
    object(node, NODE);
    let (Some(node_type), Node::Collection(collection)) = (node_type, node) else { return };
    for entry in &mut collection.entries {
        if entry.key.as_ref().is_some_and(|key| key.text == "parameters") {
            object(&mut entry.value, node_type.parameters);
        }
    }
}

/// Sorts the entries that the table has among the places that they stand at.
fn sort(collection: &mut Collection, fields: &[Field]) {
    let rank = |key: &str| fields.iter().position(|field| field.name == key);
    let ranks: Vec<Option<usize>> = collection
        .entries
        .iter()
        .map(|entry| entry.key.as_ref().and_then(|key| rank(&key.text)))
        .collect();
    if ranks.iter().flatten().is_sorted() {
        return;
    }
    let mut entries: Vec<_> = collection.entries.drain(..).map(Some).collect();
    let mut known: Vec<usize> = (0..ranks.len()).filter(|at| ranks[*at].is_some()).collect();
    known.sort_by_key(|at| ranks[*at]);
    let mut known = known.into_iter();
    for (at, rank) in ranks.iter().enumerate() {
        let from = if rank.is_some() { known.next().unwrap_or(at) } else { at };
        collection.entries.extend(entries[from].take());
    }
}
