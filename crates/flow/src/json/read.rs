//! Reading JSON text, strictly and without recursion.
//!
//! [`Reader`] turns text into a flat sequence of [`Event`]s with their offsets; a value or a
//! definition's tree is built from these. Depth is bounded here, so that whoever walks a value
//! may recurse.

use std::borrow::Cow;

use flowmill_jq::{Map, Number, Text, Value};
use flowmill_model::limits;

/// Text that is no JSON value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line}, column {column}")]
pub struct JsonError {
    /// What is wrong.
    pub what: &'static str,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

/// One step through JSON text.
#[derive(Debug, PartialEq)]
pub(crate) enum Event<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    Key(Cow<'a, str>),
    ListStart,
    ListEnd,
    MapStart,
    MapEnd,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    FirstItem,
    FirstKey,
    Key,
    Separator,
    End,
}

/// Walks JSON text. After an error it must not be used any further.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The open brackets; `true` is an object.
    open: Vec<bool>,
    expect: Expect,
    depth_limit: usize,
}

type Step<'a> = Result<(usize, Event<'a>), JsonError>;

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, depth_limit: usize) -> Self {
        Self { text, at: 0, open: Vec::new(), expect: Expect::Value, depth_limit }
    }

    /// The next event and the offset where it starts; `None` after the value's end.
    pub(crate) fn next(&mut self) -> Option<Step<'a>> {
        loop {
            self.skip_space();
            let Some(byte) = self.peek() else {
                let whole = self.expect == Expect::End;
                return if whole { None } else { Some(self.fail("the text ends too early")) };
            };
            match (self.expect, byte) {
                (Expect::End, _) => {
                    return Some(self.fail("there is more text after the value"));
                }
                (Expect::Separator, b',') => {
                    self.at += 1;
                    let object = self.open.last().copied().unwrap_or_default();
                    self.expect = if object { Expect::Key } else { Expect::Value };
                }
                (Expect::Separator | Expect::FirstItem, b']')
                | (Expect::Separator | Expect::FirstKey, b'}') => return Some(self.close(byte)),
                (Expect::Separator, _) => {
                    return Some(self.fail("a comma or a bracket is missing"));
                }
                (Expect::Key | Expect::FirstKey, b'"') => return Some(self.key()),
                (Expect::Key | Expect::FirstKey, _) => {
                    return Some(self.fail("a key in double quotes is missing"));
                }
                (Expect::Value | Expect::FirstItem, _) => return Some(self.value(byte)),
            }
        }
    }

    fn value(&mut self, byte: u8) -> Step<'a> {
        let start = self.at;
        let event = match byte {
            b'{' => return self.open(true),
            b'[' => return self.open(false),
            b'"' => Event::Text(self.string()?),
            b'-' | b'0'..=b'9' => Event::Number(self.number()?),
            _ => self.word()?,
        };
        self.after_value();
        Ok((start, event))
    }

    fn open(&mut self, object: bool) -> Step<'a> {
        if self.open.len() >= self.depth_limit {
            return self.fail("the value is nested too deeply");
        }
        let start = self.at;
        self.at += 1;
        self.open.push(object);
        self.expect = if object { Expect::FirstKey } else { Expect::FirstItem };
        Ok((start, if object { Event::MapStart } else { Event::ListStart }))
    }

    fn close(&mut self, byte: u8) -> Step<'a> {
        let start = self.at;
        let object = byte == b'}';
        if self.open.pop() != Some(object) {
            return self.fail("the closing bracket is of the wrong kind");
        }
        self.at += 1;
        self.after_value();
        Ok((start, if object { Event::MapEnd } else { Event::ListEnd }))
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::End } else { Expect::Separator };
    }

    fn key(&mut self) -> Step<'a> {
        let start = self.at;
        let key = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.fail("a colon is missing after the key");
        }
        self.at += 1;
        self.expect = Expect::Value;
        Ok((start, Event::Key(key)))
    }

    fn word(&mut self) -> Result<Event<'a>, JsonError> {
        let words =
            [("null", Event::Null), ("true", Event::Bool(true)), ("false", Event::Bool(false))];
        for (word, event) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(event);
            }
        }
        self.fail("there is no value here")
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.eat(b'-');
        if self.digits() == 0 {
            return self.fail("a digit is missing");
        }
        let whole = self.text[start..self.at].trim_start_matches('-');
        if whole.len() > 1 && whole.starts_with('0') {
            return self.fail("a number must not start with a zero");
        }
        if self.eat(b'.') && self.digits() == 0 {
            return self.fail("a digit is missing after the point");
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            if self.digits() == 0 {
                return self.fail("a digit is missing in the exponent");
            }
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    /// Reads a string from its opening quote to behind its closing one.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let plain = self.plain_run();
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.fail("a control character must be escaped"),
                None => return self.fail("the closing quote is missing"),
            }
            text.push_str(self.plain_run());
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    /// Takes the characters up to the next quote, backslash or control character.
    fn plain_run(&mut self) -> &'a str {
        let rest = self.rest();
        let special = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        let length = rest.bytes().position(special).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let Some(byte) = self.peek() else { return self.fail("the closing quote is missing") };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return self.fail("the escape is unknown"),
        })
    }

    /// Reads what follows `\u`, together with the second half of a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        let code = match first {
            0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                self.at += 2;
                let second = self.hex()?;
                let low = second.wrapping_sub(0xdc00);
                if low > 0x3ff {
                    return self.fail("the second half of a surrogate pair is missing");
                }
                0x1_0000 + ((first - 0xd800) << 10) + low
            }
            other => other,
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.fail("half of a surrogate pair stands alone"),
        }
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(digits) = digits else { return self.fail("four hexadecimal digits are missing") };
        self.at += 4;
        Ok(u32::from_str_radix(digits, 16).unwrap_or_default())
    }

    fn skip_space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().as_bytes().iter().take_while(|byte| space(byte)).count();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(error_at(self.text, self.at, what))
    }
}

