//! What keeps hostile types from costing more than they may: counted steps, and the ways to exceed.

use flowmill_model::limits;

/// A limit that a type, or work on it, exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Nested more deeply than [`limits::TYPE_DEPTH`].
    #[error("nested more than {} deep", limits::TYPE_DEPTH)]
    Depth,
    /// Of more parts than [`limits::TYPE_PARTS`].
    #[error("more than {} parts", limits::TYPE_PARTS)]
    Parts,
    /// Of more alternatives at one place than [`limits::TYPE_BRANCHES`].
    #[error("more than {} alternatives at one place", limits::TYPE_BRANCHES)]
    Branches,
    /// A schema of more bytes than [`limits::SCHEMA_BYTES`].
    #[error("more than {} bytes", limits::SCHEMA_BYTES)]
    Bytes,
    /// More work than [`limits::TYPE_STEPS`].
    #[error("more than {} steps", limits::TYPE_STEPS)]
    Steps,
}

/// Steps that many pieces of work may take together, such as all that is done for one flow.
#[derive(Debug)]
pub struct Effort(usize);

impl Effort {
    /// So many steps in all; one piece of work still takes [`limits::TYPE_STEPS`] at most.
    pub const fn new(steps: usize) -> Self {
        Self(steps)
    }

    /// As many pieces of work as there are.
    pub(crate) const fn unbounded() -> Self {
        Self(usize::MAX)
    }

    /// Does one piece of work with what is left.
    pub(crate) fn piece<T>(&mut self, work: impl FnOnce(&mut Steps) -> T) -> T {
        let given = self.0.min(limits::TYPE_STEPS);
        let mut steps = Steps(given);
        let done = work(&mut steps);
        self.0 -= given - steps.0;
        done
    }

    /// Takes so many steps, if they are there.
    pub(crate) const fn take(&mut self, steps: usize) -> Result<(), Excess> {
        let Some(left) = self.0.checked_sub(steps) else { return Err(Excess::Steps) };
        self.0 = left;
        Ok(())
    }
}

/// Steps that are left of one piece of work.
pub(crate) struct Steps(usize);

impl Steps {
    /// No steps.
    pub(crate) const fn none() -> Self {
        Self(0)
    }

    pub(crate) const fn take(&mut self) -> Result<(), Excess> {
        self.take_many(1)
    }

    /// Takes the steps of going through a list of things, of which several make one step.
    pub(crate) const fn take_list(&mut self, things: usize) -> Result<(), Excess> {
        self.take_many(1 + things / 8)
    }

    pub(crate) const fn take_many(&mut self, steps: usize) -> Result<(), Excess> {
        let Some(left) = self.0.checked_sub(steps) else { return Err(Excess::Steps) };
        self.0 = left;
        Ok(())
    }
}
