//! The paths that outputs came by.

use std::sync::Arc;

use crate::fault::{Fault, Outcome, error};
use crate::value::{Value, shown};

use super::Machine;

/// A path so far: its last key, what came before it, and the value that is there.
pub(super) struct PathState {
    key: Value,
    before: Option<Arc<PathState>>,
    length: usize,
    value: Value,
    /// What was noted before this path was.
    outer: Option<Arc<PathState>>,
    outer_subs: u32,
    /// How many states hang together, each held by the one after it.
    linked: usize,
}

impl Machine<'_> {
    /// Whether paths count here.
    #[inline]
    pub(super) const fn notes_path(&self) -> bool {
        self.path.is_some() && self.subs == 0
    }

    pub(super) fn begin_path(&mut self) -> Outcome<()> {
        let outer = self.path.take();
        let linked = self.linked(outer.as_deref())?;
        self.meter.reserve(size_of::<PathState>())?;
        self.path = Some(Arc::new(PathState {
            key: Value::Null,
            before: None,
            length: 0,
            value: self.peek().clone(),
            outer,
            outer_subs: self.subs,
            linked,
        }));
        self.subs = 0;
        Ok(())
    }

    pub(super) fn end_path(&mut self) -> Outcome<()> {
        let value = self.pop();
        let Some(path) = self.path.take() else { return Ok(()) };
        if !path.value.is_identical(&value) {
            return error(format!("Invalid path expression with result {}", shown(&value, 29)));
        }
        self.meter.items(path.length)?;
        let mut keys = Vec::with_capacity(path.length);
        let mut part = Some(&path);
        while let Some(state) = part.filter(|state| state.length > 0) {
            keys.push(state.key.clone());
            part = state.before.as_ref();
        }
        keys.reverse();
        self.path.clone_from(&path.outer);
        self.subs = path.outer_subs;
        self.push(Value::array(keys))
    }

    /// Refuses a value that is not the one the path leads to.
    pub(super) fn check_path(&self, value: &Value, what: impl FnOnce() -> String) -> Outcome<()> {
        match &self.path {
            Some(path) if self.subs == 0 && !path.value.is_identical(value) => error(format!(
                "Invalid path expression near attempt to {} {}",
                what(),
                shown(value, 29)
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// How many states hang together with one after `before`. They are dropped one from within
    /// the other, so there must not be many.
    fn linked(&self, before: Option<&PathState>) -> Outcome<usize> {
        let limit = self.meter.limits().nesting;
        let (linked, length) = before.map_or((0, 0), |before| (before.linked, before.length));
        if linked >= 2 * limit || length >= limit {
            return Err(Fault::Nesting(limit).into());
        }
        Ok(linked + 1)
    }

    /// Makes the path one key longer.
    pub(super) fn extend_path(&mut self, key: Value, value: Value) -> Outcome<()> {
        let Some(before) = self.path.take() else { return Ok(()) };
        let length = before.length + 1;
        let linked = self.linked(Some(&before))?;
        self.meter.reserve(size_of::<PathState>())?;
        self.path = Some(Arc::new(PathState {
            key,
            length,
            value,
            outer: before.outer.clone(),
            outer_subs: before.outer_subs,
            linked,
            before: Some(before),
        }));
        Ok(())
    }
}
