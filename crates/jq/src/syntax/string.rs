//! Strings, their escapes and interpolations.

use crate::value::Value;

use super::CompileError;
use super::ast::{Ast, Format, Part};
use super::parser::{Parsed, Parser};

impl Parser<'_> {
    /// A string, at whose opening quote the parser is; what is put in is written in `format`.
    pub(super) fn string(&mut self, format: Format) -> Parsed {
        let open = self.start;
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut at = self.end;
        loop {
            let rest = &self.source[at..];
            let Some(length) = rest.find(['"', '\\']) else {
                let message = "the closing quote for `\"` is missing";
                return Err(CompileError::syntax(open, message, "close what is opened"));
            };
            text.push_str(&rest[..length]);
            at += length + 1;
            if rest.as_bytes()[length] == b'"' {
                break;
            }
            if self.source[at..].starts_with('(') {
                parts.push(Part::Text(std::mem::take(&mut text)));
                self.end = at + 1;
                self.advance();
                parts.push(Part::Filter(self.query()?));
                if !self.is(")") {
                    return self.unexpected("`)`");
                }
                at = self.end;
            } else {
                let (c, length) = self.escape(at)?;
                text.push(c);
                at += length;
            }
        }
        self.end = at;
        self.advance();
        if parts.is_empty() {
            return Ok(Ast::Const(Value::from(text)));
        }
        parts.push(Part::Text(text));
        Ok(Ast::Interpolation(format, parts))
    }

    /// The character of an escape at `at`, behind its backslash, and the escape's length.
    fn escape(&self, at: usize) -> Parsed<(char, usize)> {
        let rest = &self.source[at..];
        let c = match rest.as_bytes().first() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(at),
            Some(_) | None => {
                let message = "there is no such escape";
                let help = "write `\\\\` for a backslash";
                return Err(CompileError::syntax(at - 1, message, help));
            }
        };
        Ok((c, 1))
    }

    fn unicode(&self, at: usize) -> Parsed<(char, usize)> {
        let rest = &self.source[at..];
        let unit = |from: usize| {
            let digits = rest.get(from..from + 4)?;
            u32::from_str_radix(digits, 16).ok()
        };
        let Some(first) = unit(1) else {
            let message = "four hexadecimal digits must follow `\\u`";
            return Err(CompileError::syntax(at - 1, message, "complete the escape"));
        };
        let pair = rest.get(5..7) == Some("\\u");
        match unit(7) {
            Some(low @ 0xdc00..0xe000) if pair && (0xd800..0xdc00).contains(&first) => {
                let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                Ok((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11))
            }
            Some(_) | None => Ok((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 5)),
        }
    }
}
