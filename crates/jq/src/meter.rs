//! The meter: what an evaluation has used of what it may use.
//!
//! **Invariant:** work is charged before it is done, and the same work always costs the same. So
//! an evaluation ends at the same place on every machine.

use std::sync::Arc;

use crate::fault::Fault;
use crate::limits::Limits;
use crate::value::{Items, Map, Text, Value};

/// Bytes that are moved or looked at in the time of one step.
const BYTES_PER_STEP: usize = 32;

/// Bytes that an allocation takes besides what is in it.
const ALLOCATION: usize = 48;

/// What an evaluation used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Steps, see [`Limits::steps`].
    pub steps: u64,
    /// Bytes allocated in total.
    pub bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    steps_left: u64,
    bytes_left: u64,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        let nesting = limits.nesting.min(Limits::NESTING_MAX);
        let limits = Limits { nesting, ..limits };
        Self { limits, steps_left: limits.steps, bytes_left: limits.bytes }
    }

    pub(crate) const fn usage(&self) -> Usage {
        Usage {
            steps: self.limits.steps - self.steps_left,
            bytes: self.limits.bytes - self.bytes_left,
        }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Charges one step.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<(), Fault> {
        self.steps(1)
    }

    /// Charges several steps.
    #[inline]
    pub(crate) fn steps(&mut self, steps: usize) -> Result<(), Fault> {
        match self.steps_left.checked_sub(steps as u64) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                self.steps_left = 0;
                Err(Fault::Steps(self.limits.steps))
            }
        }
    }

    /// Charges for looking at so many bytes.
    pub(crate) fn look(&mut self, bytes: usize) -> Result<(), Fault> {
        self.steps(bytes / BYTES_PER_STEP + 1)
    }

    /// Charges for memory alone.
    #[inline]
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<(), Fault> {
        match self.bytes_left.checked_sub(bytes as u64) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => {
                self.bytes_left = 0;
                Err(Fault::Bytes(self.limits.bytes))
            }
        }
    }

    /// Charges for a text of so many bytes and for writing it.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), Fault> {
        self.reserve(bytes.saturating_add(ALLOCATION))?;
        self.look(bytes)
    }

    /// Charges for an array of so many items and for putting them there.
    pub(crate) fn items(&mut self, items: usize) -> Result<(), Fault> {
        self.reserve(items.saturating_mul(size_of::<Value>()).saturating_add(ALLOCATION))?;
        self.steps(items / 2 + 3)
    }

    /// Charges for an object of so many entries and for putting them there.
    pub(crate) fn entries(&mut self, entries: usize) -> Result<(), Fault> {
        self.reserve(entries.saturating_mul(Map::ENTRY_BYTES).saturating_add(ALLOCATION))?;
        self.steps(entries.saturating_mul(2) + 4)
    }

    /// Refuses a value that is nested too deeply.
    #[inline]
    pub(crate) fn nested(&mut self, value: Value) -> Result<Value, Fault> {
        if value.depth() <= self.limits.nesting {
            return Ok(value);
        }
        self.measured(value)
    }

    /// Measures a value whose bound is above the limit: what was taken out of it may have been
    /// its deepest part.
    #[cold]
    fn measured(&mut self, value: Value) -> Result<Value, Fault> {
        let depth = value.measured_depth(self)?;
        if depth > self.limits.nesting {
            return Err(Fault::Nesting(self.limits.nesting));
        }
        Ok(value.with_depth(depth))
    }

    /// The items of an array to change, copied first when others share them.
    pub(crate) fn own_items<'a>(
        &mut self,
        items: &'a mut Arc<Items>,
    ) -> Result<&'a mut Items, Fault> {
        if Arc::get_mut(items).is_none() {
            self.items(items.len())?;
        }
        Ok(Arc::make_mut(items))
    }

    /// The entries of an object to change, copied first when others share them.
    pub(crate) fn own_map<'a>(&mut self, map: &'a mut Arc<Map>) -> Result<&'a mut Map, Fault> {
        if Arc::get_mut(map).is_none() {
            self.entries(map.len())?;
        }
        Ok(Arc::make_mut(map))
    }

    /// Appends an item to an array.
    pub(crate) fn push(&mut self, items: &mut Items, item: Value) -> Result<(), Fault> {
        if items.len() == items.capacity() {
            self.reserve(items.len().max(4) * 2 * size_of::<Value>())?;
            self.steps(items.len() / 4)?;
        }
        items.push(item);
        Ok(())
    }

    /// Puts an entry into an object.
    pub(crate) fn insert(&mut self, map: &mut Map, key: Text, value: Value) -> Result<(), Fault> {
        self.steps(1 + key.len() / BYTES_PER_STEP)?;
        if map.insert(key, value) {
            self.reserve(Map::ENTRY_BYTES)?;
        }
        Ok(())
    }

    /// Appends to a text, in place when nobody shares it.
    pub(crate) fn append(&mut self, text: &mut Text, more: &str) -> Result<(), Fault> {
        let length = text.len() + more.len();
        if text.grows_in_place(more.len()) {
            self.look(more.len())?;
        } else {
            self.text(length.saturating_mul(2))?;
        }
        text.append(more);
        Ok(())
    }
}
