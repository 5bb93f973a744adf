//! Points to go back to.

use std::sync::Arc;

use crate::fault::{Outcome, Raise};
use crate::value::{Number, Value};

use super::path::PathState;
use super::stack::last;
use super::{Machine, NONE};

/// The state of the machine at a point, and what happens there.
pub(super) struct Fork {
    pub(super) kind: ForkKind,
    /// Where it goes on.
    at: u32,
    top: u32,
    pub(super) cells: u32,
    frame: u32,
    pub(super) frames: u32,
    locals: u32,
    closures: u32,
    path: Option<Arc<PathState>>,
    subs: u32,
}

pub(super) enum ForkKind {
    /// Goes on.
    Resume,
    /// Goes on with the next item.
    Each { items: Value, next: usize },
    /// Goes on with the next number.
    Range { next: Number, upto: Number, by: Number },
    /// Goes on for an error, with the error on top.
    Try,
    /// Errors from above it are none of the `try` below it.
    TryEnd,
    /// Goes on for an error.
    OrElse,
    /// Is looked for by a `break`.
    Label(i64),
}

impl Machine<'_> {
    pub(super) fn fork(&mut self, kind: ForkKind, at: u32) -> Outcome<()> {
        if self.forks.len() >= self.meter.limits().stack {
            return self.full();
        }
        self.forks.push(Fork {
            kind,
            at,
            top: self.top,
            cells: last(self.cells.len() + 1),
            frame: self.frame,
            frames: last(self.frames.len() + 1),
            locals: last(self.locals.len() + 1),
            closures: last(self.closures.len() + 1),
            path: self.path.clone(),
            subs: self.subs,
        });
        Ok(())
    }

    /// Makes the stacks what they were at the last point.
    fn restore(&mut self) -> bool {
        let Some(fork) = self.forks.last() else { return false };
        self.at = fork.at;
        self.top = fork.top;
        self.frame = fork.frame;
        self.subs = fork.subs;
        self.path.clone_from(&fork.path);
        self.cells.truncate(fork.cells as usize);
        self.frames.truncate(fork.frames as usize);
        self.locals.truncate(fork.locals as usize);
        self.closures.truncate(fork.closures as usize);
        true
    }

    /// Goes back to the last point that has something left to do; says whether there is one.
    pub(super) fn backtrack(&mut self) -> Outcome<bool> {
        loop {
            self.meter.step()?;
            if !self.restore() {
                return Ok(false);
            }
            let Some(fork) = self.forks.last_mut() else { return Ok(false) };
            match &mut fork.kind {
                ForkKind::Resume => {
                    self.forks.pop();
                    return Ok(true);
                }
                ForkKind::Each { items, next } => {
                    let place = *next;
                    *next += 1;
                    let items = items.clone();
                    self.item(&items, place)?;
                    return Ok(true);
                }
                ForkKind::Range { .. } => {
                    if self.number()? {
                        return Ok(true);
                    }
                }
                ForkKind::Try | ForkKind::TryEnd | ForkKind::OrElse | ForkKind::Label(_) => {
                    self.forks.pop();
                }
            }
        }
    }

    /// Pushes an item of what is gone through; the last one takes the point with it.
    pub(super) fn item(&mut self, items: &Value, place: usize) -> Outcome<()> {
        let (key, item, is_last) = match items {
            Value::Array(items) => {
                let item = items.get(place).cloned().unwrap_or_default();
                (None, item, place + 1 >= items.len())
            }
            Value::Object(map) => {
                let (key, item) = map.at(place).cloned().unwrap_or_default();
                (Some(key), item, place + 1 >= map.len())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                (None, Value::Null, true)
            }
        };
        if is_last {
            self.forks.pop();
        }
        if self.notes_path() {
            let key = key.map_or_else(|| Value::from(place), Value::String);
            self.extend_path(key, item.clone())?;
        }
        self.push(item)
    }

    /// Pushes the next number of a range; says whether there is one.
    pub(super) fn number(&mut self) -> Outcome<bool> {
        let Some(ForkKind::Range { next, upto, by }) = self.forks.last_mut().map(|f| &mut f.kind)
        else {
            return Ok(false);
        };
        let step = by.as_f64();
        let goes_on = if step > 0.0 {
            next.compare(upto).is_lt()
        } else {
            step < 0.0 && next.compare(upto).is_gt()
        };
        if !goes_on {
            self.forks.pop();
            return Ok(false);
        }
        let following = next.plus(by);
        let value = std::mem::replace(next, following);
        self.push(Value::Number(value))?;
        Ok(true)
    }

    /// Goes on where an error is taken, or gives it back.
    pub(super) fn catch(&mut self, error: Value) -> Result<(), Value> {
        let mut passed = 0_u32;
        while let Some(fork) = self.forks.last() {
            match fork.kind {
                ForkKind::TryEnd => passed += 1,
                ForkKind::Try if passed > 0 => passed -= 1,
                ForkKind::Try => {
                    self.restore();
                    self.forks.pop();
                    return self.replace(error.clone()).map_err(|_| error);
                }
                ForkKind::OrElse => {
                    self.restore();
                    self.forks.pop();
                    return Ok(());
                }
                ForkKind::Resume
                | ForkKind::Each { .. }
                | ForkKind::Range { .. }
                | ForkKind::Label(_) => {}
            }
            self.forks.pop();
        }
        Err(error)
    }

    /// Forgets the points above a label, and the label's.
    pub(super) fn unwind_to(&mut self, label: u64) {
        while let Some(fork) = self.forks.last() {
            if matches!(fork.kind, ForkKind::Label(other) if other.cast_unsigned() == label) {
                self.restore();
                self.forks.pop();
                return;
            }
            self.forks.pop();
        }
        self.frame = NONE;
    }

    /// Ends a `try`. One without further outputs leaves nothing behind.
    pub(super) fn end_try(&mut self) -> Outcome<()> {
        if matches!(self.forks.last().map(|fork| &fork.kind), Some(ForkKind::Try)) {
            self.forks.pop();
            return Ok(());
        }
        self.fork(ForkKind::TryEnd, 0)
    }

    /// Forgets the points since a mark; the top replaces what was on top at the mark.
    pub(super) fn cut(&mut self, mark: u16) -> Outcome<()> {
        let output = self.pop();
        let Value::Number(Number::Int(mark)) = *self.local(0, mark) else { return Ok(()) };
        self.forks.truncate(usize::try_from(mark).unwrap_or(0) + 1);
        let path = self.path.take();
        let (at, subs) = (self.at, self.subs);
        self.restore();
        self.forks.pop();
        (self.at, self.subs, self.path) = (at, subs, path);
        self.replace(output)
    }

    /// An error where a `break` finds no label cannot be; a program that ends there has ended.
    pub(super) fn break_to(&self, level: u16, slot: u16) -> Raise {
        match self.local(level, slot) {
            Value::Number(Number::Int(label)) => Raise::Break(label.cast_unsigned()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => Raise::Break(u64::MAX),
        }
    }
}
