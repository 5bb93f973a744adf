//! Values from JSON text, as the function `fromjson` reads it.
//!
//! As jq does, it also reads `nan`, `NaN` and `Infinity`. It does not recurse.

use crate::fault::{Outcome, error};
use crate::meter::Meter;

use super::{Items, Map, Number, Text, Value};

/// A container that is being read.
enum Open {
    List(Items),
    Map(Map, Option<Text>),
}

/// Reads one JSON value.
pub(crate) fn from_json(text: &str, meter: &mut Meter) -> Outcome {
    meter.look(text.len().saturating_mul(4))?;
    let mut reader = Reader { text, at: 0, meter };
    reader.space();
    if reader.at == text.len() {
        return Ok(Value::Null);
    }
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() {
        return reader.fail("Unexpected extra JSON values");
    }
    Ok(value)
}

struct Reader<'a, 'm> {
    text: &'a str,
    at: usize,
    meter: &'m mut Meter,
}

impl<'a> Reader<'a, '_> {
    fn value(&mut self) -> Outcome {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.space();
            let mut done = match self.peek() {
                Some(b'[') => {
                    self.start(&mut open, Open::List(Items::default()))?;
                    self.space();
                    if self.peek() != Some(b']') {
                        continue;
                    }
                    self.close(&mut open)?
                }
                Some(b'{') => {
                    self.start(&mut open, Open::Map(Map::default(), None))?;
                    self.space();
                    if self.peek() != Some(b'}') {
                        self.key(&mut open)?;
                        continue;
                    }
                    self.close(&mut open)?
                }
                Some(b'"') => Value::String(self.string()?),
                Some(_) => self.word()?,
                None => return self.fail("Unfinished JSON term"),
            };
            loop {
                match open.last_mut() {
                    None => return Ok(done),
                    Some(Open::List(items)) => self.meter.push(items, done)?,
                    Some(Open::Map(map, key)) => {
                        let key = key.take().unwrap_or_default();
                        self.meter.insert(map, key, done)?;
                    }
                }
                self.space();
                match (self.peek(), open.last()) {
                    (Some(b','), Some(Open::List(_))) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b','), Some(Open::Map(..))) => {
                        self.at += 1;
                        self.key(&mut open)?;
                        break;
                    }
                    (Some(b']'), Some(Open::List(_))) | (Some(b'}'), Some(Open::Map(..))) => {
                        done = self.close(&mut open)?;
                    }
                    (None, _) => return self.fail("Unfinished JSON term"),
                    (Some(_), _) => return self.fail("Expected separator between values"),
                }
            }
        }
    }

    fn start(&mut self, open: &mut Vec<Open>, container: Open) -> Outcome<()> {
        self.at += 1;
        if open.len() >= self.meter.limits().nesting {
            return self.fail("Exceeds depth limit for parsing");
        }
        self.meter.items(0)?;
        open.push(container);
        Ok(())
    }

    fn close(&mut self, open: &mut Vec<Open>) -> Outcome {
        self.at += 1;
        match open.pop() {
            Some(Open::List(items)) => Ok(Value::Array(items.into())),
            Some(Open::Map(map, _)) => Ok(Value::from(map)),
            None => self.fail("Unmatched bracket"),
        }
    }

    fn key(&mut self, open: &mut [Open]) -> Outcome<()> {
        self.space();
        if self.peek() != Some(b'"') {
            self.at += 1;
            let found = self.text[self.at - 1..].chars().next();
            if let Some(found @ '\'') = found {
                return self.fail(&format!("Invalid string literal; expected \", but got {found}"));
            }
            return self.fail("Object keys must be strings");
        }
        let name = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return self.fail("Objects must consist of key:value pairs");
        }
        self.at += 1;
        if let Some(Open::Map(_, key)) = open.last_mut() {
            *key = Some(name);
        }
        Ok(())
    }

    fn word(&mut self) -> Outcome {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        if end == 0 {
            self.at += rest.chars().next().map_or(0, char::len_utf8);
            if rest.starts_with('\'') {
                return self.fail("Invalid string literal; expected \", but got '");
            }
            return self.fail("Invalid literal");
        }
        self.at += end;
        match word {
            "null" => return Ok(Value::Null),
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            "nan" | "NaN" | "-nan" | "-NaN" => return Ok(Value::from(f64::NAN)),
            "Infinity" | "infinity" => return Ok(Value::from(f64::INFINITY)),
            "-Infinity" | "-infinity" => return Ok(Value::from(f64::NEG_INFINITY)),
            _ => {}
        }
        match number_from(word) {
            Some(number) => Ok(Value::Number(number)),
            None if self.at == self.text.len() => self.fail("Invalid numeric literal at EOF"),
            None => self.fail("Invalid numeric literal"),
        }
    }

    fn string(&mut self) -> Outcome<Text> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find(['"', '\\']) else {
                self.at = self.text.len();
                return self.fail("Unfinished string");
            };
            self.meter.reserve(end + 32)?;
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(out.into());
            }
            let escape = self.escape();
            match escape {
                Some(c) => out.push(c),
                None => return self.fail("Invalid escape"),
            }
        }
    }

    /// Reads an escape behind its backslash. Half of a pair of surrogates is replaced.
    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex()?;
                if !(0xd800..0xdc00).contains(&unit) || !self.text[self.at..].starts_with("\\u") {
                    return Some(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                self.at += 2;
                let low = self.hex()?;
                let pair = 0x10000 + ((unit - 0xd800) << 10) + low.wrapping_sub(0xdc00);
                let fits = (0xdc00..0xe000).contains(&low);
                fits.then_some(pair).and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        let space = rest.find(|c: char| !matches!(c, ' ' | '\t' | '\n' | '\r'));
        self.at += space.unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, what: &str) -> Outcome<T> {
        let read = &self.text[..self.at.min(self.text.len())];
        let line = read.matches('\n').count() + 1;
        let column = read.len() - read.rfind('\n').map_or(0, |at| at + 1);
        const CHARS: usize = 200;
        let text: String = self.text.chars().take(CHARS).collect();
        error(format!("{what} at line {line}, column {column} (while parsing '{text}')"))
    }
}

/// A number as JSON and jq's command line spell it.
pub(crate) fn number_from(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    (numeric && text.parse::<f64>().is_ok())
        .then(|| Number::from_text(text.strip_prefix('+').unwrap_or(text)))
}
