//! Constants, variables, suffixes, arrays, objects, strings and operators.

use crate::code::{Op, Piece};
use crate::syntax::ast::{Ast, Format, Name, Operator, Part, Suffix};
use crate::syntax::{CompileError, CompileErrorKind};
use crate::value::{Text, Value};

use super::scope::{self, Binding};
use super::{Compiled, Compiler};

impl Compiler {
    /// Compiles a filter.
    pub(super) fn filter(&mut self, ast: &Ast) -> Compiled {
        match ast {
            Ast::Identity => Ok(()),
            Ast::Recurse => self.call_library("recurse"),
            Ast::Const(value) => self.literal(value.clone()),
            Ast::Interpolation(format, parts) => self.interpolation(*format, parts),
            Ast::Format(format) => {
                self.emit(Op::Format(*format));
                Ok(())
            }
            Ast::Suffixed(head, suffixes) => self.suffixed(head, suffixes),
            Ast::Array(None) => self.literal(Value::array(Vec::new())),
            Ast::Array(Some(items)) => self.collect(|compiler| compiler.filter(items)),
            Ast::Object(entries) => self.object(entries),
            Ast::Negate(inner) => self.negation(inner),
            Ast::Pipe(items) => items.iter().try_for_each(|item| self.filter(item)),
            Ast::Comma(items) => self.comma(items),
            Ast::Binary(first, rest) => self.binary(first, rest),
            Ast::And(items) => self.logic(items, false),
            Ast::Or(items) => self.logic(items, true),
            Ast::Alternative(items) => self.alternative(items),
            Ast::Assign(left, kind, right) => self.assign(left, *kind, right),
            Ast::If(branches, otherwise) => self.condition(branches, otherwise.as_deref()),
            Ast::Try(body, handler) => self.attempt(body, handler.as_deref()),
            Ast::Reduce(fold) => self.reduce(fold),
            Ast::Foreach(fold, extract) => self.foreach(fold, extract.as_deref()),
            Ast::Bind(source, patterns, body) => self.bind(source, patterns, body),
            Ast::Label(name, body) => self.label(name, body),
            Ast::Break(name) => self.break_to(name),
            Ast::Define(definitions, body) => self.define(definitions, body),
            Ast::Call(name, arguments) => self.call(name, arguments),
            Ast::Variable(name) => self.variable(name),
            Ast::Location(line) => self.literal(location(*line)),
        }
    }

    pub(super) fn literal(&mut self, value: Value) -> Compiled {
        let constant = self.constant(value);
        self.emit(Op::Const(constant));
        Ok(())
    }

    /// A filter that works on a copy of the input, its output under it.
    pub(super) fn sub(&mut self, compile: impl FnOnce(&mut Self) -> Compiled) -> Compiled {
        self.emit(Op::SubBegin);
        compile(self)?;
        self.emit(Op::SubEnd);
        Ok(())
    }

    fn variable(&mut self, name: &Name) -> Compiled {
        let found = scope::find(&self.levels, |binding| match binding {
            Binding::Variable(other, slot) if *other == name.text => Some(*slot),
            Binding::Variable(..)
            | Binding::Label(..)
            | Binding::Function { .. }
            | Binding::Parameter(..) => None,
        });
        if let Some((level, slot)) = found {
            self.emit(Op::Load { level, slot });
            return Ok(());
        }
        let kind = match crate::refused::why(&name.text) {
            Some(why) if matches!(name.text.as_str(), "ENV" | "__prog_args") => {
                CompileErrorKind::NotAvailable { name: format!("${}", name.text.as_str()), why }
            }
            Some(_) | None => CompileErrorKind::UnknownVariable(name.text.as_str().to_owned()),
        };
        Err(CompileError { offset: name.offset, kind })
    }

    /// Keys that are not constant come first, the last one outermost, and then what they are of.
    fn suffixed(&mut self, head: &Ast, suffixes: &[Suffix]) -> Compiled {
        let mut tries = Vec::new();
        for suffix in suffixes.iter().rev() {
            match suffix {
                Suffix::Field(_) | Suffix::Each | Suffix::Index(Ast::Const(_)) => {}
                Suffix::Index(key) => self.sub(|compiler| compiler.filter(key))?,
                Suffix::Slice(from, to) => {
                    for bound in [from, to].into_iter().flatten() {
                        self.sub(|compiler| compiler.filter(bound))?;
                    }
                }
                Suffix::Try => tries.push(self.emit(Op::TryBegin(0))),
            }
        }
        self.filter(head)?;
        for suffix in suffixes {
            self.suffix(suffix, &mut tries);
        }
        Ok(())
    }

