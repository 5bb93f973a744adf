//! JSON text to a tree.

use crate::diagnostic::{Diagnostic, DiagnosticCode, Finding, Place};
use crate::json::{Event, JsonError};

use super::builder::Builder;
use super::{Item, ItemValue, json_reader};

pub(super) fn read(text: &str) -> Result<Item, Vec<Diagnostic>> {
    let mut builder = Builder::default();
    let mut reader = json_reader(text);
    let mut places = Places::new(text);
    while let Some(step) = reader.next() {
        let (offset, event) = step.map_err(|error| vec![syntax(&error, builder.pointer())])?;
        let place = places.of(offset);
        match event {
            Event::Null => builder.value(ItemValue::Null, place),
            Event::Bool(value) => builder.value(ItemValue::Bool(value), place),
            Event::Number(number) => builder.value(ItemValue::Number(number.to_owned()), place),
            Event::Text(text) => builder.value(ItemValue::Text(text.into_owned()), place),
            Event::Key(key) => builder.key(key.into_owned(), place),
            Event::ListStart => builder.open_list(place).map_err(|error| vec![error])?,
            Event::MapStart => builder.open_map(place).map_err(|error| vec![error])?,
            Event::ListEnd | Event::MapEnd => builder.close(),
        }
    }
    builder.finish()
}

fn syntax(error: &JsonError, pointer: String) -> Diagnostic {
    let place = Place { line: error.line, column: error.column };
    let message = format!("the text is no JSON: {}", error.what);
    Finding::new(DiagnosticCode::Syntax, message, "correct the text there").at(place, pointer)
}

/// Turns rising offsets into places, looking at each byte of the text once.
struct Places<'a> {
    text: &'a str,
    offset: usize,
    place: Place,
}

impl<'a> Places<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, offset: 0, place: Place::START }
    }

    fn of(&mut self, offset: usize) -> Place {
        for character in self.text[self.offset..offset].chars() {
            if character == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.offset = offset;
        self.place
    }
}
