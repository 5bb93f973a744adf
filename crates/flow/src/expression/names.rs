//! Which variables an expression may name.

use std::sync::Arc;

use super::Variable;

/// The variables of an expression's place, and the names that are bound around it, such as the
/// item of a loop. Of two that are called the same the bound one counts.
#[derive(Clone, Debug)]
pub struct Names {
    pub(super) known: &'static [Variable],
    pub(super) bound: Vec<Arc<str>>,
}

impl Names {
    /// The variables that have a meaning of their own, and no bound names.
    pub const fn of(known: &'static [Variable]) -> Self {
        Self { known, bound: Vec::new() }
    }

    /// These, and the name of a value that is bound inside, without its `$`.
    #[must_use]
    pub fn with(&self, name: &str) -> Self {
        let mut names = self.clone();
        if !names.binds(name) {
            names.bound.push(name.into());
        }
        names
    }

    /// Whether a value is bound to the name, which stands without its `$`.
    pub fn binds(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| &**bound == name)
    }

    /// Every name without its `$`, the bound ones last.
    pub(super) fn bare(&self) -> Vec<&str> {
        let known = self.known.iter().map(|variable| variable.bare_name());
        known.chain(self.bound.iter().map(|name| &**name)).collect()
    }
}
