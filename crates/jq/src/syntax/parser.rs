//! The parser's state, and filters at the top: pipes, commas, bindings, definitions.

use crate::refused;
use crate::value::Text;

use super::ast::{Ast, Definition, Name, Parameter};
use super::lexer::{self, Token};
use super::{CompileError, CompileErrorKind};

pub(super) type Parsed<T = Ast> = Result<T, CompileError>;

pub(super) struct Parser<'s> {
    pub(super) source: &'s str,
    pub(super) token: Token<'s>,
    /// Where the token starts.
    pub(super) start: usize,
    /// Where the token ends.
    pub(super) end: usize,
    depth: usize,
    depth_limit: usize,
}

/// Parses a program, which is one filter, nested at most `depth_limit` deep.
pub(crate) fn parse(source: &str, depth_limit: usize) -> Parsed {
    let mut parser = Parser::new(source, depth_limit);
    let program = parser.query()?;
    parser.expect_end()?;
    Ok(program)
}

/// Parses a list of definitions.
pub(crate) fn library(source: &str) -> Parsed<Vec<Definition>> {
    let mut parser = Parser::new(source, 64);
    let definitions = parser.definitions()?;
    parser.expect_end()?;
    Ok(definitions)
}

impl<'s> Parser<'s> {
    fn new(source: &'s str, depth_limit: usize) -> Self {
        let (token, start, end) = lexer::token(source, 0);
        Self { source, token, start, end, depth: 0, depth_limit }
    }

    pub(super) fn advance(&mut self) {
        (self.token, self.start, self.end) = lexer::token(self.source, self.end);
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        self.token == Token::Symbol(symbol)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.token == Token::Word(word)
    }

    /// Takes a symbol if it is next.
    pub(super) fn takes(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.advance();
        }
        found
    }

    /// Takes a word if it is next.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.takes(symbol) { Ok(()) } else { self.unexpected(&format!("`{symbol}`")) }
    }

    /// Takes a closing bracket, whose opening one is at `open`.
    pub(super) fn close(&mut self, bracket: &str, open: usize) -> Parsed<()> {
        if self.takes(bracket) {
            return Ok(());
        }
        if self.token != Token::End {
            return self.unexpected(&format!("`{bracket}`"));
        }
        let name = match bracket {
            ")" => "parenthesis",
            "]" => "bracket",
            _ => "brace",
        };
        let opened = &self.source[open..=open];
        let message = format!("the closing {name} for `{opened}` is missing");
        Err(CompileError::syntax(open, message, "close what is opened"))
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.takes_word(word) { Ok(()) } else { self.unexpected(&format!("`{word}`")) }
    }

    fn expect_end(&self) -> Parsed<()> {
        if self.token == Token::End { Ok(()) } else { self.unexpected("the end of the expression") }
    }

    /// Says that something else is expected than what is next.
    pub(super) fn unexpected<T>(&self, expected: &str) -> Parsed<T> {
        let text = &self.source[self.start..self.end];
        let (message, help) = match self.token {
            Token::End => (
                format!("the expression ends where {expected} is expected"),
                "complete the expression",
            ),
            Token::Unknown(c) => (
                format!("`{c}` is not part of the language"),
                "remove it, or put it into double quotes",
            ),
            Token::Word(_)
            | Token::Variable(_)
            | Token::Field(_)
            | Token::Number(_)
            | Token::Format(_)
            | Token::Quote
            | Token::Symbol(_) => {
                let shown: String = text.chars().take(40).collect();
                (
                    format!("`{shown}` stands where {expected} is expected"),
                    "correct the expression there",
                )
            }
        };
        Err(CompileError::syntax(self.start, message, help))
    }

    /// Parses with one level more around it.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= self.depth_limit {
            let kind = CompileErrorKind::TooDeep(self.depth_limit);
            return Err(CompileError { offset: self.start, kind });
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// A whole filter.
    pub(super) fn query(&mut self) -> Parsed {
        self.nested(Self::pipe)
    }

    fn pipe(&mut self) -> Parsed {
        let mut items = vec![self.comma()?];
        while self.takes("|") {
            items.push(self.comma()?);
        }
        Ok(one_or(items, Ast::Pipe))
    }

    fn comma(&mut self) -> Parsed {
        let mut items = vec![self.item()?];
        while self.takes(",") {
            items.push(self.item()?);
        }
        Ok(one_or(items, Ast::Comma))
    }

    fn item(&mut self) -> Parsed {
        if self.is_word("def") {
            let definitions = self.definitions()?;
            let body = self.query()?;
            return Ok(Ast::Define(definitions, body.into()));
        }
        if self.takes_word("label") {
            let name = self.variable()?;
            self.expect("|")?;
            return Ok(Ast::Label(name, self.query()?.into()));
        }
        let source = self.expression()?;
        if !self.takes_word("as") {
            return Ok(source);
        }
        let patterns = self.patterns()?;
        self.expect("|")?;
        Ok(Ast::Bind(source.into(), patterns, self.query()?.into()))
    }

    fn definitions(&mut self) -> Parsed<Vec<Definition>> {
        let mut definitions = Vec::new();
        while self.takes_word("def") {
            let Token::Word(name) = self.token else {
                return self.unexpected("a function's name");
            };
            let name = self.named(name);
            self.advance();
            let parameters = self.parameters()?;
            self.expect(":")?;
            let body = self.query()?;
            self.expect(";")?;
            definitions.push(Definition { name, parameters, body });
        }
        Ok(definitions)
    }

    fn parameters(&mut self) -> Parsed<Vec<Parameter>> {
        let mut parameters = Vec::new();
        if !self.takes("(") {
            return Ok(parameters);
        }
        loop {
            match self.token {
                Token::Word(name) => {
                    parameters.push(Parameter { name: Text::from(name), value: false });
                }
                Token::Variable(name) => {
                    parameters.push(Parameter { name: Text::from(name), value: true });
                }
                Token::Field(_)
                | Token::Number(_)
                | Token::Format(_)
                | Token::Quote
                | Token::Symbol(_)
                | Token::Unknown(_)
                | Token::End => return self.unexpected("a parameter's name"),
            }
            self.advance();
            if !self.takes(";") {
                break;
            }
        }
        self.expect(")")?;
        Ok(parameters)
    }

    /// Takes a `$name`.
    pub(super) fn variable(&mut self) -> Parsed<Name> {
        let Token::Variable(name) = self.token else {
            return self.unexpected("a variable");
        };
        let name = self.named(name);
        self.advance();
        Ok(name)
    }

    /// A name that stands where the token does.
    pub(super) fn named(&self, text: &str) -> Name {
        Name { text: Text::from(text), offset: self.start }
    }

    /// Says why what is next is not there.
    pub(super) fn refused<T>(&self, name: &str) -> Parsed<T> {
        let why = refused::why(name).unwrap_or("it is not part of the language");
        let kind = CompileErrorKind::NotAvailable { name: name.to_owned(), why };
        Err(CompileError { offset: self.start, kind })
    }
}

/// A list's only item, or the list as one filter.
pub(super) fn one_or(mut items: Vec<Ast>, list: impl FnOnce(Vec<Ast>) -> Ast) -> Ast {
    match (items.len(), items.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            items.extend(last);
            list(items)
        }
    }
}
