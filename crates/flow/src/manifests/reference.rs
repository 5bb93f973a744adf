//! The reference page of the node types, made from their manifests. A test keeps it up to date:
//! with `FLOWMILL_BLESS=1` it writes docs/reference/nodes.md, else it compares.

use std::fmt::Write;

use flowmill_types::Port;

use super::{BuiltIn, built_in};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/nodes.md");

const BEGINNING: &str = "\
# Node types

Every built-in node type, as `flowmill nodes show TYPE` and `GET /v1/node-types/{type}` give it. This page is generated.
[The definition format](flow.md#node-types) says more of what they do.

Parameters that stand inside others have their names joined by dots; `[]` stands for each item of a list. An expression is
[jq](expressions.md), a template is any value whose texts may hold [`${ ... }`](flow.md#templates). What a port gives is written in short:
`{id: string, lines?: [number]}` is an object with `id` and perhaps `lines`, and `{| |}` is one that has no other fields.

| Type | Kind | Output ports | Does |
|---|---|---|---|
";

fn page() -> String {
    let mut text = BEGINNING.to_owned();
    for built_in in built_in() {
        let manifest = &built_in.manifest;
        let (name, kind) = (manifest.node().as_str(), manifest.kind().as_str());
        let link = format!("[`{name}`](#{})", name.replace('.', ""));
        let row = [link, kind.to_owned(), outputs(built_in), manifest.description().to_owned()];
        line(&mut text, format_args!("| {} |", row.join(" | ")));
    }
    built_in().iter().for_each(|built_in| section(&mut text, built_in));
    text
}

/// The names of the output ports.
fn outputs(built_in: &BuiltIn) -> String {
    let named = built_in.manifest.outputs().iter().map(|port| format!("`{}`", port.name()));
    let further = Some(built_in.further_outputs).filter(|further| !further.is_empty());
    further.map(str::to_owned).into_iter().chain(named).collect::<Vec<_>>().join("; ")
}

fn section(text: &mut String, built_in: &BuiltIn) {
    let manifest = &built_in.manifest;
    line(text, format_args!("\n## {}\n\n{}", manifest.node(), manifest.description()));
    line(text, format_args!("\n```yaml\n{}```", built_in.example));
    if built_in.parameters.is_empty() {
        line(text, format_args!("\nIt has no parameters."));
    } else {
        line(text, format_args!("\n| Parameter | | Form | Meaning |\n|---|---|---|---|"));
    }
    for parameter in &built_in.parameters {
        let required = if parameter.required { "required" } else { "" };
        let row = [&format!("`{}`", parameter.path), required, &parameter.form, parameter.meaning];
        line(text, format_args!("| {} |", row.join(" | ")));
    }
    let settings: Vec<_> = built_in.settings.iter().map(|name| format!("`{name}`")).collect();
    if !settings.is_empty() {
        line(text, format_args!("\nA node of this type may have {}.", settings.join(", ")));
    }
    line(text, format_args!("\n| Port | | Values | Meaning |\n|---|---|---|---|"));
    manifest.inputs().iter().for_each(|port| line_of(text, port, "in"));
    if !built_in.further_outputs.is_empty() {
        let further = built_in.further_outputs;
        line(text, format_args!("| {further} | out | `any` | The value that came in. |"));
    }
    manifest.outputs().iter().for_each(|port| line_of(text, port, "out"));
}

fn line_of(text: &mut String, port: &Port, way: &str) {
    let (name, values, meaning) = (port.name(), port.value().describe(), port.description());
    let values = values.replace('|', "\\|");
    line(text, format_args!("| `{name}` | {way} | `{values}` | {meaning} |"));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

#[test]
fn the_reference_of_the_node_types_is_made_from_their_manifests() {
    let page = page();
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        std::fs::write(FILE, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(written == page, "{FILE} is not up to date: run this test with FLOWMILL_BLESS=1");
}
