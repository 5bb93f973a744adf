//! Connections: `a.out -> b.in`, or `{from: a.out, to: b.in}`.

use crate::diagnostic::{DiagnosticCode, Finding, Report, excerpt};
use crate::graph::DraftConnection;
use crate::source::{Item, ItemValue};

use super::shape::{check_object, is_identifier, report_at};
use super::tables::CONNECTION;

const FORM: &str = "write `node.port -> node.in`, such as `a.out -> b.in`";

/// Reads one connection.
pub(super) fn decode(item: &Item, pointer: &str, report: &mut Report) -> Option<DraftConnection> {
    let (from, to) = match &item.value {
        ItemValue::Text(text) => match text.split_once("->") {
            Some((from, to)) => (from.trim(), to.trim()),
            None => return refuse(item, text, pointer, report),
        },
        ItemValue::Map(_) => {
            if !check_object(item, CONNECTION, pointer, report) {
                return None;
            }
            (item.get("from")?.text()?, item.get("to")?.text()?)
        }
        ItemValue::Null | ItemValue::Bool(_) | ItemValue::Number(_) | ItemValue::List(_) => {
            let message = format!("{} is no connection", item.value.kind());
            report_at(
                item,
                pointer,
                Finding::new(DiagnosticCode::WrongType, message, FORM),
                report,
            );
            return None;
        }
    };
    let (Some((from, port)), Some((to, to_port))) = (end(from), end(to)) else {
        return refuse(item, &format!("{from} -> {to}"), pointer, report);
    };
    let owned = str::to_owned;
    let pointer = pointer.to_owned();
    let (from, port, to, to_port) = (owned(from), owned(port), owned(to), owned(to_port));
    Some(DraftConnection { from, port, to, to_port, place: item.place, pointer })
}

fn refuse(item: &Item, text: &str, pointer: &str, report: &mut Report) -> Option<DraftConnection> {
    let message = format!("`{}` is no connection", excerpt(text));
    let finding = Finding::new(DiagnosticCode::InvalidConnection, message, FORM);
    report_at(item, pointer, finding, report);
    None
}

/// One end: a node and a port.
fn end(text: &str) -> Option<(&str, &str)> {
    let (node, port) = text.split_once('.')?;
    (is_identifier(node) && is_identifier(port)).then_some((node, port))
}
