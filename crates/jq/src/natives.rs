//! Functions that are not written in jq.
//!
//! **Invariant:** a function charges for what it is about to do before it does it.

pub(crate) mod arithmetic;
mod arrays;
mod base;
mod calendar;
mod convert;
mod dates;
pub(crate) mod format;
pub(crate) mod index;
mod math;
mod objects;
mod order;
pub(crate) mod paths;
mod pattern;
mod regex;
mod strftime;
mod strings;
mod strptime;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Value, shown};

pub(crate) use pattern::Shared;
pub(crate) use regex::Patterns;

/// What a function works with besides its input and arguments.
pub(crate) struct Context<'a> {
    pub(crate) meter: &'a mut Meter,
    pub(crate) patterns: &'a mut Patterns,
}

/// The most arguments that a function here takes.
pub(crate) type Arguments = [Value; 3];

/// A function.
#[derive(Clone, Copy)]
pub(crate) struct Native {
    pub(crate) name: &'static str,
    pub(crate) arity: usize,
    pub(crate) run: fn(&mut Context<'_>, Value, Arguments) -> Outcome,
}

static ALL: LazyLock<Vec<Native>> = LazyLock::new(|| {
    let modules =
        [arrays::ALL, convert::ALL, dates::ALL, objects::ALL, order::ALL, paths::ALL, regex::ALL];
    modules
        .into_iter()
        .chain([strings::ALL, math::ONE, math::TWO, math::OTHER])
        .flatten()
        .copied()
        .collect()
});

static PLACES: LazyLock<BTreeMap<(&'static str, usize), u16>> = LazyLock::new(|| {
    let places = ALL.iter().zip(0..);
    places.map(|(native, place)| ((native.name, native.arity), place)).collect()
});

/// The number of the function with that name and number of arguments.
pub(crate) fn index(name: &str, arity: usize) -> Option<u16> {
    PLACES.get(&(name, arity)).copied()
}

/// The function with that number.
pub(crate) fn at(place: u16) -> &'static Native {
    &ALL[usize::from(place)]
}

pub(crate) fn signatures() -> impl Iterator<Item = (&'static str, usize)> {
    ALL.iter().map(|native| (native.name, native.arity))
}

/// The error that a value is not one to do this with.
fn unfit<T>(value: &Value, what: &str) -> Outcome<T> {
    error(format!("{} ({}) {what}", value.kind(), shown(value, 14)))
}

/// The error that two values are none to do this with.
fn unfit_pair<T>(one: &Value, other: &Value, what: &str) -> Outcome<T> {
    let (one_shown, other_shown) = (shown(one, 14), shown(other, 14));
    error(format!("{} ({one_shown}) and {} ({other_shown}) {what}", one.kind(), other.kind()))
}

/// An object of these fields.
fn objects_of(fields: Vec<(&'static str, Value)>, meter: &mut Meter) -> Outcome {
    meter.entries(fields.len())?;
    meter.reserve(fields.len() * 48)?;
    Ok(Value::object(fields.into_iter().map(|(name, value)| (name.into(), value))))
}
