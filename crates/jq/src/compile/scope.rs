//! What names mean at a place of a program.

use crate::value::Text;

/// What a name was bound to.
#[derive(Debug)]
pub(super) enum Binding {
    Variable(Text, u16),
    Label(Text, u16),
    Function { name: Text, arity: usize, function: u32 },
    Parameter(Text, u16),
}

/// A function that is being compiled: its names, the innermost last, and its variables.
#[derive(Debug, Default)]
pub(super) struct Level {
    bindings: Vec<Binding>,
    locals: u16,
}

impl Level {
    pub(super) fn bind(&mut self, binding: Binding) {
        self.bindings.push(binding);
    }

    /// How many names there are, to return to with [`Level::unbind`].
    pub(super) const fn bound(&self) -> usize {
        self.bindings.len()
    }

    /// Forgets the names since there were `bound` of them.
    pub(super) fn unbind(&mut self, bound: usize) {
        self.bindings.truncate(bound);
    }

    pub(super) fn slot(&mut self) -> Option<u16> {
        let slot = self.locals;
        self.locals = slot.checked_add(1)?;
        Some(slot)
    }

    pub(super) const fn locals(&self) -> u16 {
        self.locals
    }

    /// The names, the innermost first.
    pub(super) fn names(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().rev()
    }
}

/// Finds something in the innermost level that has it; says how many levels out that is.
pub(super) fn find<T>(levels: &[Level], what: impl Fn(&Binding) -> Option<T>) -> Option<(u16, T)> {
    let mut levels = levels.iter().rev().enumerate();
    levels.find_map(|(out, level)| {
        let found = level.names().find_map(&what)?;
        Some((u16::try_from(out).ok()?, found))
    })
}
