//! Conditions, logic, loops, errors and labels.

use crate::code::Op;
use crate::syntax::ast::{Ast, Fold, Name};
use crate::syntax::{CompileError, CompileErrorKind};
use crate::value::Value;

use super::scope::{self, Binding};
use super::{Compiled, Compiler};

impl Compiler {
    pub(super) fn condition(
        &mut self,
        branches: &[(Ast, Ast)],
        otherwise: Option<&Ast>,
    ) -> Compiled {
        let mut ends = Vec::new();
        for (when, then) in branches {
            let otherwise = self.test(when)?;
            self.filter(then)?;
            ends.push(self.emit(Op::Jump(0)));
            self.land(otherwise);
        }
        if let Some(otherwise) = otherwise {
            self.filter(otherwise)?;
        }
        ends.into_iter().for_each(|end| self.land(end));
        Ok(())
    }

    /// Goes on if a filter gives something true; gives the instruction that jumps if not.
    pub(super) fn test(&mut self, when: &Ast) -> Compiled<usize> {
        self.emit(Op::SubBegin);
        self.filter(when)?;
        Ok(self.emit(Op::BranchFalse(0)))
    }

    /// `and` and `or`, of which `decisive` says what value makes the rest not count.
    pub(super) fn logic(&mut self, items: &[Ast], decisive: bool) -> Compiled {
        let Some((last, firsts)) = items.split_last() else { return Ok(()) };
        let mut decided = Vec::new();
        for item in firsts {
            let when_false = self.test(item)?;
            if decisive {
                decided.push(self.emit(Op::Jump(0)));
                self.land(when_false);
            } else {
                decided.push(when_false);
            }
        }
        self.emit(Op::Enter);
        self.filter(last)?;
        self.emit(Op::Truth);
        let end = self.emit(Op::Jump(0));
        decided.into_iter().for_each(|place| self.land(place));
        self.literal(Value::Bool(decisive))?;
        self.land(end);
        Ok(())
    }

    /// `a // b`: what is true of `a`, or else `b`.
    pub(super) fn alternative(&mut self, items: &[Ast]) -> Compiled {
        let mut ends = Vec::new();
        let Some((last, firsts)) = items.split_last() else { return Ok(()) };
        for item in firsts {
            let found = self.slot()?;
            self.emit(Op::Clear(found));
            let fork = self.emit(Op::Fork(0));
            self.filter(item)?;
            self.emit(Op::BacktrackIf(false));
            let seen = self.constant(Value::Bool(true));
            self.emit(Op::Dup);
            self.emit(Op::Const(seen));
            self.emit(Op::Store(found));
            ends.push(self.emit(Op::Jump(0)));
            self.land(fork);
            self.emit(Op::SubBegin);
            self.emit(Op::Load { level: 0, slot: found });
            let none = self.emit(Op::BranchFalse(0));
            self.emit(Op::Backtrack);
            self.land(none);
        }
        self.filter(last)?;
        ends.into_iter().for_each(|end| self.land(end));
        Ok(())
    }

    pub(super) fn attempt(&mut self, body: &Ast, handler: Option<&Ast>) -> Compiled {
        let begin = self.emit(Op::TryBegin(0));
        self.filter(body)?;
        self.emit(Op::TryEnd);
        let end = self.emit(Op::Jump(0));
        self.land(begin);
        match handler {
            Some(handler) => self.filter(handler)?,
            None => {
                self.emit(Op::Backtrack);
            }
        }
        self.land(end);
        Ok(())
    }

    pub(super) fn reduce(&mut self, fold: &Fold) -> Compiled {
        let state = self.start(fold)?;
        let fork = self.emit(Op::Fork(0));
        self.filter(&fold.source)?;
        self.with_patterns(&fold.patterns, |compiler| {
            compiler.emit(Op::PushTaken(state));
            compiler.filter(&fold.update)?;
            compiler.emit(Op::Store(state));
            compiler.emit(Op::Backtrack);
            Ok(())
        })?;
        self.land(fork);
        self.emit(Op::Take(state));
        Ok(())
    }

    pub(super) fn foreach(&mut self, fold: &Fold, extract: Option<&Ast>) -> Compiled {
        let state = self.start(fold)?;
        self.filter(&fold.source)?;
        self.with_patterns(&fold.patterns, |compiler| {
            compiler.emit(Op::PushTaken(state));
            compiler.filter(&fold.update)?;
            compiler.emit(Op::Dup);
            compiler.emit(Op::Store(state));
            extract.map_or(Ok(()), |extract| compiler.filter(extract))
        })
    }

    /// Puts a fold's first state into a variable.
    fn start(&mut self, fold: &Fold) -> Compiled<u16> {
        let state = self.slot()?;
        self.emit(Op::SubBegin);
        self.filter(&fold.start)?;
        self.emit(Op::Leave);
        self.emit(Op::Store(state));
        Ok(state)
    }

    pub(super) fn label(&mut self, name: &Name, body: &Ast) -> Compiled {
        let slot = self.slot()?;
        let bound = self.level().bound();
        self.emit(Op::Label(slot));
        self.level().bind(Binding::Label(name.text.clone(), slot));
        self.filter(body)?;
        self.level().unbind(bound);
        Ok(())
    }

    pub(super) fn break_to(&mut self, name: &Name) -> Compiled {
        let found = scope::find(&self.levels, |binding| match binding {
            Binding::Label(other, slot) if *other == name.text => Some(*slot),
            Binding::Variable(..)
            | Binding::Label(..)
            | Binding::Function { .. }
            | Binding::Parameter(..) => None,
        });
        let Some((level, slot)) = found else {
            let message = format!("the label `${}` is not defined", name.text.as_str());
            return Err(CompileError {
                offset: name.offset,
                kind: CompileErrorKind::Syntax { message, help: "define it with `label`" },
            });
        };
        self.emit(Op::Break { level, slot });
        Ok(())
    }
}
