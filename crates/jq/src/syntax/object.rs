//! Object construction.

use crate::value::{Text, Value};

use super::CompileError;
use super::ast::{Ast, Format, Name, Suffix};
use super::lexer::Token;
use super::parser::{Parsed, Parser, one_or};

impl Parser<'_> {
    pub(super) fn object(&mut self) -> Parsed {
        let open = self.start;
        self.expect("{")?;
        let mut entries = Vec::new();
        while !self.is("}") {
            entries.push(self.nested(Self::entry)?);
            if !self.takes(",") {
                break;
            }
        }
        self.close("}", open)?;
        Ok(Ast::Object(entries))
    }

    fn entry(&mut self) -> Parsed<(Ast, Ast)> {
        let (key, short) = match self.token {
            Token::Variable("__loc__") => {
                let location = self.suffixed()?;
                (key("__loc__"), Some(location))
            }
            Token::Variable(_) => {
                let name = self.variable()?;
                if self.takes(":") {
                    return Ok((Ast::Variable(name), self.value()?));
                }
                (key(&name.text), Some(Ast::Variable(name)))
            }
            Token::Word(word) => {
                let name = self.named(word);
                self.advance();
                (key(word), Some(field(name)))
            }
            Token::Quote => {
                let offset = self.start + 1;
                let name = self.string(Format::Text)?;
                let suffix = Suffix::of(name.clone(), offset);
                (name, Some(Ast::Suffixed(Ast::Identity.into(), vec![suffix])))
            }
            Token::Format(_) => {
                let name = self.suffixed()?;
                let value = Suffix::Index(name.clone());
                (name, Some(Ast::Suffixed(Ast::Identity.into(), vec![value])))
            }
            Token::Symbol("(") => (self.computed_key()?, None),
            Token::Field(_)
            | Token::Number(_)
            | Token::Symbol(_)
            | Token::Unknown(_)
            | Token::End => return self.unexpected("a key or `}`"),
        };
        if self.takes(":") {
            return Ok((key, self.value()?));
        }
        match short {
            Some(value) => Ok((key, value)),
            None => self.unexpected("`:`"),
        }
    }

    /// A key in parentheses. One that is no string and known now is refused now.
    pub(super) fn computed_key(&mut self) -> Parsed {
        let open = self.start;
        self.expect("(")?;
        let offset = self.start;
        let name = self.query()?;
        self.close(")", open)?;
        if let Ast::Const(value) = &name
            && value.as_str().is_none()
        {
            let message = format!("a {} cannot be a key", value.kind());
            return Err(CompileError::syntax(offset, message, "turn it into a string"));
        }
        Ok(name)
    }

    fn value(&mut self) -> Parsed {
        let mut items = vec![self.expression()?];
        while self.takes("|") {
            items.push(self.expression()?);
        }
        Ok(one_or(items, Ast::Pipe))
    }
}

fn key(text: &str) -> Ast {
    Ast::Const(Value::String(Text::from(text)))
}

fn field(name: Name) -> Ast {
    Ast::Suffixed(Ast::Identity.into(), vec![Suffix::Field(name)])
}
