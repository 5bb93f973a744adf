//! Making strings, arrays and objects.

use std::sync::Arc;

use crate::code::Piece;
use crate::fault::{Outcome, error};
use crate::value::{Map, Text, Value, shown};

use super::Machine;

impl Machine<'_> {
    pub(super) fn new_array(&mut self, slot: u16) -> Outcome<()> {
        self.meter.items(0)?;
        *self.local_mut(slot) = Value::array(Vec::new());
        Ok(())
    }

    /// Pops the top into the array in a variable.
    pub(super) fn append(&mut self, slot: u16) -> Outcome<()> {
        let item = self.pop();
        let Value::Array(mut items) = self.take_local(slot) else { return Ok(()) };
        let own = self.meter.own_items(&mut items)?;
        self.meter.push(own, item)?;
        let nested = self.meter.nested(Value::Array(items))?;
        *self.local_mut(slot) = nested;
        Ok(())
    }

    pub(super) fn new_object(&mut self) -> Outcome<()> {
        let input = self.pop();
        self.meter.entries(0)?;
        self.push(Value::from(Map::default()))?;
        self.push(input)
    }

    /// Puts what is under the input into the object under that; a constant key is given.
    pub(super) fn insert(&mut self, key: Option<&Text>) -> Outcome<()> {
        let input = self.pop();
        let value = self.pop();
        let key = match key {
            Some(key) => key.clone(),
            None => match self.pop() {
                Value::String(key) => key,
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => {
                    let shown = shown(&other, 14);
                    return error(format!(
                        "Object keys must be strings, not {} ({shown})",
                        other.kind()
                    ));
                }
            },
        };
        let Value::Object(mut map) = self.pop() else { return Ok(()) };
        let own = self.meter.own_map(&mut map)?;
        self.meter.insert(own, key, value)?;
        let nested = self.meter.nested(Value::Object(map))?;
        self.push(nested)?;
        self.push(input)
    }

    pub(super) fn interpolate(&mut self, template: u32) -> Outcome<()> {
        let code = self.code;
        drop(self.pop());
        let mut parts = Vec::new();
        let mut length = 0;
        for piece in &code.templates[template as usize] {
            let part = match piece {
                Piece::Text(text) => text.clone(),
                Piece::Hole => match self.pop() {
                    Value::String(text) => text,
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => Text::default(),
                },
            };
            length += part.len();
            parts.push(part);
        }
        self.meter.text(length)?;
        let mut text = String::with_capacity(length);
        parts.iter().for_each(|part| text.push_str(part));
        self.push(Value::from(text))
    }

    pub(super) fn path_of(keys: Value) -> Arc<crate::value::Items> {
        match keys {
            Value::Array(keys) => keys,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => Arc::default(),
        }
    }
}
