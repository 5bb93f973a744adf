//! Terms: what an operator works on, with its suffixes.

use crate::value::{Number, Value};

use super::CompileError;
use super::ast::{Ast, Fold, Format, Suffix};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

/// Words that cannot start a term.
const KEYWORDS: [&str; 13] = [
    "as", "then", "else", "elif", "end", "and", "or", "catch", "def", "label", "import", "include",
    "module",
];

impl Parser<'_> {
    /// A term and its suffixes.
    pub(super) fn suffixed(&mut self) -> Parsed {
        let mut suffixes = Vec::new();
        let head = match self.token {
            Token::Field(_) => Ast::Identity,
            Token::Symbol(".") => {
                self.advance();
                if self.token == Token::Quote {
                    suffixes.push(self.quoted_field()?);
                }
                Ast::Identity
            }
            Token::Word(_)
            | Token::Variable(_)
            | Token::Number(_)
            | Token::Format(_)
            | Token::Quote
            | Token::Symbol(_)
            | Token::Unknown(_)
            | Token::End => self.term()?,
        };
        while let Some(suffix) = self.suffix()? {
            suffixes.push(suffix);
        }
        if suffixes.is_empty() { Ok(head) } else { Ok(Ast::Suffixed(head.into(), suffixes)) }
    }

    fn suffix(&mut self) -> Parsed<Option<Suffix>> {
        match self.token {
            Token::Field(name) => {
                let mut name = self.named(name);
                name.offset += 1;
                self.advance();
                Ok(Some(Suffix::Field(name)))
            }
            Token::Symbol(".") => {
                self.advance();
                match self.token {
                    Token::Quote => self.quoted_field().map(Some),
                    Token::Symbol("[") => self.brackets().map(Some),
                    Token::Word(_)
                    | Token::Variable(_)
                    | Token::Field(_)
                    | Token::Number(_)
                    | Token::Format(_)
                    | Token::Symbol(_)
                    | Token::Unknown(_)
                    | Token::End => self.unexpected("a name or `[`"),
                }
            }
            Token::Symbol("[") => self.brackets().map(Some),
            Token::Symbol("?") => {
                self.advance();
                Ok(Some(Suffix::Try))
            }
            // `a?//b` is `a? // b`.
            Token::Symbol("?//") => {
                self.token = Token::Symbol("//");
                Ok(Some(Suffix::Try))
            }
            Token::Word(_)
            | Token::Variable(_)
            | Token::Number(_)
            | Token::Format(_)
            | Token::Quote
            | Token::Symbol(_)
            | Token::Unknown(_)
            | Token::End => Ok(None),
        }
    }

    fn quoted_field(&mut self) -> Parsed<Suffix> {
        let offset = self.start + 1;
        Ok(Suffix::of(self.string(Format::Text)?, offset))
    }

    /// `[]`, `[e]`, `[a:b]`, `[a:]` or `[:b]`.
    fn brackets(&mut self) -> Parsed<Suffix> {
        let open = self.start;
        self.expect("[")?;
        if self.takes("]") {
            return Ok(Suffix::Each);
        }
        if self.takes(":") {
            let to = self.query()?;
            self.close("]", open)?;
            return Ok(Suffix::Slice(None, Some(to)));
        }
        let offset = self.start + 1;
        let from = self.query()?;
        if self.takes(":") {
            let to = if self.is("]") { None } else { Some(self.query()?) };
            self.close("]", open)?;
            return Ok(Suffix::Slice(Some(from), to));
        }
        self.close("]", open)?;
        Ok(Suffix::of(from, offset))
    }

    fn term(&mut self) -> Parsed {
        match self.token {
            Token::Number(text) => {
                self.advance();
                Ok(Ast::Const(Value::Number(Number::from_text(text))))
            }
            Token::Quote => self.string(Format::Text),
            Token::Format(name) => self.format(name),
            Token::Variable("__loc__") => {
                let line = self.source[..self.start].matches('\n').count() + 1;
                self.advance();
                Ok(Ast::Location(line))
            }
            Token::Variable(_) => self.variable().map(Ast::Variable),
            Token::Symbol("..") => {
                self.advance();
                Ok(Ast::Recurse)
            }
            Token::Symbol("(") => {
                let open = self.start;
                self.advance();
                let inner = self.query()?;
                self.close(")", open)?;
                Ok(inner)
            }
            Token::Symbol("[") => {
                let open = self.start;
                self.advance();
                if self.takes("]") {
                    return Ok(Ast::Array(None));
                }
                let inner = self.query()?;
                self.close("]", open)?;
                Ok(Ast::Array(Some(inner.into())))
            }
            Token::Symbol("{") => self.object(),
            Token::Word(word) => self.word(word),
            Token::Field(_) | Token::Symbol(_) | Token::Unknown(_) | Token::End => {
                self.unexpected("an expression")
            }
        }
    }

    fn format(&mut self, name: &str) -> Parsed {
        let Some(format) = Format::named(name) else {
            let message = format!("there is no format `@{name}`");
            let help = "use @text, @json, @csv, @tsv, @html, @uri, @sh, @base64 or @base32";
            return Err(CompileError::syntax(self.start, message, help));
        };
        self.advance();
        if self.token == Token::Quote { self.string(format) } else { Ok(Ast::Format(format)) }
    }

    fn word(&mut self, word: &str) -> Parsed {
        if matches!(word, "import" | "include" | "module") || word.contains("::") {
            return self.refused(if word.contains("::") { "module" } else { word });
        }
        if KEYWORDS.contains(&word) {
            return self.unexpected("an expression");
        }
        let name = self.named(word);
        self.advance();
        match word {
            "if" => self.condition(),
            "try" => self.attempt(),
            "reduce" => self.fold(false),
            "foreach" => self.fold(true),
            "break" => self.variable().map(Ast::Break),
            "null" => Ok(Ast::Const(Value::Null)),
            "true" => Ok(Ast::Const(Value::Bool(true))),
            "false" => Ok(Ast::Const(Value::Bool(false))),
            _ => Ok(Ast::Call(name, self.arguments()?)),
        }
    }

    fn arguments(&mut self) -> Parsed<Vec<Ast>> {
        let mut arguments = Vec::new();
        let open = self.start;
        if !self.takes("(") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.query()?);
            if !self.takes(";") {
                break;
            }
        }
        self.close(")", open)?;
        Ok(arguments)
    }

    /// What follows an `if`.
    fn condition(&mut self) -> Parsed {
        let mut branches = Vec::new();
        loop {
            let when = self.query()?;
            self.expect_word("then")?;
            branches.push((when, self.query()?));
            if !self.takes_word("elif") {
                break;
            }
        }
        let otherwise = if self.takes_word("else") { Some(self.query()?.into()) } else { None };
        self.expect_word("end")?;
        Ok(Ast::If(branches, otherwise))
    }

    /// What follows a `try`.
    fn attempt(&mut self) -> Parsed {
        let body = self.nested(Self::unary)?;
        let handler =
            if self.takes_word("catch") { Some(self.nested(Self::unary)?.into()) } else { None };
        Ok(Ast::Try(body.into(), handler))
    }

    /// What follows a `reduce` or a `foreach`.
    fn fold(&mut self, foreach: bool) -> Parsed {
        let source = self.nested(Self::expression)?;
        self.expect_word("as")?;
        let patterns = self.patterns()?;
        let open = self.start;
        self.expect("(")?;
        let start = self.query()?;
        self.expect(";")?;
        let update = self.query()?;
        let extract = if foreach && self.takes(";") { Some(self.query()?.into()) } else { None };
        self.close(")", open)?;
        let fold = Box::new(Fold { source, patterns, start, update });
        Ok(if foreach { Ast::Foreach(fold, extract) } else { Ast::Reduce(fold) })
    }
}
