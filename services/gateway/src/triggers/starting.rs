//! Brings a record to its end: its execution is started, a filter passes it over, or it is among
//! the dead letters. Whatever is refused for now is repeated until it is taken.

use std::sync::Arc;
use std::time::Duration;

use flowmill_catalog::Deployed;
use flowmill_model::command::Command;
use flowmill_model::{ErrorCode, ExecutionId, FlowName, TraceContext, limits};
use flowmill_routing::CommandOutcome;
use flowmill_telemetry::{Metrics, TriggerResult, fields, trace};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span, field};

use super::dead_letter;
use super::reading::{self, Asked, Unusable, trigger_on};
use super::record::{Place, TriggerRecord};
use crate::key::{IdempotencyKey, execution_of_record};
use crate::start::{check_open, no_shard, start};
use crate::{Gateway, Refusal};

/// First and longest pause before a start that is refused for now is repeated.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Times that a start is repeated which fails for a reason of ours, before its record is a dead
/// letter: one record must not hold up its partition for ever.
const OWN_FAILURES: u32 = 5;

/// Starts executions of one flow. Cheap to clone.
#[derive(Clone)]
pub(super) struct Starter {
    gateway: Gateway,
    flow: FlowName,
    /// The name that its consumer group has in Kafka.
    group: String,
    /// Places for evaluations, each on a thread.
    places: Arc<Semaphore>,
}

/// What a record asks for.
enum Wish {
    /// Nothing: a filter passed it over.
    Nothing,
    /// Nothing new: it has started an execution before.
    Known,
    Start(Ready),
}

/// A start with everything that makes it.
struct Ready {
    deployed: Deployed,
    id: ExecutionId,
    asked: Asked,
}

impl Starter {
    pub(super) fn new(gateway: Gateway, flow: FlowName, group: String) -> Self {
        let places = Arc::new(Semaphore::new(limits::TRIGGER_EVALUATIONS));
        Self { gateway, flow, group, places }
    }

    fn metrics(&self) -> &Metrics {
        &self.gateway.parts().settings.metrics
    }

    /// Brings a record to its end.
    pub(super) async fn settle(&self, record: &TriggerRecord) {
        let end = match self.ready(record).await {
            Ok(Wish::Nothing) => TriggerResult::Filtered,
            Ok(Wish::Known) => TriggerResult::Started,
            Ok(Wish::Start(ready)) => {
                let span = self.span(&record.place, ready.asked.trace.as_ref());
                self.start(record, ready, &span).instrument(span.clone()).await
            }
            Err(why) => self.bury(record, &why).await,
        };
        self.metrics().trigger_record(&self.flow.to_string(), record.place.topic.as_str(), end);
    }

    fn span(&self, place: &Place, parent: Option<&TraceContext>) -> Span {
        let span = tracing::info_span!(
            "trigger",
            otel.name = format_args!("process {}", place.topic),
            otel.kind = "consumer",
            { fields::SYSTEM } = "kafka",
            { fields::OPERATION_TYPE } = fields::PROCESS,
            { fields::OPERATION_NAME } = fields::PROCESS,
            { fields::DESTINATION } = %place.topic,
            { fields::PARTITION } = %place.partition,
            { fields::OFFSET } = place.offset,
            { fields::GROUP } = self.group,
            { fields::FLOW } = %self.flow,
            // Known once the start is made.
            { fields::CONVERSATION } = field::Empty,
            { fields::TRACE } = field::Empty,
        );
        if let Some(parent) = parent {
            span.record(fields::TRACE, field::display(parent));
            trace::adopt(&span, parent);
        }
        span
    }

    /// Reads the record with the flow's default version; waits while there is none that listens.
    async fn ready(&self, record: &TriggerRecord) -> Result<Wish, Unusable> {
        let deployed = self.listening(record).await;
        let placement = &deployed.record.placement;
        let Some(of_place) = execution_of_record(&self.flow, placement, &record.place) else {
            return Err(Unusable { code: ErrorCode::Internal, detail: no_shard().detail });
        };
        let asked = match self.read(&deployed, record).await {
            Ok(Some(asked)) => asked,
            Ok(None) => return Ok(Wish::Nothing),
            // It was fit for an earlier version.
            Err(_) if self.gateway.is_known(of_place).await => return Ok(Wish::Known),
            Err(why) => return Err(why),
        };
        let of_key = |key: &IdempotencyKey| key.execution(&self.flow, placement);
        let id = asked.key.as_ref().and_then(of_key).unwrap_or(of_place);
        Ok(Wish::Start(Ready { deployed, id, asked }))
    }

