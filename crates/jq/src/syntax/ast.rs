//! The tree of a program.

use crate::value::{Text, Value};

/// A filter.
#[derive(Clone, Debug)]
pub(crate) enum Ast {
    Identity,
    /// `..`
    Recurse,
    Const(Value),
    /// A string with interpolations.
    Interpolation(Format, Vec<Part>),
    /// `@base64` and the like on their own.
    Format(Format),
    Suffixed(Box<Ast>, Vec<Suffix>),
    Array(Option<Box<Ast>>),
    Object(Vec<(Ast, Ast)>),
    Negate(Box<Ast>),
    Pipe(Vec<Ast>),
    Comma(Vec<Ast>),
    /// Operators of one precedence, from left to right.
    Binary(Box<Ast>, Vec<(Operator, Ast)>),
    And(Vec<Ast>),
    Or(Vec<Ast>),
    Alternative(Vec<Ast>),
    Assign(Box<Ast>, Assignment, Box<Ast>),
    If(Vec<(Ast, Ast)>, Option<Box<Ast>>),
    Try(Box<Ast>, Option<Box<Ast>>),
    Reduce(Box<Fold>),
    Foreach(Box<Fold>, Option<Box<Ast>>),
    Bind(Box<Ast>, Vec<Pattern>, Box<Ast>),
    Label(Name, Box<Ast>),
    Break(Name),
    Define(Vec<Definition>, Box<Ast>),
    Call(Name, Vec<Ast>),
    Variable(Name),
    /// `$__loc__`, with its line.
    Location(usize),
}

/// A name and where it stands, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: Text,
    pub(crate) offset: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    Filter(Ast),
}

#[derive(Clone, Debug)]
pub(crate) enum Suffix {
    /// `.name` and `."name"`.
    Field(Name),
    Index(Ast),
    Slice(Option<Ast>, Option<Ast>),
    Each,
    Try,
}

#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) source: Ast,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) start: Ast,
    pub(crate) update: Ast,
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Variable(Name),
    Array(Vec<Pattern>),
    Object(Vec<PatternEntry>),
}

/// An entry of an object pattern: the value under `key` goes to `variable` and to `pattern`.
#[derive(Clone, Debug)]
pub(crate) struct PatternEntry {
    pub(crate) key: Ast,
    pub(crate) variable: Option<Name>,
    pub(crate) pattern: Option<Pattern>,
}

#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: Name,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Ast,
}

#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Text,
    /// Whether it is a `$name`, a value rather than a filter.
    pub(crate) value: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignment {
    /// `=`
    Set,
    /// `|=`
    Update,
    /// `+=` and the like.
    Operator(Operator),
    /// `//=`
    Alternative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Html,
    Uri,
    UriDecode,
    Csv,
    Tsv,
    Shell,
    Base64,
    Base64Decode,
    Base32,
    Base32Decode,
}

impl Format {
    /// The format that is called `name`, without its `@`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "html" => Self::Html,
            "uri" => Self::Uri,
            "urid" => Self::UriDecode,
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "sh" => Self::Shell,
            "base64" => Self::Base64,
            "base64d" => Self::Base64Decode,
            "base32" => Self::Base32,
            "base32d" => Self::Base32Decode,
            _ => return None,
        })
    }
}

impl Ast {
    /// Each filter that is right inside this one, in the order of the text.
    pub(crate) fn children(&self) -> Vec<&Ast> {
        let mut found = Vec::new();
        match self {
            Self::Identity
            | Self::Recurse
            | Self::Const(_)
            | Self::Format(_)
            | Self::Break(_)
            | Self::Variable(_)
            | Self::Location(_) => {}
            Self::Interpolation(_, parts) => {
                for part in parts {
                    if let Part::Filter(filter) = part {
                        found.push(filter);
                    }
                }
            }
            Self::Suffixed(head, suffixes) => {
                found.push(&**head);
                suffixes.iter().for_each(|suffix| suffix.children(&mut found));
            }
            Self::Array(inner) => found.extend(inner.as_deref()),
            Self::Object(entries) => entries.iter().for_each(|(k, v)| found.extend([k, v])),
            Self::Negate(inner) | Self::Label(_, inner) => found.push(inner),
            Self::Pipe(items)
            | Self::Comma(items)
            | Self::And(items)
            | Self::Or(items)
            | Self::Alternative(items)
            | Self::Call(_, items) => found.extend(items),
            Self::Binary(first, rest) => {
                found.push(first);
                found.extend(rest.iter().map(|(_, item)| item));
            }
            Self::Assign(left, _, right) => found.extend([&**left, &**right]),
            Self::If(branches, otherwise) => {
                branches.iter().for_each(|(when, then)| found.extend([when, then]));
                found.extend(otherwise.as_deref());
            }
            Self::Try(body, handler) => {
                found.push(body);
                found.extend(handler.as_deref());
            }
            Self::Reduce(fold) => fold.children(&mut found),
            Self::Foreach(fold, extract) => {
                fold.children(&mut found);
                found.extend(extract.as_deref());
            }
            Self::Bind(source, patterns, body) => {
                found.push(source);
                patterns.iter().for_each(|pattern| pattern.children(&mut found));
                found.push(body);
            }
            Self::Define(definitions, body) => {
                found.extend(definitions.iter().map(|definition| &definition.body));
                found.push(body);
            }
        }
        found
    }
}

impl Suffix {
    /// A suffix that takes what is under a key, which stands at `offset` if it is a constant.
    pub(crate) fn of(key: Ast, offset: usize) -> Self {
        if let Ast::Const(Value::String(text)) = key {
            Self::Field(Name { text, offset })
        } else {
            Self::Index(key)
        }
    }

    fn children<'a>(&'a self, found: &mut Vec<&'a Ast>) {
        match self {
            Self::Field(_) | Self::Each | Self::Try => {}
            Self::Index(index) => found.push(index),
            Self::Slice(from, to) => found.extend(from.iter().chain(to)),
        }
    }
}

impl Fold {
    fn children<'a>(&'a self, found: &mut Vec<&'a Ast>) {
        found.push(&self.source);
        self.patterns.iter().for_each(|pattern| pattern.children(found));
        found.extend([&self.start, &self.update]);
    }
}

impl Pattern {
    fn children<'a>(&'a self, found: &mut Vec<&'a Ast>) {
        match self {
            Self::Variable(_) => {}
            Self::Array(items) => items.iter().for_each(|item| item.children(found)),
            Self::Object(entries) => {
                for entry in entries {
                    found.push(&entry.key);
                    if let Some(pattern) = &entry.pattern {
                        pattern.children(found);
                    }
                }
            }
        }
    }

    /// The variables that the pattern sets, in the order of the text.
    pub(crate) fn variables<'a>(&'a self, found: &mut Vec<&'a Name>) {
        match self {
            Self::Variable(name) => found.push(name),
            Self::Array(items) => items.iter().for_each(|item| item.variables(found)),
            Self::Object(entries) => {
                for entry in entries {
                    found.extend(&entry.variable);
                    if let Some(pattern) = &entry.pattern {
                        pattern.variables(found);
                    }
                }
            }
        }
    }
}
