//! The stack of values.

use crate::fault::Outcome;
use crate::value::Value;

use super::{Machine, NONE};

/// A value, and the cell that is below it.
pub(super) struct Cell {
    value: Value,
    below: u32,
}

impl Machine<'_> {
    #[inline]
    pub(super) fn push(&mut self, value: Value) -> Outcome<()> {
        if self.cells.len() >= self.meter.limits().stack {
            return self.full();
        }
        self.cells.push(Cell { value, below: self.top });
        self.top = last(self.cells.len());
        Ok(())
    }

    /// Takes the top, or a copy if a point to go back to needs it.
    #[inline]
    pub(super) fn pop(&mut self) -> Value {
        let place = self.top as usize;
        let floor = self.forks.last().map_or(0, |fork| fork.cells);
        if place + 1 == self.cells.len() && place >= floor as usize {
            let Some(cell) = self.cells.pop() else { return Value::Null };
            self.top = cell.below;
            return cell.value;
        }
        let Some(cell) = self.cells.get(place) else { return Value::Null };
        self.top = cell.below;
        cell.value.clone()
    }

    pub(super) fn peek(&self) -> &Value {
        const NULL: &Value = &Value::Null;
        self.cells.get(self.top as usize).map_or(NULL, |cell| &cell.value)
    }

    /// Replaces the top.
    #[inline]
    pub(super) fn replace(&mut self, value: Value) -> Outcome<()> {
        drop(self.pop());
        self.push(value)
    }

    /// A variable of the frame so many levels out.
    pub(super) fn local(&self, level: u16, slot: u16) -> &Value {
        let frame = self.frame_at(level);
        &self.locals[self.frames[frame as usize].locals as usize + usize::from(slot)]
    }

    /// A variable of this frame.
    #[inline]
    pub(super) fn local_mut(&mut self, slot: u16) -> &mut Value {
        let first = self.frames[self.frame as usize].locals as usize;
        &mut self.locals[first + usize::from(slot)]
    }

    pub(super) fn take_local(&mut self, slot: u16) -> Value {
        std::mem::take(self.local_mut(slot))
    }
}

/// The place of the last of so many.
pub(super) fn last(length: usize) -> u32 {
    u32::try_from(length).map_or(NONE, |length| length.wrapping_sub(1))
}
