//! JSON Schemas inside a definition.

use crate::diagnostic::{DiagnosticCode, Finding, Report};
use crate::graph::PortSchemas;
use crate::schema::Schema;
use crate::source::{Item, ItemValue};

use super::shape::report_at;

/// The schema under `schema` of the object that `item` has under `field`; `pointer` is the item's.
pub(super) fn schema(
    item: &Item,
    field: &str,
    pointer: &str,
    report: &mut Report,
) -> Option<Schema> {
    let item = item.get(field)?.get("schema").filter(|item| item.value != ItemValue::Null)?;
    if !matches!(item.value, ItemValue::Map(_) | ItemValue::Bool(_)) {
        return None;
    }
    match Schema::compile(&item.to_json()) {
        Ok(schema) => Some(schema),
        Err(error) => {
            let at = item.follow(&error.pointer).unwrap_or(item);
            let pointer = format!("{pointer}/{field}/schema{}", error.pointer);
            let message = format!("the schema cannot be used: {}", excerpt_of(&error.message));
            let help = "write JSON Schema 2020-12, complete in itself";
            let finding = Finding::new(DiagnosticCode::InvalidSchema, message, help);
            report_at(at, &pointer, finding, report);
            None
        }
    }
}

/// The schemas of a node's ports.
pub(super) fn of_ports(node: &Item, pointer: &str, report: &mut Report) -> PortSchemas {
    PortSchemas {
        input: schema(node, "input", pointer, report),
        output: schema(node, "output", pointer, report),
    }
}

fn excerpt_of(message: &str) -> String {
    const CHARS: usize = 200;
    message.chars().take(CHARS).collect()
}
