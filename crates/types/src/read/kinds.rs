//! Keywords that bear on one kind of value, and `type`, which says which kinds there are.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::TypeError;
use crate::mark::{Mark, Marks};
use crate::number::{GREATEST_STEP, Num};
use crate::pointer;
use crate::range::{Bound, Range};
use crate::shape::{Branch, Lengths, Set, Type};

use super::{Entries, Formats, Reader, malformed, too_large};

pub(super) const KEYWORDS: [&str; 29] = [
    "additionalProperties",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "dependentRequired",
    "dependentSchemas",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "required",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Names of kinds as `type` has them.
const NAMES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

impl Reader<'_> {
    /// The values that `type` and the keywords of each kind allow.
    pub(super) fn kinds(&mut self, entries: &Entries, at: &str) -> Result<Type, TypeError> {
        let names = kind_names(entries, at)?;
        let has = |name: &str| names.as_ref().is_none_or(|names| names.contains(name));
        let mut branches: Vec<Branch> = Vec::new();
        if has("null") {
            branches.push(Set::Null.into());
        }
        if has("boolean") {
            branches.push(Set::Booleans([false, true].into()).into());
        }
        if has("number") || has("integer") {
            branches.extend(self.numbers(entries, !has("number"), at)?);
        }
        if has("string") {
            branches.extend(self.texts(entries, at)?);
        }
        if has("array") {
            branches.extend(self.arrays(entries, at)?);
        }
        if has("object") {
            branches.extend(self.objects(entries, at)?);
        }
        Type::of(branches).map_err(|excess| too_large(excess, at))
    }

    fn numbers(
        &self,
        entries: &Entries,
        whole: bool,
        at: &str,
    ) -> Result<Option<Branch>, TypeError> {
        let bound = |keyword: &str, inclusive| match entries.get(keyword) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_number().and_then(Num::of);
                let wrong = || malformed(keyword, "a number", &pointer::into(at, keyword));
                Ok(Some(Bound { at: number.ok_or_else(wrong)?, inclusive }))
            }
        };
        let mut marks = Marks::default();
        let step = entries.get("multipleOf").map(|value| step_of(value, at)).transpose()?;
        let step = step.and_then(|step| {
            if step.is_none() {
                marks.add(self.mark("multipleOf", &entries["multipleOf"]));
            }
            step
        });
        let all = [
            Range { low: bound("minimum", true)?, ..Range::default() },
            Range { low: bound("exclusiveMinimum", false)?, ..Range::default() },
            Range { high: bound("maximum", true)?, ..Range::default() },
            Range { high: bound("exclusiveMaximum", false)?, ..Range::default() },
        ];
        let mut range = Range { step: step.or(whole.then_some(1)), ..Range::default() };
        for other in all {
            range = range.narrowed(&other);
        }
        Ok(Set::range(range).map(|set| Branch { set, marks }))
    }

    fn texts(&self, entries: &Entries, at: &str) -> Result<Option<Branch>, TypeError> {
        let min = count(entries, "minLength", at)?.unwrap_or(0);
        let max = count(entries, "maxLength", at)?;
        let mut marks = Marks::default();
        for keyword in ["pattern", "contentEncoding", "contentMediaType", "contentSchema"] {
            marks.add_all(entries.get(keyword).map(|value| self.mark(keyword, value)));
        }
        if self.formats == Formats::Checked {
            marks.add_all(entries.get("format").map(|value| self.mark("format", value)));
        }
        Ok(Set::lengths(Lengths { min, max }).map(|set| Branch { set, marks }))
    }
}

/// The kinds that `type` names; `None` if there is no `type`.
fn kind_names(entries: &Entries, at: &str) -> Result<Option<BTreeSet<String>>, TypeError> {
    let Some(value) = entries.get("type") else { return Ok(None) };
    let wrong = || {
        let expected = "one of null, boolean, integer, number, string, array and object, or a list";
        malformed("type", expected, &pointer::into(at, "type"))
    };
    let names = match value {
        Value::String(name) => vec![name.as_str()],
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong)?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            return Err(wrong());
        }
    };
    if names.iter().any(|name| !NAMES.contains(name)) {
        return Err(wrong());
    }
    Ok(Some(names.into_iter().map(str::to_owned).collect()))
}

/// The step of a `multipleOf`; `None` if it is one that is not understood.
fn step_of(value: &Value, at: &str) -> Result<Option<u64>, TypeError> {
    let number = value.as_number().and_then(Num::of);
    let positive = number.filter(|number| *number > Num::Whole(0));
    let wrong = || malformed("multipleOf", "a number above 0", &pointer::into(at, "multipleOf"));
    Ok(match positive.ok_or_else(wrong)? {
        Num::Whole(step) => u64::try_from(step).ok().filter(|step| *step <= GREATEST_STEP),
        Num::Real(_) => None,
    })
}

/// The value of a keyword that counts.
pub(super) fn count(entries: &Entries, keyword: &str, at: &str) -> Result<Option<u64>, TypeError> {
    let Some(value) = entries.get(keyword) else { return Ok(None) };
    match value.as_number().and_then(Num::of) {
        Some(Num::Whole(whole)) if whole >= 0 => Ok(Some(u64::try_from(whole).unwrap_or(u64::MAX))),
        Some(Num::Whole(_) | Num::Real(_)) | None => {
            Err(malformed(keyword, "a whole number from 0 on", &pointer::into(at, keyword)))
        }
    }
}

impl Marks {
    pub(super) fn add_all(&mut self, marks: impl IntoIterator<Item = Mark>) {
        marks.into_iter().for_each(|mark| self.add(mark));
    }
}