/// Line and column of an offset, both counted from 1.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn error_at(text: &str, offset: usize, what: &'static str) -> JsonError {
    let (line, column) = line_and_column(text, offset);
    JsonError { what, line, column }
}

/// A container that is being read.
enum Open {
    List(Vec<Value>),
    Map(Map, Text),
}

/// Reads one JSON value.
pub(super) fn value(text: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let valid = std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default();
        error_at(valid, valid.len(), "the text is not UTF-8")
    })?;
    let mut reader = Reader::new(text, limits::JSON_DEPTH);
    let mut open: Vec<Open> = Vec::new();
    let mut root = Value::Null;
    while let Some(step) = reader.next() {
        let done = match step?.1 {
            Event::Null => Value::Null,
            Event::Bool(value) => Value::Bool(value),
            Event::Number(text) => Value::Number(Number::from_text(text)),
            Event::Text(text) => Value::String(shared(text)),
            Event::Key(text) => {
                if let Some(Open::Map(_, key)) = open.last_mut() {
                    *key = shared(text);
                }
                continue;
            }
            Event::ListStart => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MapStart => {
                open.push(Open::Map(Map::default(), Text::default()));
                continue;
            }
            Event::ListEnd | Event::MapEnd => match open.pop() {
                Some(Open::List(items)) => Value::array(items),
                Some(Open::Map(entries, _)) => Value::from(entries),
                None => Value::Null,
            },
        };
        match open.last_mut() {
            Some(Open::List(items)) => items.push(done),
            Some(Open::Map(entries, key)) => {
                entries.insert(std::mem::take(key), done);
            }
            None => root = done,
        }
    }
    Ok(root)
}

fn shared(text: Cow<'_, str>) -> Text {
    match text {
        Cow::Borrowed(text) => Text::from(text),
        Cow::Owned(text) => Text::from(text),
    }
}
