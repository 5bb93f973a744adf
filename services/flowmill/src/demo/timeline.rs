//! One execution's history as a line in time.

use flowmill_routing::EventView;
use serde_json::Value;

use crate::table::Table;

/// Characters of an event's detail that are shown.
const DETAIL_CHARS: usize = 76;

/// The events, each with the milliseconds since the first.
pub(crate) fn timeline(events: &[EventView]) -> Table {
    let mut table = Table::plain();
    let first = events.first().map(|event| event.at).unwrap_or_default();
    for event in events {
        let after = format!("+{} ms", event.at.since(first).as_millis());
        let node = event.node.as_deref().unwrap_or("-");
        table.row([&*format!("  {after:>8}"), &event.name, node, &detail(event)]);
    }
    table
}

/// What came out of an event: the value it passed on, else everything it says.
fn detail(event: &EventView) -> String {
    let detail: Value = serde_json::from_slice(event.detail.as_bytes()).unwrap_or_default();
    let shown = ["output", "input"].iter().find_map(|name| detail.get(name));
    let text = match shown {
        Some(value) => value.to_string(),
        None if detail.as_object().is_none_or(serde_json::Map::is_empty) => return String::new(),
        None => detail.to_string(),
    };
    let mut cut: String = text.chars().take(DETAIL_CHARS).collect();
    if text.chars().nth(DETAIL_CHARS).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use flowmill_model::{Payload, Sequence, Timestamp};

    use super::*;

    #[test]
    fn times_count_from_the_first_event() {
        let event = |sequence, at, name: &str, detail: &'static str| EventView {
            sequence: Sequence::new(sequence),
            at: Timestamp::from_millis(at),
            name: name.to_owned(),
            node: (sequence > 0).then(|| "big".to_owned()),
            detail: Payload::from(detail),
        };
        let events = [
            event(0, 1_000, "started", r#"{"input":{"total":7}}"#),
            event(1, 1_012, "node-completed", "{}"),
        ];
        let expect =
            "     +0 ms  started         -    {\"total\":7}\n    +12 ms  node-completed  big";
        assert_eq!(timeline(&events).to_string(), expect);
    }
}
