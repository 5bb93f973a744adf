//! Bindings of variables by patterns.

use crate::code::Op;
use crate::syntax::ast::{Ast, Name, Pattern, PatternEntry};
use crate::value::Value;

use super::scope::Binding;
use super::{Compiled, Compiler};

impl Compiler {
    /// `source as patterns | body`.
    pub(super) fn bind(&mut self, source: &Ast, patterns: &[Pattern], body: &Ast) -> Compiled {
        self.emit(Op::SubBegin);
        self.filter(source)?;
        self.emit(Op::Leave);
        self.with_patterns(patterns, |compiler| compiler.filter(body))
    }

    /// Pops the top into the variables of the first pattern that fits, and goes on with `body`.
    pub(super) fn with_patterns(
        &mut self,
        patterns: &[Pattern],
        body: impl FnOnce(&mut Self) -> Compiled,
    ) -> Compiled {
        let bound = self.level().bound();
        let mut names = Vec::new();
        patterns.iter().for_each(|pattern| pattern.variables(&mut names));
        let slots = self.bind_all(&names)?;
        if let [pattern] = patterns {
            self.pattern(pattern)?;
        } else {
            self.alternatives(patterns, &slots)?;
        }
        body(self)?;
        self.level().unbind(bound);
        Ok(())
    }

    fn bind_all(&mut self, names: &[&Name]) -> Compiled<Vec<u16>> {
        let mut slots: Vec<u16> = Vec::new();
        let first = self.level().bound();
        for name in names {
            let level = self.level();
            let known = level.bound() - first;
            let again = level.names().take(known).any(
                |binding| matches!(binding, Binding::Variable(other, _) if *other == name.text),
            );
            if !again {
                let slot = self.slot()?;
                self.level().bind(Binding::Variable(name.text.clone(), slot));
                slots.push(slot);
            }
        }
        Ok(slots)
    }

    /// Tries one pattern after the other, with every variable empty at first.
    fn alternatives(&mut self, patterns: &[Pattern], slots: &[u16]) -> Compiled {
        let value = self.slot()?;
        self.emit(Op::Store(value));
        let mut bodies = Vec::new();
        let count = patterns.len();
        for (index, pattern) in patterns.iter().enumerate() {
            slots.iter().for_each(|slot| {
                self.emit(Op::Clear(*slot));
            });
            let or_else = (index + 1 < count).then(|| self.emit(Op::OrElse(0)));
            self.emit(Op::Push(value));
            self.pattern(pattern)?;
            bodies.push(self.emit(Op::Jump(0)));
            if let Some(or_else) = or_else {
                self.land(or_else);
            }
        }
        bodies.into_iter().for_each(|body| self.land(body));
        Ok(())
    }

    /// Pops the top into the variables of a pattern.
    fn pattern(&mut self, pattern: &Pattern) -> Compiled {
        match pattern {
            Pattern::Variable(name) => {
                let slot = self.own_variable(name);
                self.emit(Op::Store(slot));
            }
            Pattern::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.emit(Op::Dup);
                    self.emit(Op::Enter);
                    let key = self.constant(Value::from(index));
                    self.emit(Op::Field(key));
                    self.emit(Op::Leave);
                    self.pattern(item)?;
                }
                self.emit(Op::Pop);
            }
            Pattern::Object(entries) => {
                entries.iter().try_for_each(|entry| self.pattern_entry(entry))?;
                self.emit(Op::Pop);
            }
        }
        Ok(())
    }

    fn pattern_entry(&mut self, entry: &PatternEntry) -> Compiled {
        self.emit(Op::Dup);
        self.emit(Op::Enter);
        self.sub(|compiler| compiler.filter(&entry.key))?;
        self.emit(Op::Index);
        self.emit(Op::Leave);
        if let Some(name) = &entry.variable {
            let slot = self.own_variable(name);
            if entry.pattern.is_some() {
                self.emit(Op::Dup);
            }
            self.emit(Op::Store(slot));
        }
        entry.pattern.as_ref().map_or(Ok(()), |pattern| self.pattern(pattern))
    }

    /// A variable of this function that is known to be bound.
    fn own_variable(&mut self, name: &Name) -> u16 {
        let slot = self.level().names().find_map(|binding| match binding {
            Binding::Variable(other, slot) if *other == name.text => Some(*slot),
            Binding::Variable(..)
            | Binding::Label(..)
            | Binding::Function { .. }
            | Binding::Parameter(..) => None,
        });
        slot.expect("a pattern's variables are bound before it")
    }
}