    /// The version that starts get, once it has a trigger on the record's topic. The runner ends
    /// this wait when the flow listens to it no more.
    async fn listening(&self, record: &TriggerRecord) -> Deployed {
        let mut catalogue = self.gateway.parts().catalogue.clone();
        loop {
            let found = catalogue.default_version(&self.flow);
            let listens = |found: &Deployed| trigger_on(&found.flow, &record.place.topic).is_some();
            if let Some(found) = found.filter(listens) {
                return found;
            }
            catalogue.changed().await;
        }
    }

    /// Decodes and evaluates on a thread that may be busy for as long as that takes. How much that is
    /// at most is up to the expressions' bounds, and never to a clock: a busy machine loses no record.
    async fn read(
        &self,
        deployed: &Deployed,
        record: &TriggerRecord,
    ) -> Result<Option<Asked>, Unusable> {
        let gone = |detail: &str| Unusable { code: ErrorCode::Expression, detail: detail.into() };
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| gone("the trigger is shutting down"))?;
        let (flow, record) = (Arc::clone(&deployed.flow), record.clone());
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            let trigger = trigger_on(&flow, &record.place.topic);
            trigger.map_or(Ok(None), |trigger| reading::read(&flow, trigger, &record))
        });
        read.await
            .unwrap_or_else(|_| Err(gone("an expression of the trigger failed beyond repair")))
    }

    /// Makes the start durable, however often it is refused for now.
    async fn start(&self, record: &TriggerRecord, ready: Ready, span: &Span) -> TriggerResult {
        let (mut pause, longest) = PAUSES;
        let mut own_failures = 0;
        loop {
            let refusal = match self.attempt(&ready, span).await {
                Ok(()) => return TriggerResult::Started,
                Err(refusal) => refusal,
            };
            own_failures += u32::from(refusal.code == ErrorCode::Internal);
            let again = refusal.retry_after().is_some() || refusal.code == ErrorCode::Internal;
            if !again || own_failures > OWN_FAILURES {
                let why = Unusable { code: refusal.code, detail: refusal.detail };
                return self.bury(record, &why).await;
            }
            tracing::debug!(%refusal, flow = %self.flow, "a triggered start waits");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// One try. A start by place is done once it is durable: nobody else can have its id. One by
    /// key is done once its owner has decided whether the key came with another input before.
    async fn attempt(&self, ready: &Ready, span: &Span) -> Result<(), Refusal> {
        let Ready { deployed, id, asked } = ready;
        check_open(id.shard(), self.gateway.status_of(id.shard()))?;
        let command = start(*id, deployed, asked.input.clone(), true);
        let trace = trace::place_of(span).or(asked.trace);
        let started = self.gateway.append_start(deployed, command.clone(), trace).await?;
        if asked.key.is_none() {
            return Ok(());
        }
        let command = Command::Start(command);
        match self.gateway.decided_or_repeated(started.position, command, trace).await {
            Some(CommandOutcome::KeyReused) => Err(Refusal::new(
                ErrorCode::IdempotencyKeyReused,
                "the trigger's key started an execution of this flow with another input before",
            )),
            Some(CommandOutcome::Refused(why) | CommandOutcome::Conflict(why)) => {
                Err(Refusal::new(ErrorCode::Conflict, why))
            }
            None
            | Some(
                CommandOutcome::Applied
                | CommandOutcome::Exists
                | CommandOutcome::Forgotten
                | CommandOutcome::Unknown
                | CommandOutcome::Unchanged,
            ) => Ok(()),
        }
    }

    async fn bury(&self, record: &TriggerRecord, why: &Unusable) -> TriggerResult {
        let Place { topic, partition, offset, .. } = &record.place;
        let (flow, reason, error) = (&self.flow, why.code.as_str(), &why.detail);
        tracing::warn!(%flow, %topic, partition, offset, reason, error, "a dead letter");
        dead_letter::bury(self.gateway.parts().log.as_ref(), flow, record, why).await;
        TriggerResult::DeadLettered
    }
}
