//! Keywords that give a type by themselves: listed values, combinations and references.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::TypeError;
use crate::mark::Mark;
use crate::meet::meet;
use crate::number::Num;
use crate::pointer;
use crate::shape::{ArraySet, Field, ObjectSet, Set, Type};

use super::{Reader, malformed, too_large};

pub(super) const KEYWORDS: [&str; 6] = ["$ref", "allOf", "anyOf", "const", "enum", "oneOf"];

impl Reader<'_> {
    /// The type that one such keyword gives; `None` for another keyword.
    pub(super) fn combination(
        &mut self,
        keyword: &str,
        value: &Value,
        at: &str,
    ) -> Result<Option<Type>, TypeError> {
        Ok(Some(match keyword {
            "$ref" => self.reference(value, at)?,
            "allOf" => self.all_of(value, at)?,
            "anyOf" => {
                let branches = self.branches(keyword, value, at)?;
                self.union(&branches, at)?
            }
            "const" => self.constant(value, at)?,
            "enum" => self.listed(value, at)?,
            "oneOf" => self.one_of(value, at)?,
            _ => return Ok(None),
        }))
    }

    fn branches(&mut self, keyword: &str, value: &Value, at: &str) -> Result<Vec<Type>, TypeError> {
        let Some(items) = value.as_array().filter(|items| !items.is_empty()) else {
            return Err(malformed(keyword, "a list of one or more schemas", at));
        };
        let items = items.iter().enumerate();
        items.map(|(n, item)| self.schema(item, &pointer::into(at, &n.to_string()))).collect()
    }

    fn union(&mut self, types: &[Type], at: &str) -> Result<Type, TypeError> {
        if types.iter().any(Type::is_any) {
            return Ok(Type::any());
        }
        let branches: Vec<_> =
            types.iter().flat_map(|part| part.branches().iter().cloned()).collect();
        self.steps.take_many(branches.len()).map_err(|excess| too_large(excess, at))?;
        Type::of(branches).map_err(|excess| too_large(excess, at))
    }

    fn all_of(&mut self, value: &Value, at: &str) -> Result<Type, TypeError> {
        let mut whole = Type::any();
        for part in self.branches("allOf", value, at)? {
            whole = self.both(&whole, &part, at)?;
        }
        Ok(whole)
    }

    /// The union of branches; marked, unless no value can be of two of them.
    fn one_of(&mut self, value: &Value, at: &str) -> Result<Type, TypeError> {
        let branches = self.branches("oneOf", value, at)?;
        let union = self.union(&branches, at)?;
        let apart = self.are_apart(&branches);
        Ok(if apart { union } else { union.marked(&self.mark("oneOf", value)) })
    }

    /// Whether no value is of two of the types; `false` if that cannot be told.
    fn are_apart(&mut self, types: &[Type]) -> bool {
        let mut pairs =
            types.iter().enumerate().flat_map(|(n, a)| types[n + 1..].iter().map(move |b| (a, b)));
        pairs.all(|(a, b)| meet(a, b, &mut self.steps).is_ok_and(|common| common.is_never()))
    }

    fn listed(&mut self, value: &Value, at: &str) -> Result<Type, TypeError> {
        let Some(items) = value.as_array() else {
            return Err(malformed("enum", "a list of values", at));
        };
        let items = items.iter().enumerate();
        let types = items.map(|(n, item)| self.constant(item, &pointer::into(at, &n.to_string())));
        let types = types.collect::<Result<Vec<_>, _>>()?;
        self.union(&types, at)
    }

    /// The type of one value.
    fn constant(&mut self, value: &Value, at: &str) -> Result<Type, TypeError> {
        self.steps.take().map_err(|excess| too_large(excess, at))?;
        let set = match value {
            Value::Null => Some(Set::Null),
            Value::Bool(value) => Some(Set::Booleans([*value].into())),
            Value::Number(number) => match Num::of(number) {
                Some(number) => Some(Set::Numbers([number].into())),
                None => return Ok(Type::any().marked(&Mark::unknown("const"))),
            },
            Value::String(text) => Some(Set::Texts([text.clone()].into())),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.constant(item, at));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                let count = items.len() as u64;
                ArraySet::new(items, Type::never(), count, Some(count)).map(Set::Array)
            }
            Value::Object(entries) => {
                let mut fields = BTreeMap::new();
                for (name, value) in entries {
                    let value = self.constant(value, at)?;
                    fields.insert(name.clone(), Field { value, required: true });
                }
                let count = fields.len() as u64;
                ObjectSet::new(fields, Type::never(), count, Some(count)).map(Set::Object)
            }
        };
        let branches = set.into_iter().map(Into::into).collect();
        Type::of(branches).map_err(|excess| too_large(excess, at))
    }
}
