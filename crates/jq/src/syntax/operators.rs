//! Operators, from the loosest to the tightest.

use super::CompileError;
use super::ast::{Assignment, Ast, Operator};
use super::lexer::Token;
use super::parser::{Parsed, Parser, one_or};

impl Parser<'_> {
    /// A filter without pipes, commas and bindings.
    pub(super) fn expression(&mut self) -> Parsed {
        let mut items = vec![self.assignment()?];
        while self.takes("//") {
            items.push(self.assignment()?);
        }
        Ok(one_or(items, Ast::Alternative))
    }

    fn assignment(&mut self) -> Parsed {
        let left = self.or()?;
        let Some(kind) = self.assignment_sign() else { return Ok(left) };
        self.advance();
        let right = self.or()?;
        if self.assignment_sign().is_some() {
            return self.chained("an assignment");
        }
        Ok(Ast::Assign(left.into(), kind, right.into()))
    }

    fn assignment_sign(&self) -> Option<Assignment> {
        let Token::Symbol(symbol) = self.token else { return None };
        Some(match symbol {
            "=" => Assignment::Set,
            "|=" => Assignment::Update,
            "//=" => Assignment::Alternative,
            "+=" => Assignment::Operator(Operator::Add),
            "-=" => Assignment::Operator(Operator::Subtract),
            "*=" => Assignment::Operator(Operator::Multiply),
            "/=" => Assignment::Operator(Operator::Divide),
            "%=" => Assignment::Operator(Operator::Remainder),
            _ => return None,
        })
    }

    fn or(&mut self) -> Parsed {
        let mut items = vec![self.and()?];
        while self.takes_word("or") {
            items.push(self.and()?);
        }
        Ok(one_or(items, Ast::Or))
    }

    fn and(&mut self) -> Parsed {
        let mut items = vec![self.comparison()?];
        while self.takes_word("and") {
            items.push(self.comparison()?);
        }
        Ok(one_or(items, Ast::And))
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.sum()?;
        let Some(operator) = self.operator(&COMPARISONS) else { return Ok(left) };
        self.advance();
        let right = self.sum()?;
        if self.operator(&COMPARISONS).is_some() {
            return self.chained("a comparison");
        }
        Ok(Ast::Binary(left.into(), vec![(operator, right)]))
    }

    fn sum(&mut self) -> Parsed {
        self.chain(&SUMS, Self::product)
    }

    fn product(&mut self) -> Parsed {
        self.chain(&PRODUCTS, Self::unary)
    }

    fn chain(
        &mut self,
        operators: &[(&str, Operator)],
        operand: impl Fn(&mut Self) -> Parsed,
    ) -> Parsed {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            self.advance();
            rest.push((operator, operand(self)?));
        }
        if rest.is_empty() { Ok(first) } else { Ok(Ast::Binary(first.into(), rest)) }
    }

    /// A filter with signs before it.
    pub(super) fn unary(&mut self) -> Parsed {
        if self.takes("-") {
            let inner = self.nested(Self::unary)?;
            return Ok(Ast::Negate(inner.into()));
        }
        self.suffixed()
    }

    fn operator(&self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let Token::Symbol(symbol) = self.token else { return None };
        operators.iter().find(|(other, _)| *other == symbol).map(|(_, operator)| *operator)
    }

    fn chained<T>(&self, what: &str) -> Parsed<T> {
        let message = format!("{what} cannot follow another one");
        Err(CompileError::syntax(self.start, message, "put the first into parentheses"))
    }
}

const COMPARISONS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
];

const SUMS: [(&str, Operator); 2] = [("+", Operator::Add), ("-", Operator::Subtract)];

const PRODUCTS: [(&str, Operator); 3] =
    [("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)];
