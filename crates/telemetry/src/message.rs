//! Spans of messages: what is sent to a topic, and worked on from one.

use flowmill_model::{ExecutionId, Offset, TraceContext};
use opentelemetry::KeyValue;

use crate::fields;
use crate::trace::{self, SpanKind, Stretch, attribute, number};

/// A message as its spans describe it.
#[derive(Clone, Debug)]
pub struct Message {
    /// What carries it, such as `kafka`.
    pub system: &'static str,
    /// The name of its topic.
    pub destination: String,
    /// The topic's partition.
    pub partition: u16,
    /// Its place in the partition, once it is known.
    pub offset: Option<Offset>,
    /// The execution it belongs to, if it is one's.
    pub execution: Option<ExecutionId>,
}

impl Message {
    /// Records in the trace that `parent` stands in that the message was sent, from `from` until
    /// now. `name` is what the project calls the sending.
    pub fn sent(
        &self,
        name: &'static str,
        from: std::time::SystemTime,
        parent: &TraceContext,
        more: impl IntoIterator<Item = KeyValue>,
    ) {
        if !trace::records(parent) {
            return;
        }
        let span = format!("{name} {}", self.destination);
        let mut stretch = Stretch::since(from, SpanKind::Producer, span);
        stretch.attributes = self.attributes(name);
        stretch.attributes.extend(more);
        trace::record(stretch, parent);
    }

    fn attributes(&self, name: &'static str) -> Vec<KeyValue> {
        let mut attributes = vec![
            attribute(fields::SYSTEM, self.system),
            attribute(fields::OPERATION_TYPE, fields::SEND),
            attribute(fields::OPERATION_NAME, name),
            attribute(fields::DESTINATION, &self.destination),
            attribute(fields::PARTITION, self.partition),
        ];
        attributes.extend(self.offset.map(|offset| number(fields::OFFSET, offset.get())));
        attributes.extend(self.execution.map(|id| attribute(fields::CONVERSATION, id)));
        attributes
    }
}
