//! A definition's text as a tree of items, each with its place.
//!
//! YAML and JSON give the same tree, so that everything behind it is the same for both. The tree
//! is built without recursion and bounded in depth; YAML's anchors, aliases, tags and several
//! documents are refused, so a small text cannot become a large tree.

mod builder;
mod from_json;
mod from_yaml;

pub use builder::escape;

use flowmill_model::limits;

use crate::diagnostic::{Diagnostic, DiagnosticCode, Finding, Place};
use crate::json::{Json, Reader};

/// How a definition is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML 1.2, less anchors, aliases, tags and several documents.
    Yaml,
    /// JSON if the text is an object in braces that reads as JSON, else YAML.
    Detect,
}

/// One value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Where it begins.
    pub place: Place,
    /// The value.
    pub value: ItemValue,
}

/// A value whose parts have places.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemValue {
    /// `null`, or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number's text, in JSON's form.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Item>),
    /// An object; no key occurs twice.
    Map(Vec<Entry>),
}

/// One key of an object, and what it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub key_place: Place,
    /// The value.
    pub value: Item,
}

impl ItemValue {
    /// What kind of value it is, in words.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }
}

impl Item {
    /// The value under `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of an object; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        if let ItemValue::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Item] {
        if let ItemValue::List(items) = &self.value { items } else { &[] }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        if let ItemValue::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The item at a JSON pointer below this one.
    pub fn follow(&self, pointer: &str) -> Option<&Item> {
        pointer.split('/').skip(1).try_fold(self, |item, step| match &item.value {
            ItemValue::List(items) => items.get(step.parse::<usize>().ok()?),
            ItemValue::Map(_) => item.get(&step.replace("~1", "/").replace("~0", "~")),
            ItemValue::Null | ItemValue::Bool(_) | ItemValue::Number(_) | ItemValue::Text(_) => {
                None
            }
        })
    }

    /// The item without its places.
    pub fn to_json(&self) -> Json {
        match &self.value {
            ItemValue::Null => Json::null(),
            ItemValue::Bool(value) => (*value).into(),
            ItemValue::Number(text) => Json::parse(text.as_bytes()).unwrap_or_default(),
            ItemValue::Text(text) => Json::string(text),
            ItemValue::List(items) => Json::array(items.iter().map(Self::to_json)),
            ItemValue::Map(entries) => {
                Json::object(entries.iter().map(|entry| (&entry.key, entry.value.to_json())))
            }
        }
    }
}

/// A definition's text, read.
pub struct Source<'a> {
    text: &'a str,
    /// The document.
    pub root: Item,
}

impl<'a> Source<'a> {
    /// Reads `bytes`. Errors of syntax end the reading; keys that occur twice do not.
    pub fn read(bytes: &'a [u8], format: Format) -> Result<Self, Vec<Diagnostic>> {
        if bytes.len() > limits::DEFINITION_BYTES {
            let message = format!(
                "the definition has {} bytes, more than the {} allowed",
                bytes.len(),
                limits::DEFINITION_BYTES
            );
            let help = "split the flow, and keep data out of its definition";
            let finding = Finding::new(DiagnosticCode::TooLarge, message, help);
            return Err(vec![finding.at(Place::START, "")]);
        }
        let text = utf8(bytes)?;
        let root = match format {
            Format::Json => from_json::read(text)?,
            Format::Yaml => from_yaml::read(text)?,
            Format::Detect if text.trim_start().starts_with('{') => {
                from_json::read(text).or_else(|errors| match from_yaml::read(text) {
                    Ok(root) => Ok(root),
                    Err(_) => Err(errors),
                })?
            }
            Format::Detect => from_yaml::read(text)?,
        };
        Ok(Self { text, root })
    }

    /// The text, without a byte order mark.
    pub(crate) const fn text(&self) -> &'a str {
        self.text
    }

    /// The place of byte `offset` of the string that `item` is. Exact where the string stands in
    /// the text as it is; else the place where the string begins.
    pub fn place_within(&self, item: &Item, offset: usize) -> Place {
        let Some(value) = item.text() else { return item.place };
        let before = value.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = value[line_start..].lines().next().unwrap_or_default();
        let line_number = before.matches('\n').count();
        self.lines_from(item.place)
            .skip(line_number)
            .take(2)
            .find_map(|(number, skip, text)| {
                let column = text[skip..].find(line).filter(|_| !line.trim().is_empty())? + skip;
                let within = text[..column].chars().count() + before[line_start..].chars().count();
                Some(Place { line: number, column: within + 1 })
            })
            .unwrap_or(item.place)
    }

    /// The lines from `place` on: number, how many bytes of it are before `place`, text.
    fn lines_from(&self, place: Place) -> impl Iterator<Item = (usize, usize, &'a str)> {
        let lines = self.text.lines().enumerate().skip(place.line - 1);
        lines.map(move |(index, text)| {
            let first = index + 1 == place.line;
            let before =
                || text.char_indices().nth(place.column - 1).map_or(text.len(), |(at, _)| at);
            (index + 1, if first { before() } else { 0 }, text)
        })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Vec<Diagnostic>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let (line, column) = crate::json::line_and_column(valid, valid.len());
        let help = "save the file as UTF-8";
        let finding = Finding::new(DiagnosticCode::Syntax, "the text is not UTF-8", help);
        vec![finding.at(Place { line, column }, "")]
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn too_deep() -> Finding {
    let message = format!("the definition is nested more than {} deep", limits::DEFINITION_DEPTH);
    Finding::new(DiagnosticCode::TooDeep, message, "a definition needs no such nesting: flatten it")
}

/// A reader of JSON text that stops one level beyond what a definition may have, so that the
/// error is the definition's own.
fn json_reader(text: &str) -> Reader<'_> {
    Reader::new(text, limits::DEFINITION_DEPTH + 1)
}

#[cfg(test)]
mod tests;
