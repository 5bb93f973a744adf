//! A document's triggers: from `triggers:` to what starts the flow.
//!
//! Shapes have been checked. What is reported here: expressions that do not compile, and two
//! triggers on one topic, whose records would start two executions each.

use std::collections::BTreeMap;

use flowmill_model::{TopicName, limits};

use crate::diagnostic::{DiagnosticCode, Finding, Report};
use crate::expression::{Expression, Names, Variable};
use crate::source::{Item, Source};
use crate::trigger::{Envelope, KafkaTrigger, Position, Trigger};

use super::decode::Context;
use super::shape::report_at;

/// Decodes the list; leaves out what is wrong.
pub(super) fn triggers(root: &Item, source: &Source<'_>, report: &mut Report) -> Vec<Trigger> {
    let items = root.get("triggers").map(Item::items).unwrap_or_default();
    let mut seen: BTreeMap<TopicName, usize> = BTreeMap::new();
    let mut triggers = Vec::new();
    for (index, item) in items.iter().take(limits::FLOW_TRIGGERS).enumerate() {
        let Some(item) = item.get("kafka") else { continue };
        let pointer = format!("/triggers/{index}/kafka");
        let Some(trigger) = kafka(
            item,
            &pointer,
            &mut Context::new(source, report, Names::of(Variable::OF_TRIGGERS)),
        ) else {
            continue;
        };
        if let Some(first) = seen.insert(trigger.topic.clone(), index) {
            let message = format!("there are two triggers on the topic `{}`", trigger.topic);
            let help = format!("join them; the other is at /triggers/{first}");
            let finding = Finding::new(DiagnosticCode::DuplicateName, message, help);
            let at = item.get("topic").unwrap_or(item);
            report_at(at, &format!("{pointer}/topic"), finding, report);
        }
        triggers.push(Trigger::Kafka(trigger));
    }
    triggers
}

fn kafka(item: &Item, pointer: &str, context: &mut Context<'_>) -> Option<KafkaTrigger> {
    let topic = item.get("topic").and_then(Item::text).and_then(|text| TopicName::new(text).ok());
    let from = match item.get("from").and_then(Item::text) {
        Some("earliest") => Position::Earliest,
        _ => Position::Latest,
    };
    let envelope = match item.get("envelope").and_then(Item::text) {
        Some("cloudevents") => Envelope::CloudEvents,
        Some("raw") => Envelope::Raw,
        _ => Envelope::Json,
    };
    // Each is compiled before any is missed, so that every error is reported.
    let mut expression = |field: &str| -> Result<Option<Expression>, ()> {
        let Some(item) = item.get(field).filter(|item| item.text().is_some()) else {
            return Ok(None);
        };
        let pointer = format!("{pointer}/{field}");
        context.expression(item, &pointer).map(Some).ok_or(())
    };
    let (key, filter, input) = (expression("key"), expression("filter"), expression("input"));
    let input = input.ok()?.or_else(|| default_input(envelope));
    let (key, filter) = (key.ok()?, filter.ok()?);
    Some(KafkaTrigger { topic: topic?, from, envelope, key, filter, input })
}

/// The data of an event; `None`, the value itself, otherwise.
fn default_input(envelope: Envelope) -> Option<Expression> {
    match envelope {
        Envelope::CloudEvents => {
            Some(Expression::compile(".data").expect("a path is an expression"))
        }
        Envelope::Json | Envelope::Raw => None,
    }
}
