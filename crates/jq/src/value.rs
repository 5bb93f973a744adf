//! JSON values as programs see them.
//!
//! Text, arrays and objects are shared; a change copies what others share and works in place on
//! what nobody does. Each array and object knows a bound of how deeply it is nested, so that no
//! walk over a value needs more stack than there is.

mod decimal;
mod items;
mod map;
mod number;
mod order;
mod read;
mod text;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::fault::Fault;
use crate::meter::Meter;

pub use items::Items;
pub use map::Map;
pub use number::{Literal, Number};
pub(crate) use order::{compare, sort, sort_keys};
pub(crate) use read::{from_json, number_from};
pub use text::Text;
pub(crate) use write::{put_double, shown, to_json};

/// One JSON value. Cheap to clone.
#[derive(Clone, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Text),
    /// An array.
    Array(Arc<Items>),
    /// An object.
    Object(Arc<Map>),
}

impl Value {
    /// An array of these items.
    pub fn array(items: Vec<Value>) -> Self {
        Self::Array(Arc::new(Items::from(items)))
    }

    /// An object of these entries; of two with one key the later counts.
    pub fn object(entries: impl IntoIterator<Item = (Text, Value)>) -> Self {
        let mut map = Map::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        Self::from(map)
    }

    /// The name of the value's type, as the function `type` gives it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Whether a condition holds for the value: for all but `null` and `false`.
    pub const fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    /// A bound of how deeply arrays and objects are nested in each other; 0 for what is neither.
    /// A value that lost its deepest part may be less deep.
    pub fn depth(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => 0,
            Self::Array(items) => items.depth(),
            Self::Object(map) => map.depth(),
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The value's JSON text for a message, cut to about `bytes`; a cut one ends in `...`.
    pub fn excerpt(&self, bytes: usize) -> String {
        write::shown(self, bytes.max(3))
    }

    /// Whether it is the same in memory, or a scalar that is equal.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Array(one), Self::Array(other)) => Arc::ptr_eq(one, other),
            (Self::Object(one), Self::Object(other)) => Arc::ptr_eq(one, other),
            (Self::String(one), Self::String(other)) => one.is_identical(other),
            (Self::Number(one), Self::Number(other)) => one.is_identical(other),
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Null, Self::Null) => true,
            (Self::Null | Self::Bool(_) | Self::Number(_), _)
            | (Self::String(_) | Self::Array(_) | Self::Object(_), _) => false,
        }
    }

    /// How deeply the value is nested, counted. What is shared is looked at once.
    pub(crate) fn measured_depth(&self, meter: &mut Meter) -> Result<usize, Fault> {
        self.depth_within(meter, &mut BTreeMap::new())
    }

    fn depth_within(
        &self,
        meter: &mut Meter,
        known: &mut BTreeMap<usize, usize>,
    ) -> Result<usize, Fault> {
        let address = match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => return Ok(0),
            Self::Array(items) => Arc::as_ptr(items).addr(),
            Self::Object(map) => Arc::as_ptr(map).addr(),
        };
        meter.steps(4)?;
        meter.reserve(64)?;
        if let Some(depth) = known.get(&address) {
            return Ok(*depth);
        }
        let mut deepest = 0;
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {}
            Self::Array(items) => {
                meter.steps(items.len())?;
                for item in items.iter() {
                    deepest = deepest.max(item.depth_within(meter, known)?);
                }
            }
            Self::Object(map) => {
                meter.steps(map.len())?;
                for (_, item) in map.iter() {
                    deepest = deepest.max(item.depth_within(meter, known)?);
                }
            }
        }
        known.insert(address, deepest + 1);
        Ok(deepest + 1)
    }

    /// The value with its bound of depth corrected.
    pub(crate) fn with_depth(mut self, depth: usize) -> Self {
        match &mut self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {}
            Self::Array(items) => Arc::make_mut(items).set_depth(depth),
            Self::Object(map) => Arc::make_mut(map).set_depth(depth),
        }
        self
    }
}

impl fmt::Debug for Value {
    /// Shows the kind and never the content: a value may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.kind())
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        order::equal(self, other)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        let double = || Number::Float(value as f64);
        Self::Number(i64::try_from(value).map_or_else(|_| double(), Number::Int))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(Number::Float(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(Text::from(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(Text::from(value))
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::array(items)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Object(Arc::new(map))
    }
}
