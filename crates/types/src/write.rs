//! A type as a JSON Schema.

use serde_json::{Map, Value, json};

use crate::number::Num;
use crate::range::Range;
use crate::shape::{ArraySet, Branch, Lengths, ObjectSet, Set, Type};

impl Type {
    /// The type as a JSON Schema 2020-12.
    ///
    /// Of an opaque place it says what is known, and names in a `$comment` the keywords that are
    /// not understood: such a schema accepts more than the one that the type was read from.
    pub fn to_schema(&self) -> Value {
        if self.is_any() {
            return Value::Bool(true);
        }
        // Each part is written once: a part that is written twice doubles at every level.
        let mut schemas: Vec<Value> = self.branches().iter().map(of_branch).collect();
        match (schemas.pop(), schemas.is_empty()) {
            (None, _) => Value::Bool(false),
            (Some(only), true) => only,
            (Some(last), false) => {
                schemas.push(last);
                plain_types(&schemas).unwrap_or_else(|| json!({"anyOf": schemas}))
            }
        }
    }
}

/// Schemas that are whole types, as one list of these.
fn plain_types(schemas: &[Value]) -> Option<Value> {
    let names = schemas.iter().map(|schema| {
        let only = schema.as_object().is_some_and(|entries| entries.len() == 1);
        schema.get("type").filter(|_| only)
    });
    Some(json!({"type": names.collect::<Option<Vec<_>>>()?}))
}

fn of_branch(branch: &Branch) -> Value {
    let mut schema = match &branch.set {
        Set::Null => entries("null"),
        Set::Booleans(values) if values.len() > 1 => entries("boolean"),
        Set::Booleans(values) => listed(values.iter().copied().map(Value::Bool)),
        Set::Range(range) => of_range(range),
        Set::Numbers(numbers) => listed(numbers.iter().map(|number| number.to_value())),
        Set::Lengths(lengths) => of_lengths(lengths),
        Set::Texts(texts) => listed(texts.iter().cloned().map(Value::String)),
        Set::Array(array) => of_array(array),
        Set::Object(object) => of_object(object),
    };
    if !branch.marks.is_empty() {
        let keywords: Vec<&str> = branch.marks.iter().map(|mark| &*mark.keyword).collect();
        let comment = format!("not understood: {}", keywords.join(", "));
        schema.insert("$comment".to_owned(), comment.into());
    }
    Value::Object(schema)
}

fn entries(kind: &str) -> Map<String, Value> {
    [("type".to_owned(), Value::from(kind))].into_iter().collect()
}

fn listed(values: impl ExactSizeIterator<Item = Value>) -> Map<String, Value> {
    let single = values.len() == 1;
    let mut values: Vec<Value> = values.collect();
    let (keyword, value) = match values.pop() {
        Some(only) if single => ("const", only),
        last => {
            values.extend(last);
            ("enum", Value::Array(values))
        }
    };
    [(keyword.to_owned(), value)].into_iter().collect()
}

fn of_range(range: &Range) -> Map<String, Value> {
    let mut schema = entries(if range.step.is_some() { "integer" } else { "number" });
    if let Some(step) = range.step.filter(|step| *step > 1) {
        schema.insert("multipleOf".to_owned(), step.into());
    }
    if let Some(low) = range.low {
        let keyword = if low.inclusive { "minimum" } else { "exclusiveMinimum" };
        schema.insert(keyword.to_owned(), Num::to_value(low.at));
    }
    if let Some(high) = range.high {
        let keyword = if high.inclusive { "maximum" } else { "exclusiveMaximum" };
        schema.insert(keyword.to_owned(), Num::to_value(high.at));
    }
    schema
}

fn of_lengths(lengths: &Lengths) -> Map<String, Value> {
    let mut schema = entries("string");
    bounds(&mut schema, ("minLength", lengths.min), ("maxLength", lengths.max));
    schema
}

fn of_array(array: &ArraySet) -> Map<String, Value> {
    let mut schema = entries("array");
    if !array.prefix().is_empty() {
        let prefix = array.prefix().iter().map(Type::to_schema).collect();
        schema.insert("prefixItems".to_owned(), Value::Array(prefix));
    }
    if !array.rest().is_any() {
        schema.insert("items".to_owned(), array.rest().to_schema());
    }
    let told = array.rest().is_never() && array.max == Some(array.prefix().len() as u64);
    bounds(&mut schema, ("minItems", array.min), ("maxItems", array.max.filter(|_| !told)));
    schema
}

fn of_object(object: &ObjectSet) -> Map<String, Value> {
    let mut schema = entries("object");
    let fields = object.fields();
    if !fields.is_empty() {
        let properties = fields.iter().map(|(name, field)| (name.clone(), field.value.to_schema()));
        schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    }
    let required: Vec<&String> =
        fields.iter().filter(|(_, field)| field.required).map(|(name, _)| name).collect();
    let min = if object.min > required.len() as u64 { object.min } else { 0 };
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if !object.rest().is_any() {
        schema.insert("additionalProperties".to_owned(), object.rest().to_schema());
    }
    let possible = fields.values().filter(|field| !field.value.is_never()).count() as u64;
    let told = object.rest().is_never() && object.max == Some(possible);
    bounds(&mut schema, ("minProperties", min), ("maxProperties", object.max.filter(|_| !told)));
    schema
}

fn bounds(schema: &mut Map<String, Value>, min: (&str, u64), max: (&str, Option<u64>)) {
    if min.1 > 0 {
        schema.insert(min.0.to_owned(), min.1.into());
    }
    if let Some(most) = max.1 {
        schema.insert(max.0.to_owned(), most.into());
    }
}
