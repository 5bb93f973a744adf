//! Patterns behind `as`.

use crate::value::Value;

use super::ast::{Ast, Format, Pattern, PatternEntry};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

impl Parser<'_> {
    /// One pattern, or several of which the first that fits is taken.
    pub(super) fn patterns(&mut self) -> Parsed<Vec<Pattern>> {
        let mut patterns = vec![self.pattern()?];
        while self.takes("?//") {
            patterns.push(self.pattern()?);
        }
        Ok(patterns)
    }

    fn pattern(&mut self) -> Parsed<Pattern> {
        self.nested(|parser| match parser.token {
            Token::Variable(_) => parser.variable().map(Pattern::Variable),
            Token::Symbol("[") => {
                parser.advance();
                let items = parser.list("]", Self::pattern)?;
                Ok(Pattern::Array(items))
            }
            Token::Symbol("{") => {
                parser.advance();
                let entries = parser.list("}", Self::pattern_entry)?;
                Ok(Pattern::Object(entries))
            }
            Token::Word(_)
            | Token::Field(_)
            | Token::Number(_)
            | Token::Format(_)
            | Token::Quote
            | Token::Symbol(_)
            | Token::Unknown(_)
            | Token::End => parser.unexpected("`$name`, `[` or `{`"),
        })
    }

    fn list<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.takes(",") {
            items.push(item(self)?);
        }
        self.expect(close)?;
        Ok(items)
    }

    fn pattern_entry(&mut self) -> Parsed<PatternEntry> {
        let (key, variable) = match self.token {
            Token::Variable(_) => {
                let name = self.variable()?;
                (Ast::Const(Value::String(name.text.clone())), Some(name))
            }
            Token::Word(word) => {
                self.advance();
                (Ast::Const(Value::from(word)), None)
            }
            Token::Quote => (self.string(Format::Text)?, None),
            Token::Symbol("(") => (self.computed_key()?, None),
            Token::Field(_)
            | Token::Number(_)
            | Token::Format(_)
            | Token::Symbol(_)
            | Token::Unknown(_)
            | Token::End => return self.unexpected("a key"),
        };
        if variable.is_some() && !self.is(":") {
            return Ok(PatternEntry { key, variable, pattern: None });
        }
        self.expect(":")?;
        let pattern = Some(self.pattern()?);
        Ok(PatternEntry { key, variable, pattern })
    }
}
