//! What a value of a definition may look like, and the check of it.

use flowmill_model::{Name, Queue, TopicName, Version, limits};

use crate::diagnostic::{DiagnosticCode, Finding, Place, Report, excerpt, suggest};
use crate::duration;
use crate::nearest::nearest;
use crate::source::{Entry, Item, ItemValue, escape};

use super::tables::{self, BLOCK, NODE};

/// The version of the format that this build reads.
pub(crate) const FORMAT_VERSION: &str = "1";

/// One field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
    /// What it means, in one or two sentences.
    pub(crate) doc: &'static str,
}

/// What a value may look like.
#[derive(Debug)]
pub(crate) enum Shape {
    /// The format's version.
    FormatVersion,
    /// Any string.
    Text,
    /// A namespace or a flow's name.
    Name,
    /// A semantic version.
    Version,
    /// A node's id or a port's name.
    Identifier,
    /// A queue, a task type or a signal's name.
    Queue,
    /// The name of a Kafka topic.
    Topic,
    /// A jq expression.
    Expression,
    /// Any value, with `${ expr }` in its strings.
    Template,
    /// A string with `${ expr }` in it.
    TextTemplate,
    /// A string, number or boolean; strings with `${ expr }` and secrets in them.
    SecretText,
    /// An ISO 8601 duration or an object of units; `true` if it must not be zero.
    Duration { positive: bool },
    /// A whole number within bounds.
    Whole { least: u64, most: u64 },
    /// A number within bounds.
    Number { least: f64, most: f64 },
    /// A whole number within bounds, or an expression that gives one.
    WholeOrTemplate { least: u64, most: u64 },
    /// One of some strings.
    Choice(&'static [&'static str]),
    /// A JSON Schema.
    JsonSchema,
    /// An object with these fields.
    Object(&'static [Field]),
    /// An object with any keys.
    Map(&'static Shape),
    /// A list.
    List { item: &'static Shape, most: usize },
    /// A node; its type says which parameters it has.
    Node,
    /// A node's parameters; checked together with its type.
    Parameters,
    /// A connection in either form.
    Connection,
    /// Nodes and connections that a node owns.
    Block,
}

/// Checks that the document is one of ours at all. If it is not, nothing else is worth saying.
pub(crate) fn check_version(root: &Item, report: &mut Report) -> bool {
    let help = "begin the document with `flowmill: 1`";
    let is_object = matches!(root.value, ItemValue::Map(_));
    let (place, pointer, code, message) = match root.get("flowmill") {
        Some(version) if is_format_version(version) => return true,
        Some(version) => {
            let message = "the document is of a format version that this build does not read";
            (version.place, "/flowmill", DiagnosticCode::UnsupportedFormat, message)
        }
        None if is_object => {
            let message = "the document does not say which format it is written in";
            (root.place, "", DiagnosticCode::MissingField, message)
        }
        None => (root.place, "", DiagnosticCode::WrongType, "the document is no object"),
    };
    report.add(Finding::new(code, message, help).at(place, pointer));
    false
}

fn is_format_version(item: &Item) -> bool {
    let written = match &item.value {
        ItemValue::Number(text) | ItemValue::Text(text) => text.as_str(),
        ItemValue::Null | ItemValue::Bool(_) | ItemValue::List(_) | ItemValue::Map(_) => "",
    };
    written == FORMAT_VERSION
}

/// Checks an object's fields; says whether all of them are as they should be.
pub(crate) fn check_object(
    item: &Item,
    fields: &[Field],
    pointer: &str,
    report: &mut Report,
) -> bool {
    let ItemValue::Map(entries) = &item.value else {
        return wrong_type(item, "an object", pointer, report);
    };
    let mut fine = true;
    for entry in entries {
        if report.is_full() {
            return false;
        }
        let path = format!("{pointer}/{}", escape(&entry.key));
        fine &= match fields.iter().find(|field| field.name == entry.key) {
            Some(field) => check_field(field, &entry.value, &path, report),
            None => unknown_field(entry, fields, &path, report),
        };
    }
    for field in fields.iter().filter(|field| field.required && item.get(field.name).is_none()) {
        fine = false;
        if entries.iter().any(|entry| meant(entry, fields) == Some(field.name)) {
            continue;
        }
        let message = format!("the field `{}` is missing", field.name);
        let finding = Finding::new(DiagnosticCode::MissingField, message, help_to_add(field));
        report.add(finding.at(item.place, pointer));
    }
    fine
}

/// The field that an unknown key is probably meant to be.
fn meant(entry: &Entry, fields: &[Field]) -> Option<&'static str> {
    let known = fields.iter().any(|field| field.name == entry.key);
    let names = fields.iter().map(|field| field.name);
    if known { None } else { nearest(&entry.key, names) }
}

fn help_to_add(field: &Field) -> String {
    format!("add it: {}", lower_first(field.doc))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect::<String>().trim_end_matches('.').to_owned()
}

fn unknown_field(entry: &Entry, fields: &[Field], pointer: &str, report: &mut Report) -> bool {
    let message = format!("there is no field `{}` here", excerpt(&entry.key));
    let names: Vec<_> = fields.iter().map(|field| field.name).collect();
    let help = suggest(&entry.key, names.iter().copied(), || match &names[..] {
        [] => "remove it: nothing can be set here".to_owned(),
        names => format!("the fields are {}", names.join(", ")),
    });
    let finding = Finding::new(DiagnosticCode::UnknownField, message, help);
    report.add(finding.at(entry.key_place, pointer));
    false
}

/// Checks a field's value. A field that may be missing may also be null.
fn check_field(field: &Field, item: &Item, pointer: &str, report: &mut Report) -> bool {
    let left_out = item.value == ItemValue::Null && !field.required;
    let takes_null = matches!(field.shape, Shape::Template);
    (left_out && !takes_null) || check(&field.shape, item, pointer, report)
}

fn wrong_type(item: &Item, expected: &str, pointer: &str, report: &mut Report) -> bool {
    let message = format!("{} stands where {expected} is expected", item.value.kind());
    let quoted = matches!(item.value, ItemValue::Number(_) | ItemValue::Bool(_) | ItemValue::Null)
        && expected.contains("string");
    let help = if quoted { "put it into quotes" } else { "change its type" };
    report.add(Finding::new(DiagnosticCode::WrongType, message, help).at(item.place, pointer));
    false
}

fn check(shape: &Shape, item: &Item, pointer: &str, report: &mut Report) -> bool {
    match shape {
        Shape::FormatVersion | Shape::Template | Shape::Parameters | Shape::Connection => true,
        Shape::Text | Shape::Expression | Shape::TextTemplate => {
            item.text().is_some() || wrong_type(item, "a string", pointer, report)
        }
        Shape::Name => check_name(item, pointer, report, |text| Name::new(text).map(drop)),
        Shape::Version => check_name(item, pointer, report, |text| Version::new(text).map(drop)),
        Shape::Queue => check_name(item, pointer, report, |text| Queue::new(text).map(drop)),
        Shape::Topic => check_name(item, pointer, report, |text| TopicName::new(text).map(drop)),
        Shape::Identifier => check_identifier(item, pointer, report),
        Shape::SecretText => match item.value {
            ItemValue::Text(_) | ItemValue::Number(_) | ItemValue::Bool(_) => true,
            ItemValue::Null | ItemValue::List(_) | ItemValue::Map(_) => {
                wrong_type(item, "a string", pointer, report)
            }
        },
        Shape::Duration { positive } => check_duration(item, *positive, pointer, report),
        Shape::WholeOrTemplate { least, most } => {
            item.text().is_some() || check_whole(item, *least, *most, pointer, report)
        }
        Shape::Whole { least, most } => check_whole(item, *least, *most, pointer, report),
        Shape::Number { least, most } => check_number(item, *least, *most, pointer, report),
        Shape::Choice(choices) => check_choice(item, choices, pointer, report),
        Shape::JsonSchema => match item.value {
            ItemValue::Map(_) | ItemValue::Bool(_) => true,
            ItemValue::Null | ItemValue::Number(_) | ItemValue::Text(_) | ItemValue::List(_) => {
                wrong_type(item, "a JSON Schema, which is an object,", pointer, report)
            }
        },
        Shape::Object(fields) => check_object(item, fields, pointer, report),
        Shape::Map(value) => check_map(item, value, pointer, report),
        Shape::List { item: shape, most } => check_list(item, shape, *most, pointer, report),
        Shape::Node => check_node(item, pointer, report),
        Shape::Block => check_object(item, BLOCK, pointer, report),
    }
}

fn check_name(
    item: &Item,
    pointer: &str,
    report: &mut Report,
    valid: impl Fn(&str) -> Result<(), flowmill_model::InvalidName>,
) -> bool {
    let Some(text) = item.text() else { return wrong_type(item, "a string", pointer, report) };
    let Err(error) = valid(text) else { return true };
    let error = error.to_string();
    let (message, help) = error.rsplit_once(": ").unwrap_or((&error, "choose another name"));
    let finding = Finding::new(DiagnosticCode::InvalidName, message, help);
    report.add(finding.at(item.place, pointer));
    false
}

/// Whether `text` can be the id of a node or the name of a port.
pub(super) fn is_identifier(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.len() <= limits::NAME_CHARS
        && text.bytes().all(inner)
        && text.bytes().next().is_some_and(first)
}

fn check_identifier(item: &Item, pointer: &str, report: &mut Report) -> bool {
    let Some(text) = item.text() else { return wrong_type(item, "a string", pointer, report) };
    if is_identifier(text) {
        return true;
    }
    let message = format!("`{}` is no identifier", excerpt(text));
    let help = "use 1 to 63 letters, digits, underscores and hyphens, beginning with a letter";
    let finding = Finding::new(DiagnosticCode::InvalidName, message, help);
    report.add(finding.at(item.place, pointer));
    false
}

fn invalid(item: &Item, message: &str, help: &str, pointer: &str, report: &mut Report) -> bool {
    let finding = Finding::new(DiagnosticCode::InvalidValue, message, help);
    report.add(finding.at(item.place, pointer));
    false
}

fn check_duration(item: &Item, positive: bool, pointer: &str, report: &mut Report) -> bool {
    match duration::read(item) {
        Ok(duration) if positive && duration.is_zero() => {
            let help = "write a longer one, or leave the field out";
            invalid(item, "the duration is zero", help, pointer, report)
        }
        Ok(_) => true,
        Err(error) => invalid(item, &error.message, &error.help, pointer, report),
    }
}

fn check_whole(item: &Item, least: u64, most: u64, pointer: &str, report: &mut Report) -> bool {
    let ItemValue::Number(text) = &item.value else {
        return wrong_type(item, "a whole number", pointer, report);
    };
    if text.parse().is_ok_and(|number| (least..=most).contains(&number)) {
        return true;
    }
    let message = format!("{} is not a possible number here", excerpt(text));
    let help = format!("write a whole number from {least} to {most}");
    invalid(item, &message, &help, pointer, report)
}

fn check_number(item: &Item, least: f64, most: f64, pointer: &str, report: &mut Report) -> bool {
    let ItemValue::Number(text) = &item.value else {
        return wrong_type(item, "a number", pointer, report);
    };
    if text.parse().is_ok_and(|number| (least..=most).contains(&number)) {
        return true;
    }
    let message = format!("{} is not a possible number here", excerpt(text));
    invalid(item, &message, &format!("write a number from {least} to {most}"), pointer, report)
}

fn check_choice(item: &Item, choices: &[&str], pointer: &str, report: &mut Report) -> bool {
    let Some(text) = item.text() else { return wrong_type(item, "a string", pointer, report) };
    if choices.contains(&text) {
        return true;
    }
    let message = format!("`{}` is not a possible value here", excerpt(text));
    let all = || format!("the values are {}", choices.join(", "));
    let help = suggest(text, choices.iter().copied(), all);
    invalid(item, &message, &help, pointer, report)
}

fn check_map(item: &Item, value: &Shape, pointer: &str, report: &mut Report) -> bool {
    if !matches!(item.value, ItemValue::Map(_)) {
        return wrong_type(item, "an object", pointer, report);
    }
    let mut fine = true;
    for entry in item.entries() {
        fine &= check(value, &entry.value, &format!("{pointer}/{}", escape(&entry.key)), report);
    }
    fine
}

fn check_list(item: &Item, shape: &Shape, most: usize, pointer: &str, report: &mut Report) -> bool {
    let ItemValue::List(items) = &item.value else {
        return wrong_type(item, "a list", pointer, report);
    };
    if items.len() > most {
        let message = format!("the list has {} items, more than the {most} allowed", items.len());
        let finding = Finding::new(DiagnosticCode::TooLarge, message, "split the flow");
        report.add(finding.at(item.place, pointer));
        return false;
    }
    let mut fine = true;
    for (index, item) in items.iter().enumerate() {
        if report.is_full() {
            return false;
        }
        fine &= check(shape, item, &format!("{pointer}/{index}"), report);
    }
    fine
}

/// Checks a node, its parameters by its type.
fn check_node(item: &Item, pointer: &str, report: &mut Report) -> bool {
    let fine = check_object(item, NODE, pointer, report);
    let Some(name) = item.get("type").and_then(Item::text) else { return false };
    let Some(node_type) = tables::node_type(name) else {
        let message = format!("there is no node type `{}`", excerpt(name));
        let names = tables::NODE_TYPES.iter().map(|node_type| node_type.name);
        let help = suggest(name, names.clone(), || {
            format!("the types are {}", names.collect::<Vec<_>>().join(", "))
        });
        let place = item.get("type").map_or(item.place, |item| item.place);
        let finding = Finding::new(DiagnosticCode::UnknownType, message, help);
        report.add(finding.at(place, format!("{pointer}/type")));
        return false;
    };
    let settings = check_settings(item, node_type, pointer, report);
    let none = Item { place: item.place, value: ItemValue::Map(Vec::new()) };
    let given = item.get("parameters").filter(|item| item.value != ItemValue::Null);
    let parameters = format!("{pointer}/parameters");
    let fields = check_object(given.unwrap_or(&none), node_type.parameters, &parameters, report);
    fine && settings && fields
}

/// `timeout` is for nodes whose work a worker does, `retry` for these and `try`, `if` for nodes that
/// do more than decide where a value goes, blocks for nodes that run them.
fn check_settings(
    item: &Item,
    node_type: &tables::NodeType,
    pointer: &str,
    report: &mut Report,
) -> bool {
    let mut fine = true;
    for entry in item.entries() {
        if node_type.has(&entry.key) {
            continue;
        }
        let message = format!("a {} node has no `{}`", node_type.name, entry.key);
        let in_parameters = node_type.parameters.iter().any(|field| field.name == entry.key);
        let help = match entry.key.as_str() {
            key if in_parameters => format!("move it into the node's `parameters`: {key}"),
            "if" => {
                "remove it: a filter or a switch before the node decides where values go".into()
            }
            "input" if node_type.name == "start" => {
                "write it as the document's `input`, beside `nodes`".into()
            }
            "input" => {
                "remove it: let the nodes before it say what they give, or those behind it what \
                        they take"
                    .into()
            }
            "output" => {
                "remove it: only map, signal, task, http.request and kafka.produce nodes make a \
                         value"
                    .into()
            }
            "body" => "remove it: only for-each, while, try and race nodes have a body".into(),
            "compensate" => {
                "remove it: the node does nothing outside of the flow to be undone".into()
            }
            "finally" => "remove it, or put the node into the body of a try node".into(),
            "retry" => {
                "remove it, or put the node into the body of a try node, which has one".into()
            }
            _ => "remove it: only task, http.request and kafka.produce nodes are timed".into(),
        };
        let finding = Finding::new(DiagnosticCode::UnknownField, message, help);
        report.add(finding.at(entry.key_place, format!("{pointer}/{}", entry.key)));
        fine = false;
    }
    for (block, _) in node_type.blocks.iter().filter(|(_, needed)| *needed) {
        if item.get(block).is_some_and(|item| item.value != ItemValue::Null) {
            continue;
        }
        let message = format!("a {} node needs a `{block}`", node_type.name);
        let help = format!("add it: `{block}: {{ nodes: [...], connections: [...] }}`");
        let finding = Finding::new(DiagnosticCode::MissingField, message, help);
        report.add(finding.at(item.place, pointer));
        fine = false;
    }
    fine
}

/// A finding at an item.
pub(super) fn report_at(item: &Item, pointer: &str, finding: Finding, report: &mut Report) {
    report.add(finding.at(item.place, pointer));
}

/// A finding at a place inside an item.
pub(super) fn report_within(place: Place, pointer: &str, finding: Finding, report: &mut Report) {
    report.add(finding.at(place, pointer));
}
