//! Assignments: for each path, a change of a state that starts as the input.

use crate::code::{Op, Update};
use crate::syntax::ast::{Assignment, Ast};

use super::{Compiled, Compiler};

impl Compiler {
    pub(super) fn assign(&mut self, left: &Ast, kind: Assignment, right: &Ast) -> Compiled {
        let update = match kind {
            Assignment::Update => {
                return self
                    .update(|compiler| compiler.filter(left), |compiler| compiler.filter(right));
            }
            Assignment::Set => None,
            Assignment::Operator(operator) => Some(Update::Operator(operator)),
            Assignment::Alternative => Some(Update::Alternative),
        };
        let value = self.slot()?;
        self.emit(Op::SubBegin);
        self.filter(right)?;
        self.emit(Op::Leave);
        self.emit(Op::Store(value));
        let state = self.state()?;
        let fork = self.emit(Op::Fork(0));
        self.path(|compiler| compiler.filter(left))?;
        self.emit(match update {
            None => Op::SetPath { state, value },
            Some(operator) => Op::Update { operator, state, operand: value },
        });
        self.emit(Op::Backtrack);
        self.land(fork);
        self.emit(Op::Take(state));
        Ok(())
    }

    /// `paths |= change`: the first output of `change` takes the value's place; where there is
    /// none, the place goes.
    pub(super) fn update(
        &mut self,
        paths: impl FnOnce(&mut Self) -> Compiled,
        change: impl FnOnce(&mut Self) -> Compiled,
    ) -> Compiled {
        let state = self.state()?;
        let (deleted, path, mark) = (self.slot()?, self.slot()?, self.slot()?);
        self.emit(Op::NewArray(deleted));
        let fork = self.emit(Op::Fork(0));
        self.path(paths)?;
        self.emit(Op::Dup);
        self.emit(Op::Store(path));
        let none = self.emit(Op::Mark(mark, 0));
        self.emit(Op::Enter);
        self.emit(Op::TakePath(state));
        change(self)?;
        self.emit(Op::Cut(mark));
        self.emit(Op::PutPath { state, path });
        self.emit(Op::Backtrack);
        self.land(none);
        self.emit(Op::Append(deleted));
        self.emit(Op::Backtrack);
        self.land(fork);
        self.emit(Op::DeletePaths { state, paths: deleted });
        Ok(())
    }

    /// The path to each output of a filter.
    pub(super) fn path(&mut self, compile: impl FnOnce(&mut Self) -> Compiled) -> Compiled {
        self.emit(Op::PathBegin);
        compile(self)?;
        self.emit(Op::PathEnd);
        Ok(())
    }

    /// A variable with a copy of the input.
    fn state(&mut self) -> Compiled<u16> {
        let state = self.slot()?;
        self.emit(Op::Dup);
        self.emit(Op::Store(state));
        Ok(state)
    }
}
