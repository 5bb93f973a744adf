//! Every metric: its name, kind, labels and meaning. The reference is made from this table.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution; its unit ends the name.
    Histogram(Buckets),
}

/// The upper bounds of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// Seconds, 100 µs to 100 s.
    Latency,
    /// Seconds, 10 ms to 7 days.
    Duration,
    /// Counts, 1 to 1,000.
    Count,
    /// Bytes, 256 B to 4 MiB.
    Bytes,
}

impl Buckets {
    /// The bounds.
    pub const fn bounds(self) -> &'static [f64] {
        match self {
            Self::Latency => &[
                0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 100.0,
            ],
            Self::Duration => &[
                0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0,
                86_400.0, 604_800.0,
            ],
            Self::Count => &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0],
            Self::Bytes => {
                &[256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0]
            }
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric =
                Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };
        )*

        /// All of them, in the order of the reference.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    EXECUTIONS_STARTED = "flowmill_executions_started_total", Kind::Counter, ["flow"], "Executions started.";
    EXECUTIONS_ENDED = "flowmill_executions_ended_total", Kind::Counter, ["flow", "status"], "Executions ended, by how: completed, faulted or cancelled.";
    EXECUTION_DURATION = "flowmill_execution_duration_seconds", Kind::Histogram(Buckets::Duration), ["flow"], "Time from an execution's start to its end.";
    TASKS_SCHEDULED = "flowmill_tasks_scheduled_total", Kind::Counter, ["type"], "Tasks decided on, retries not counted.";
    TASK_RETRIES = "flowmill_task_retries_total", Kind::Counter, [], "Attempts that failed and are followed by another one.";
    TASKS_REDISPATCHED = "flowmill_tasks_redispatched_total", Kind::Counter, [], "Tasks sent once more, because nobody knew them as sent: after a take-over, or found by the sweep.";
    TASK_DURATION = "flowmill_task_duration_seconds", Kind::Histogram(Buckets::Latency), ["type"], "Time a worker of this process took for an attempt.";
    TASKS_ACTIVE = "flowmill_tasks_active", Kind::Gauge, ["queue"], "Tasks that workers of this process run.";
    QUEUE_DEPTH = "flowmill_queue_depth", Kind::Gauge, ["queue"], "Tasks that wait in a queue to be picked up, as the workers' committed positions say it. On Kafka looked at every 5 s, by nodes with the worker role.";
    COMMIT_LATENCY = "flowmill_commit_latency_seconds", Kind::Histogram(Buckets::Latency), [], "Time from the append of a batch to its acknowledgement.";
    BATCH_DECISIONS = "flowmill_batch_decisions", Kind::Histogram(Buckets::Count), [], "Decisions in a batch.";
    BATCH_BYTES = "flowmill_batch_bytes", Kind::Histogram(Buckets::Bytes), [], "Size of a batch's record in the log.";
    TIMER_LATENESS = "flowmill_timer_lateness_seconds", Kind::Histogram(Buckets::Latency), [], "How long after its time a timer fired.";
    INPUTS_IGNORED = "flowmill_inputs_ignored_total", Kind::Counter, ["reason"], "Inputs that changed nothing, by reason: repeats, results that came too late, commands that did not apply.";
    INPUTS_REJECTED = "flowmill_inputs_rejected_total", Kind::Counter, [], "Records that are no input; copies are in the dead letters.";
    EXECUTIONS_QUARANTINED = "flowmill_executions_quarantined_total", Kind::Counter, [], "Executions put aside because deciding on them panicked. Should be zero.";
    SHARD_CLAIMS = "flowmill_shard_claims_total", Kind::Counter, [], "Claims of shards by this process that held.";
    TAKEOVER_DURATION = "flowmill_shard_takeover_duration_seconds", Kind::Histogram(Buckets::Latency), [], "Time until a shard is served: since it became this process's turn, or since an earlier term ended early.";
    REPLAY_DURATION = "flowmill_replay_duration_seconds", Kind::Histogram(Buckets::Latency), [], "Time that the reading of history took of a take-over whose claim held.";
    REPLAYED_BATCHES = "flowmill_replayed_batches_total", Kind::Counter, [], "Batches of history that take-overs read again.";
    SHARD_RECLAIMS = "flowmill_shard_reclaims_total", Kind::Counter, [], "Terms of ownership that ended early: another owner, or an append of unknown outcome.";
    HISTORY_GAPS = "flowmill_history_gaps_total", Kind::Counter, [], "Acknowledgements of batches behind records of others, which had to be read.";
    LIFECYCLE_LATE = "flowmill_lifecycle_events_late_total", Kind::Counter, [], "Lifecycle events that could not be sent within 30 s, once for each such time. They are tried on.";
    LIFECYCLE_LOST = "flowmill_lifecycle_events_lost_total", Kind::Counter, [], "Lifecycle events that are not tried any more, because too many wait. Should be zero.";
    TRIGGER_RECORDS = "flowmill_trigger_records_total", Kind::Counter, ["flow", "topic", "result"], "Records that triggers of this process were done with, by result: started, filtered or dead-lettered.";
    TRIGGER_LAG = "flowmill_trigger_lag_records", Kind::Gauge, ["flow", "topic"], "Records in the partitions that this process reads for a trigger and is not done with.";
    TRIGGER_PARTITIONS = "flowmill_trigger_partitions", Kind::Gauge, ["flow", "topic"], "Partitions that this process reads for a trigger.";
    TRIGGER_PAUSED = "flowmill_trigger_partitions_paused", Kind::Gauge, ["flow", "topic"], "Those of them that are paused, because their shards take no starts for now.";
    SHARD_OWNED = "flowmill_shard_owned", Kind::Gauge, ["shard"], "1 while this process owns the shard and serves it, else 0.";
    SHARD_HALTED = "flowmill_shard_halted", Kind::Gauge, ["shard"], "1 while this process has the shard and has stopped it, since something that must not be is in its history or in the store; else 0. `flowmill shards list` says what.";
    PROJECTION_LAG = "flowmill_projection_lag_batches", Kind::Gauge, ["shard"], "Committed batches whose rows are not in the store yet.";
    PROJECTION_AGE = "flowmill_projection_lag_seconds", Kind::Gauge, ["shard"], "How long ago the oldest batch was committed that decided something and is not wholly in the store, its watermark included; 0 when all are. About a second under load. An input that cannot be decided yet holds the watermark, and has it grow.";
    COMMANDS_WAITING = "flowmill_commands_waiting", Kind::Gauge, ["shard"], "Commands in the log that the shard has not taken into a batch.";
    COMMANDS_LAG = "flowmill_commands_lag_seconds", Kind::Gauge, ["shard"], "How long the oldest of them has waited, in whole seconds. Above 10 the shard takes no starts.";
    DEFERRED_INPUTS = "flowmill_deferred_inputs", Kind::Gauge, ["shard"], "Inputs that were read and cannot be decided yet.";
    ACTORS_LIVE = "flowmill_actors_live", Kind::Gauge, ["shard"], "Execution actors in memory.";
    CREDITS_LEFT = "flowmill_credits_left", Kind::Gauge, ["shard"], "Commands that a shard may still read before it must have decided some.";
    TASKS_IN_FLIGHT = "flowmill_tasks_in_flight", Kind::Gauge, ["shard"], "Tasks that were sent and whose result is awaited.";
    OUTGOING_DURATION = "flowmill_outgoing_call_duration_seconds", Kind::Histogram(Buckets::Latency), ["status"], "Time of an outgoing HTTP call, its redirects and its answer's body included, by class of status: 2xx to 5xx, or none when no answer was had.";
    WORKER_ANSWERS = "flowmill_worker_answers_total", Kind::Counter, ["what", "outcome"], "What workers said to the worker gateway of their tasks, by what became of it: accepted, stale (the attempt did not wait for it), forged (the token was none of ours), refused (too large or no JSON), unavailable.";
    STORE_CALL_DURATION = "flowmill_store_call_duration_seconds", Kind::Histogram(Buckets::Latency), ["operation", "outcome"], "Time of a call of the CQL store, repeats included, by what became of it: ok, unavailable, full, damaged.";
    KAFKA_REQUEST = "flowmill_kafka_request_seconds", Kind::Gauge, ["client", "quantile"], "Time from a request to the slowest broker to its answer. librdkafka's own quantiles (0.5, 0.99) of the last 5 s; absent when nothing was answered. Readers and members ask and wait: look at producers and queries.";
    KAFKA_WAIT = "flowmill_kafka_producer_wait_seconds", Kind::Gauge, ["client", "quantile"], "Time that records waited in a producer for a request to take them. librdkafka's own quantiles (0.5, 0.99) of the last 5 s; absent when there was none.";
    KAFKA_PRODUCE = "flowmill_kafka_produce_duration_seconds", Kind::Histogram(Buckets::Latency), ["client", "outcome"], "Time from a record given to a producer to its acknowledgement, or until it is given up, by outcome: delivered, failed.";
    KAFKA_RECORDS = "flowmill_kafka_producer_records", Kind::Gauge, ["client"], "Records in a producer that are not acknowledged, every 5 s.";
    KAFKA_BYTES = "flowmill_kafka_producer_bytes", Kind::Gauge, ["client"], "Their bytes.";
    KAFKA_REQUESTS = "flowmill_kafka_requests_in_flight", Kind::Gauge, ["client"], "Requests that brokers have not answered, every 5 s.";
    KAFKA_TIMEOUTS = "flowmill_kafka_request_timeouts_total", Kind::Counter, ["client"], "Requests that brokers did not answer in time.";
    KAFKA_DISCONNECTS = "flowmill_kafka_disconnects_total", Kind::Counter, ["client"], "Connections to brokers that were lost. A broker also closes those that were idle for long.";
    KAFKA_ERRORS = "flowmill_kafka_errors_total", Kind::Counter, ["client", "kind"], "Errors that clients told, by kind: connection (a broker cannot be reached, or was lost), login, encryption, other.";
    REQUEST_DURATION = "flowmill_http_request_duration_seconds", Kind::Histogram(Buckets::Latency), ["method", "route", "status"], "Time to answer an API request.";
}
