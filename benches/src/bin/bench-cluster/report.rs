//! What was found: printed as it is found, and kept for a file.

use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value, json};

/// The figures so far, by scenario.
pub(crate) struct Report {
    figures: Map<String, Value>,
}

impl Report {
    /// None yet.
    pub(crate) fn begin() -> Self {
        Self { figures: Map::new() }
    }

    /// Adds a figure, with its unit at the end of its name.
    pub(crate) fn add(&mut self, scenario: &str, name: &str, value: f64) {
        println!("{scenario:<12} {name:<52} {}", shown(value));
        let scenario = self.figures.entry(scenario).or_insert_with(|| json!({}));
        scenario[name] = json!(value);
    }

    /// Writes all of them as JSON.
    pub(crate) fn write(self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&Value::Object(self.figures))?;
        std::fs::write(file, text + "\n").with_context(|| file.display().to_string())
    }
}

/// Three digits that matter.
fn shown(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:>12.digits$}")
}
