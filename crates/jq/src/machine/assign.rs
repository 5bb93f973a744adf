//! Changes of a state at a path.

use crate::code::Update;
use crate::fault::Outcome;
use crate::natives::{arithmetic, paths};
use crate::value::Value;

use super::Machine;

impl Machine<'_> {
    pub(super) fn set_path(&mut self, state: u16, value: u16) -> Outcome<()> {
        let path = Self::path_of(self.pop());
        let value = self.local(0, value).clone();
        self.change(state, |old, meter| paths::set(old, &path, value, meter))
    }

    pub(super) fn update(&mut self, operator: Update, state: u16, operand: u16) -> Outcome<()> {
        let path = Self::path_of(self.pop());
        let operand = self.local(0, operand).clone();
        self.change(state, |mut old, meter| {
            let value = paths::take(&mut old, &path, meter)?;
            let new = match operator {
                Update::Operator(operator) => arithmetic::apply(operator, value, operand, meter)?,
                Update::Alternative if value.is_true() => value,
                Update::Alternative => operand,
            };
            paths::set(old, &path, new, meter)
        })
    }

    /// Replaces a path on top by what is there, and leaves `null` there.
    pub(super) fn take_path(&mut self, state: u16) -> Outcome<()> {
        let path = Self::path_of(self.pop());
        let mut whole = self.take_local(state);
        let value = paths::take(&mut whole, &path, &mut self.meter)?;
        *self.local_mut(state) = whole;
        self.push(value)
    }

    pub(super) fn put_path(&mut self, state: u16, path: u16) -> Outcome<()> {
        let value = self.pop();
        let path = Self::path_of(self.local(0, path).clone());
        self.change(state, |old, meter| paths::set(old, &path, value, meter))
    }

    pub(super) fn delete_paths(&mut self, state: u16, deleted: u16) -> Outcome<()> {
        drop(self.pop());
        let whole = self.take_local(state);
        let deleted = self.take_local(deleted);
        let rest = paths::delete(whole, &deleted, &mut self.meter)?;
        self.push(rest)
    }

    fn change(
        &mut self,
        state: u16,
        change: impl FnOnce(Value, &mut crate::meter::Meter) -> Outcome,
    ) -> Outcome<()> {
        let old = self.take_local(state);
        let new = change(old, &mut self.meter)?;
        *self.local_mut(state) = self.meter.nested(new)?;
        Ok(())
    }
}
