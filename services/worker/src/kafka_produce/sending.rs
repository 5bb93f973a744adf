//! Writes records, and says what a failure means.

use std::time::Duration;

use flowmill_flow::Json;
use flowmill_log::Header;
use flowmill_log::kafka::{ClientError, Clients, Delivered, Outgoing, Producer, SendError};
use flowmill_model::{ErrorCode, Payload, Problem, TopicName};
use flowmill_telemetry::{fields, trace};
use flowmill_worker_sdk::{TaskContext, TaskError};
use parking_lot::Mutex;
use tracing::{Instrument, Span, field};

use super::record::Record;

/// Settings of the producer of users' records.
const EXTRA: &[(&str, &str)] = &[
    // A topic that is not there is known as such at once, and not only when the record's own time
    // is over. It may be made meanwhile: that is what the node's retry is for.
    ("topic.metadata.propagation.max.ms", "0"),
];

/// How long a task is put off when too much is under way.
const BUSY: Duration = Duration::from_millis(200);

/// Writes records with one producer.
pub(super) struct Sending {
    clients: Clients,
    /// Made when it is first needed, and anew when it is broken.
    producer: Mutex<Option<Producer>>,
}

impl Sending {
    pub(super) const fn new(clients: Clients) -> Self {
        Self { clients, producer: Mutex::new(None) }
    }

    /// Runs a task: writes the record that its input describes.
    pub(super) async fn run(
        &self,
        context: TaskContext,
        input: &Payload,
    ) -> Result<Payload, TaskError> {
        let input = Json::parse(input.as_bytes()).map_err(|error| unusable(error.to_string()))?;
        let record = Record::read(&input, context.flow(), &context.idempotency_key());
        let mut record = record.map_err(unusable)?;
        let span = span(&context, &record.topic);
        if let Some(place) = trace::place_of(&span).or_else(|| context.trace()) {
            record.headers.push(Header::new("traceparent", place.to_string()));
        }
        let sent = self.send(&record).instrument(span.clone()).await;
        let delivered = sent.map_err(|error| {
            span.record(fields::ERROR, kind(&error));
            span.record("otel.status_code", "ERROR");
            failed(&record.topic, &error)
        })?;
        span.record(fields::PARTITION, field::display(delivered.partition));
        if let Some(offset) = delivered.offset {
            span.record(fields::OFFSET, offset.get());
        }
        Ok(output(&record.topic, delivered))
    }

    async fn send(&self, record: &Record) -> Result<Delivered, SendError> {
        let producer = self.producer().map_err(|error| SendError::Refused(error.to_string()))?;
        let sent = producer.send(&Outgoing {
            topic: record.topic.as_str(),
            partition: None,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &record.headers,
        });
        sent?.await
    }

    fn producer(&self) -> Result<Producer, ClientError> {
        let mut kept = self.producer.lock();
        if let Some(producer) = kept.as_ref().filter(|producer| producer.broken().is_none()) {
            return Ok(producer.clone());
        }
        let producer = self.clients.producer("kafka-produce", EXTRA)?;
        *kept = Some(producer.clone());
        Ok(producer)
    }
}

fn output(topic: &TopicName, delivered: Delivered) -> Payload {
    let natural = |number: i32| u64::try_from(number).map_or_else(|_| Json::null(), Json::from);
    let offset = delivered.offset.map_or_else(Json::null, |offset| Json::from(offset.get()));
    let output = Json::object([
        ("topic", Json::string(topic.as_str())),
        ("partition", natural(delivered.partition)),
        ("offset", offset),
    ]);
    Payload::from(output.to_bytes())
}

/// The record cannot be made as the node describes it, whoever tries.
fn unusable(why: String) -> TaskError {
    let detail = format!("the record cannot be made: {why}");
    TaskError::fatal(Problem::of(ErrorCode::TaskFailed, detail))
}

/// What a failure means: whether another attempt may help.
fn failed(topic: &TopicName, error: &SendError) -> TaskError {
    let problem = |code| Problem::of(code, format!("nothing was written to `{topic}`: {error}"));
    match error {
        SendError::Busy { .. } => TaskError::later(BUSY),
        SendError::TooLarge => TaskError::fatal(problem(ErrorCode::TooLarge)),
        SendError::Refused(_) => TaskError::fatal(problem(ErrorCode::TaskFailed)),
        // Somebody may be about to make the topic.
        SendError::NoSuchTopic | SendError::Broken(_) => {
            TaskError::retryable(problem(ErrorCode::Communication))
        }
        SendError::Unknown(_) => {
            let detail = format!("it is unknown whether `{topic}` has the record: {error}");
            TaskError::retryable(Problem::of(ErrorCode::Communication, detail))
        }
    }
}

/// What kind of failure it is, in a word.
const fn kind(error: &SendError) -> &'static str {
    match error {
        SendError::Busy { .. } => "busy",
        SendError::TooLarge => "too-large",
        SendError::Refused(_) => "refused",
        SendError::NoSuchTopic => "no-such-topic",
        SendError::Broken(_) => "broken",
        SendError::Unknown(_) => "unknown",
    }
}

/// The span of a send; none unless its trace is sampled.
fn span(context: &TaskContext, topic: &TopicName) -> Span {
    if !context.is_sampled() {
        return Span::none();
    }
    tracing::info_span!(
        "send",
        otel.name = format_args!("send {topic}"),
        otel.kind = "producer",
        otel.status_code = field::Empty,
        { fields::SYSTEM } = "kafka",
        { fields::OPERATION_TYPE } = fields::SEND,
        { fields::OPERATION_NAME } = fields::SEND,
        { fields::DESTINATION } = %topic,
        // Known once it is delivered.
        { fields::PARTITION } = field::Empty,
        { fields::OFFSET } = field::Empty,
        { fields::CONVERSATION } = %context.task_id().execution,
        { fields::ERROR } = field::Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let topic = TopicName::new("t").expect("a topic");
        let check = |error: SendError, retryable: bool| {
            assert_eq!(failed(&topic, &error).is_retryable(), retryable, "{error}");
        };
        check(SendError::Busy { bytes: 2, limit: 1 }, true);
        check(SendError::Unknown("timed out".into()), true);
        check(SendError::Broken("fenced".into()), true);
        check(SendError::TooLarge, false);
        check(SendError::NoSuchTopic, true);
        check(SendError::Refused("not authorised".into()), false);
    }
}
