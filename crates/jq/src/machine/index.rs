//! Looking into values, with the path that leads there.

use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::natives::{index, paths};
use crate::value::{Map, Number, Text, Value, shown};

use super::Machine;
use super::backtrack::ForkKind;

impl Machine<'_> {
    /// Replaces the top by what is under a constant key.
    pub(super) fn field(&mut self, key: &Value) -> Outcome<()> {
        let value = self.pop();
        if self.path.is_none()
            && let (Value::Object(map), Value::String(key)) = (&value, key)
        {
            if key.len() > 64 {
                self.meter.look(key.len())?;
            }
            let found = map.get(key).cloned().unwrap_or_default();
            return self.push(found);
        }
        self.index(value, key.clone())
    }

    pub(super) fn index(&mut self, value: Value, key: Value) -> Outcome<()> {
        self.check_path(&value, || format!("access element {} of", shown(&key, 29)))?;
        let found = index::get(&value, &key, &mut self.meter)?;
        self.found(key, found)
    }

    fn found(&mut self, key: Value, found: Value) -> Outcome<()> {
        if self.notes_path() {
            self.extend_path(key, found.clone())?;
        }
        self.push(found)
    }

    pub(super) fn slice(&mut self, from: bool, to: bool) -> Outcome<()> {
        let value = self.pop();
        let end = if to { self.pop() } else { Value::Null };
        let start = if from { self.pop() } else { Value::Null };
        self.meter.entries(2)?;
        let mut key = Map::default();
        key.insert(Text::from("start"), start);
        key.insert(Text::from("end"), end);
        self.index(value, Value::from(key))
    }

    pub(super) fn each(&mut self) -> Outcome<bool> {
        let value = self.pop();
        self.check_path(&value, || "iterate through".to_owned())?;
        let length = match &value {
            Value::Array(items) => items.len(),
            Value::Object(map) => map.len(),
            Value::Null => return error("Cannot iterate over null"),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let shown = shown(&value, 14);
                return error(format!("Cannot iterate over {} ({shown})", value.kind()));
            }
        };
        if length == 0 {
            return Ok(false);
        }
        if length > 1 {
            self.fork(ForkKind::Each { items: value.clone(), next: 1 }, self.at)?;
            self.item(&value, 0)?;
            return Ok(true);
        }
        let (key, item) = match &value {
            Value::Array(items) => (Value::from(0_i64), items[0].clone()),
            Value::Object(map) => {
                let (key, item) = map.at(0).cloned().unwrap_or_default();
                (Value::String(key), item)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                (Value::Null, Value::Null)
            }
        };
        self.found(key, item)?;
        Ok(true)
    }

    pub(super) fn get_path(&mut self) -> Outcome<()> {
        let value = self.pop();
        let path = self.pop();
        let Value::Array(keys) = path else { return error("Path must be specified as an array") };
        if !self.notes_path() {
            let found = paths::get(&value, &keys, &mut self.meter)?;
            return self.push(found);
        }
        self.check_path(&value, || {
            format!("access element {} of", shown(&Value::Array(Arc::clone(&keys)), 29))
        })?;
        let mut found = value;
        for key in keys.iter() {
            found = index::get(&found, key, &mut self.meter)?;
            self.extend_path(key.clone(), found.clone())?;
        }
        self.push(found)
    }

    /// Pushes the numbers of a range one by one; says whether there is one.
    pub(super) fn range(&mut self, by: bool) -> Outcome<bool> {
        drop(self.pop());
        let by = if by { self.pop() } else { Value::from(1_i64) };
        let upto = self.pop();
        let from = self.pop();
        let (Value::Number(next), Value::Number(upto), Value::Number(by)) = (from, upto, by) else {
            return error("Range bounds must be numeric");
        };
        let plain = |number: Number| match number {
            Number::Literal(_) => Number::from_double(number.as_f64()),
            Number::Int(_) | Number::Float(_) => number,
        };
        let range = ForkKind::Range { next: plain(next), upto: plain(upto), by: plain(by) };
        self.fork(range, self.at)?;
        self.number()
    }
}
