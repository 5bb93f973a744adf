//! What becomes of data on its way: `input`, `output`, `export`, and their schemas.

use flowmill_flow::reading::{Item, ItemValue};
use flowmill_flow::{DiagnosticCode, Schema};

use crate::construct::Construct;
use crate::model::Data;

use super::Reader;
use super::around::{Around, Moment};

/// Formats of schemas that are JSON Schema 2020-12.
const FORMATS: [&str; 2] = ["json", "json:2020-12"];

impl<'d> Reader<'d> {
    /// An `input`.
    pub(super) fn input(
        &mut self,
        item: Option<&'d Item>,
        around: &Around<'d>,
        moment: Moment,
    ) -> Data {
        self.data(item, &["schema", "from"], around, moment)
    }

    /// An `output` or an `export`.
    pub(super) fn output(
        &mut self,
        item: Option<&'d Item>,
        around: &Around<'d>,
        moment: Moment,
    ) -> Data {
        self.data(item, &["schema", "as"], around, moment)
    }

    fn data(
        &mut self,
        item: Option<&'d Item>,
        fields: &'static [&'static str; 2],
        around: &Around<'d>,
        moment: Moment,
    ) -> Data {
        let Some(object) = item.and_then(|item| self.object(item, fields)) else {
            return Data::default();
        };
        let schema = object.get("schema").and_then(|item| self.schema(item));
        let [_, field] = fields;
        let names = around.names(moment);
        let transform = object.get(field).and_then(|item| self.transform(item, &names));
        Data { schema, transform }
    }

    fn schema(&mut self, item: &'d Item) -> Option<Schema> {
        let object = self.object(item, &["format", "document", "resource"])?;
        if let Some(resource) = object.get("resource") {
            self.report.refuse(resource, Construct::ExternalSchema);
            return None;
        }
        let format = object.get("format");
        if let Some((at, format)) = format.and_then(|item| Some((item, self.text(item)?)))
            && !FORMATS.contains(&format)
        {
            self.report.refuse(at, Construct::SchemaFormat);
            return None;
        }
        let document = self.require(object, "document", "the JSON Schema")?;
        if !matches!(document.value, ItemValue::Map(_) | ItemValue::Bool(_)) {
            return self.wrong_type(document, "a JSON Schema, which is an object,");
        }
        match Schema::compile(&document.to_json()) {
            Ok(schema) => Some(schema),
            Err(error) => {
                const CHARS: usize = 200;
                let at = document.follow(&error.pointer).unwrap_or(document);
                let what: String = error.message.chars().take(CHARS).collect();
                let message = format!("the schema cannot be used: {what}");
                let help = "write JSON Schema 2020-12, complete in itself";
                self.fault(at, DiagnosticCode::InvalidSchema, message, help);
                None
            }
        }
    }
}