    fn suffix(&mut self, suffix: &Suffix, tries: &mut Vec<usize>) {
        match suffix {
            Suffix::Field(name) => {
                let key = self.constant(Value::String(name.text.clone()));
                self.emit(Op::Field(key));
            }
            Suffix::Index(Ast::Const(value)) => {
                let key = self.constant(value.clone());
                self.emit(Op::Field(key));
            }
            Suffix::Index(_) => {
                self.emit(Op::Index);
            }
            Suffix::Slice(from, to) => {
                self.emit(Op::Slice { from: from.is_some(), to: to.is_some() });
            }
            Suffix::Each => {
                self.emit(Op::Each);
            }
            Suffix::Try => {
                self.emit(Op::TryEnd);
                let over = self.emit(Op::Jump(0));
                if let Some(begin) = tries.pop() {
                    self.land(begin);
                }
                self.emit(Op::Backtrack);
                self.land(over);
            }
        }
    }

    /// An array of all outputs of a filter.
    pub(super) fn collect(&mut self, compile: impl FnOnce(&mut Self) -> Compiled) -> Compiled {
        let slot = self.slot()?;
        self.emit(Op::NewArray(slot));
        let fork = self.emit(Op::Fork(0));
        self.emit(Op::Enter);
        compile(self)?;
        self.emit(Op::Append(slot));
        self.emit(Op::Backtrack);
        self.land(fork);
        self.emit(Op::Take(slot));
        Ok(())
    }

    fn object(&mut self, entries: &[(Ast, Ast)]) -> Compiled {
        self.emit(Op::NewObject);
        for (key, value) in entries {
            if let Ast::Const(name @ Value::String(_)) = key {
                self.sub(|compiler| compiler.filter(value))?;
                let name = self.constant(name.clone());
                self.emit(Op::InsertConst(name));
            } else {
                self.sub(|compiler| compiler.filter(key))?;
                self.sub(|compiler| compiler.filter(value))?;
                self.emit(Op::Insert);
            }
        }
        self.emit(Op::Pop);
        Ok(())
    }

    /// The last part is the outermost loop.
    fn interpolation(&mut self, format: Format, parts: &[Part]) -> Compiled {
        for part in parts.iter().rev() {
            if let Part::Filter(filter) = part {
                self.sub(|compiler| {
                    compiler.filter(filter)?;
                    compiler.emit(Op::Format(format));
                    Ok(())
                })?;
            }
        }
        let pieces = parts.iter().map(|part| match part {
            Part::Text(text) => Piece::Text(Text::from(text.as_str())),
            Part::Filter(_) => Piece::Hole,
        });
        let template = self.template(pieces.collect());
        self.emit(Op::Interpolate(template));
        Ok(())
    }

    fn negation(&mut self, inner: &Ast) -> Compiled {
        if let Ast::Const(Value::Number(number)) = inner {
            return self.literal(Value::Number(number.negated()));
        }
        self.emit(Op::Enter);
        self.filter(inner)?;
        self.emit(Op::Leave);
        self.emit(Op::Negate);
        Ok(())
    }

    fn comma(&mut self, items: &[Ast]) -> Compiled {
        let mut ends = Vec::new();
        let Some((last, firsts)) = items.split_last() else { return Ok(()) };
        for item in firsts {
            let fork = self.emit(Op::Fork(0));
            self.filter(item)?;
            ends.push(self.emit(Op::Jump(0)));
            self.land(fork);
        }
        self.filter(last)?;
        ends.into_iter().for_each(|end| self.land(end));
        Ok(())
    }

    /// The right operand is the outer loop.
    fn binary(&mut self, first: &Ast, rest: &[(Operator, Ast)]) -> Compiled {
        for (_, operand) in rest.iter().rev() {
            if !matches!(operand, Ast::Const(_)) {
                self.sub(|compiler| compiler.filter(operand))?;
            }
            self.emit(Op::Enter);
        }
        self.filter(first)?;
        for (operator, operand) in rest {
            if let Ast::Const(value) = operand {
                let constant = self.constant(value.clone());
                self.emit(Op::BinaryConst(*operator, constant));
            } else {
                self.emit(Op::Binary(*operator));
            }
        }
        Ok(())
    }
}

fn location(line: usize) -> Value {
    Value::object([
        (Text::from("file"), Value::from("<top-level>")),
        (Text::from("line"), Value::from(line)),
    ])
}
