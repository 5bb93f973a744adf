//! A document as YAML.
//!
//! Lists and objects that were written in brackets stay in brackets where they fit on their line
//! and hold no comment. All others have a line for each entry, two columns further in than what
//! they are in.

use super::scalar::{Block, Scalar, Style};
use super::tree::{Collection, Entry, Line, Node, Tree};

/// Columns of a line: an expression and its key fit, two files beside each other do, too.
const COLUMNS: usize = 100;

/// Columns of one level.
const STEP: usize = 2;

/// The text of a document.
pub(super) fn text(tree: &Tree) -> String {
    let mut writer = Writer::default();
    writer.lines(&tree.head, 0);
    match &tree.root {
        None => {}
        Some(Node::Scalar(scalar)) => writer.root(scalar),
        Some(Node::Collection(collection)) => match in_brackets(collection) {
            Some(text) if text.chars().count() <= COLUMNS => writer.line(0, &text),
            Some(_) | None => writer.block(collection, 0, Position::LineStart),
        },
    }
    writer.lines(&tree.tail, 0);
    let trimmed = writer.text.trim_end_matches('\n').len();
    // Line ends at the end of a block scalar that keeps them are a part of it.
    if !writer.ends_with_kept_lines {
        writer.text.truncate(trimmed);
        writer.text.push('\n');
    }
    writer.text
}

#[derive(Default)]
struct Writer {
    text: String,
    ends_with_kept_lines: bool,
}

/// Where the first entry of a collection is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// On a line of its own.
    LineStart,
    /// Behind the `- ` of the item that the collection is.
    BehindDash,
}

impl Writer {
    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(text);
        self.end_line();
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        self.ends_with_kept_lines = false;
    }

    /// Comments and blank lines; several blank lines are one, and none is at the beginning.
    fn lines(&mut self, lines: &[Line], indent: usize) {
        for line in lines {
            match line {
                Line::Comment(text) => self.line(indent, text),
                // Behind such a block scalar a blank line would be one of its own.
                Line::Blank if self.ends_with_kept_lines => {}
                Line::Blank if self.text.is_empty() || self.text.ends_with("\n\n") => {}
                Line::Blank => self.end_line(),
            }
        }
    }

    fn root(&mut self, scalar: &Scalar) {
        match &scalar.style {
            Style::Block(block) => self.block_scalar(block, 0, None),
            Style::Plain | Style::Quoted => self.line(0, &scalar.on_one_line()),
        }
    }

    /// The entries of a collection, each on lines of its own.
    fn block(&mut self, collection: &Collection, indent: usize, position: Position) {
        if collection.entries.is_empty() {
            let brackets = if collection.is_map { "{}" } else { "[]" };
            let indent = if position == Position::BehindDash { 0 } else { indent };
            self.line(indent, brackets);
        }
        for (number, entry) in collection.entries.iter().enumerate() {
            let position = if number == 0 { position } else { Position::LineStart };
            self.entry(entry, indent, position, number == 0);
        }
        self.lines(&collection.foot, indent);
    }

    fn entry(&mut self, entry: &Entry, indent: usize, position: Position, is_first: bool) {
        if position == Position::LineStart {
            let blanks = entry.lines.iter().take_while(|line| **line == Line::Blank).count();
            self.lines(&entry.lines[if is_first { blanks } else { 0 }..], indent);
            self.lines(&hoisted(entry, indent + STEP), indent);
            self.text.push_str(&" ".repeat(indent));
        }
        match &entry.key {
            Some(key) => {
                self.text.push_str(&key.on_one_line());
                self.text.push(':');
            }
            None => self.text.push('-'),
        }
        self.value(entry, indent);
    }

    /// What stands behind a key or a dash.
    fn value(&mut self, entry: &Entry, indent: usize) {
        let comment = entry.comment.as_deref();
        let collection = match &entry.value {
            Node::Scalar(Scalar { style: Style::Block(block), .. }) => {
                self.text.push(' ');
                return self.block_scalar(block, indent, comment);
            }
            Node::Scalar(scalar) => return self.rest(&scalar.on_one_line(), comment),
            Node::Collection(collection) => collection,
        };
        let column = self.column() + 1;
        if let Some(text) = in_brackets(collection)
            && column + text.chars().count() <= COLUMNS
        {
            return self.rest(&text, comment);
        }
        if entry.key.is_some() {
            self.comment(comment);
            self.end_line();
            return self.block(collection, indent + STEP, Position::LineStart);
        }
        self.text.push(' ');
        self.block(collection, indent + STEP, Position::BehindDash);
    }

    /// The rest of a line.
    fn rest(&mut self, text: &str, comment: Option<&str>) {
        self.text.push(' ');
        self.text.push_str(text);
        self.comment(comment);
        self.end_line();
    }

    fn comment(&mut self, comment: Option<&str>) {
        if let Some(comment) = comment {
            self.text.push_str("  ");
            self.text.push_str(comment);
        }
    }

    fn block_scalar(&mut self, block: &Block, indent: usize, comment: Option<&str>) {
        self.text.push(block.kind);
        if block.says_indentation {
            self.text.push_str(&STEP.to_string());
        }
        self.text.push_str(block.chomping);
        self.comment(comment);
        self.end_line();
        for line in &block.lines {
            let indent = if line.is_empty() { 0 } else { indent + STEP };
            self.line(indent, line);
        }
        self.ends_with_kept_lines = block.chomping == "+";
    }

    /// Columns of the last line.
    fn column(&self) -> usize {
        let start = self.text.rfind('\n').map_or(0, |end| end + 1);
        self.text[start..].chars().count()
    }
}

/// Comments inside of an item that have no place behind its dash, so that they are above it.
fn hoisted(entry: &Entry, column: usize) -> Vec<Line> {
    let Node::Collection(collection) = &entry.value else { return Vec::new() };
    if entry.key.is_some() || is_short(collection, column) {
        return Vec::new();
    }
    let mut lines: Vec<Line> = entry.comment.iter().cloned().map(Line::Comment).collect();
    if let Some(first) = collection.entries.first() {
        lines.extend(comments_of(&first.lines));
        lines.extend(hoisted(first, column + STEP));
    }
    lines
}

fn comments_of(lines: &[Line]) -> Vec<Line> {
    lines.iter().filter(|line| **line != Line::Blank).cloned().collect()
}

/// Whether a collection stays in brackets at a column.
fn is_short(collection: &Collection, column: usize) -> bool {
    in_brackets(collection).is_some_and(|text| column + text.chars().count() <= COLUMNS)
}

/// The collection in brackets, if that is how it is to be written where it is short.
fn in_brackets(collection: &Collection) -> Option<String> {
    let may = (collection.flow || collection.entries.is_empty()) && !collection.has_comments();
    if !may {
        return None;
    }
    let entries = collection.entries.iter().map(|entry| {
        let value = match &entry.value {
            Node::Scalar(scalar) => scalar.on_one_line(),
            Node::Collection(collection) => in_brackets(collection)?,
        };
        Some(match &entry.key {
            Some(key) => format!("{}: {value}", key.on_one_line()),
            None => value,
        })
    });
    let entries = entries.collect::<Option<Vec<_>>>()?.join(", ");
    Some(match (collection.is_map, entries.is_empty()) {
        (true, true) => "{}".to_owned(),
        (true, false) => format!("{{ {entries} }}"),
        (false, _) => format!("[{entries}]"),
    })
}
