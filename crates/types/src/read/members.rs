//! Keywords of arrays and objects.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::TypeError;
use crate::mark::Marks;
use crate::pointer;
use crate::shape::{ArraySet, Branch, Field, ObjectSet, Set, Type};

use super::kinds::count;
use super::{Entries, Reader, malformed, only};

impl Reader<'_> {
    pub(super) fn arrays(
        &mut self,
        entries: &Entries,
        at: &str,
    ) -> Result<Option<Branch>, TypeError> {
        let min = count(entries, "minItems", at)?.unwrap_or(0);
        let max = count(entries, "maxItems", at)?;
        let mut prefix = Vec::new();
        if let Some(value) = entries.get("prefixItems") {
            let at = pointer::into(at, "prefixItems");
            let Some(items) = value.as_array().filter(|items| !items.is_empty()) else {
                return Err(malformed("prefixItems", "a list of one or more schemas", &at));
            };
            for (index, item) in items.iter().enumerate() {
                prefix.push(self.inner(item, &pointer::into(&at, &index.to_string()))?);
            }
        }
        let rest = self.part(entries, "items", at)?;
        let mut marks = Marks::default();
        if entries.get("uniqueItems").is_some_and(|value| *value != Value::Bool(false)) {
            marks.add(self.mark("uniqueItems", &entries["uniqueItems"]));
        }
        if entries.contains_key("contains") {
            let group = ["contains", "minContains", "maxContains"];
            marks.add(self.mark("contains", &only(entries, &group)));
        }
        if entries.contains_key("unevaluatedItems") {
            marks.add(self.mark("unevaluatedItems", &Value::Object(entries.clone())));
        }
        let set = ArraySet::new(prefix, rest, min, max).map(Set::Array);
        Ok(set.map(|set| Branch { set, marks }))
    }

    pub(super) fn objects(
        &mut self,
        entries: &Entries,
        at: &str,
    ) -> Result<Option<Branch>, TypeError> {
        let min = count(entries, "minProperties", at)?.unwrap_or(0);
        let max = count(entries, "maxProperties", at)?;
        let mut rest = self.part(entries, "additionalProperties", at)?;
        let mut marks = Marks::default();
        if entries.contains_key("patternProperties") {
            let group = ["patternProperties", "properties", "additionalProperties"];
            marks.add(self.mark("patternProperties", &only(entries, &group)));
            // Fields that match a pattern are not among the additional ones.
            rest = Type::any();
        }
        for keyword in ["dependentRequired", "dependentSchemas", "propertyNames"] {
            marks.add_all(entries.get(keyword).map(|value| self.mark(keyword, value)));
        }
        if entries.contains_key("unevaluatedProperties") {
            marks.add(self.mark("unevaluatedProperties", &Value::Object(entries.clone())));
        }
        let fields = self.fields(entries, &rest, at)?;
        let set = ObjectSet::new(fields, rest, min, max).map(Set::Object);
        Ok(set.map(|set| Branch { set, marks }))
    }

    fn fields(
        &mut self,
        entries: &Entries,
        rest: &Type,
        at: &str,
    ) -> Result<BTreeMap<String, Field>, TypeError> {
        let mut fields = BTreeMap::new();
        if let Some(value) = entries.get("properties") {
            let at = pointer::into(at, "properties");
            let Some(properties) = value.as_object() else {
                return Err(malformed("properties", "an object of schemas", &at));
            };
            for (name, schema) in properties {
                let value = self.inner(schema, &pointer::into(&at, name))?;
                fields.insert(name.clone(), Field { value, required: false });
            }
        }
        for name in required(entries, at)? {
            let other = || Field { value: rest.clone(), required: true };
            fields.entry(name.to_owned()).or_insert_with(other).required = true;
        }
        Ok(fields)
    }

    /// The type that a keyword gives to the other parts of a value.
    fn part(&mut self, entries: &Entries, keyword: &str, at: &str) -> Result<Type, TypeError> {
        match entries.get(keyword) {
            Some(schema) => self.inner(schema, &pointer::into(at, keyword)),
            None => Ok(Type::any()),
        }
    }
}

fn required<'a>(entries: &'a Entries, at: &str) -> Result<Vec<&'a str>, TypeError> {
    let Some(value) = entries.get("required") else { return Ok(Vec::new()) };
    let names = value.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
    names.ok_or_else(|| malformed("required", "a list of names", &pointer::into(at, "required")))
}
