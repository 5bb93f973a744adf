//! The metrics of a process, in one registry.
//!
//! Labels with open sets of values are bounded: above [`limits::METRIC_LABELS`] different flows
//! or task types, further ones are counted together as `other`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::limits;
use parking_lot::RwLock;
use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::names::{self, Kind, Metric};

/// The value of a label whose own value is one too many.
pub const OTHER: &str = "other";

/// The metrics of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    executions_started: IntCounterVec,
    executions_ended: IntCounterVec,
    execution_duration: HistogramVec,
    tasks_scheduled: IntCounterVec,
    task_retries: IntCounter,
    tasks_redispatched: IntCounter,
    task_duration: HistogramVec,
    tasks_active: IntGaugeVec,
    queue_depth: IntGaugeVec,
    commit_latency: Histogram,
    batch_decisions: Histogram,
    batch_bytes: Histogram,
    timer_lateness: Histogram,
    inputs_ignored: IntCounterVec,
    inputs_rejected: IntCounter,
    executions_quarantined: IntCounter,
    shard_reclaims: IntCounter,
    history_gaps: IntCounter,
    lifecycle_late: IntCounter,
    lifecycle_lost: IntCounter,
    trigger_records: IntCounterVec,
    trigger_lag: IntGaugeVec,
    trigger_partitions: IntGaugeVec,
    trigger_paused: IntGaugeVec,
    shard_owned: IntGaugeVec,
    projection_lag: IntGaugeVec,
    commands_waiting: IntGaugeVec,
    commands_lag: IntGaugeVec,
    deferred_inputs: IntGaugeVec,
    actors_live: IntGaugeVec,
    credits_left: IntGaugeVec,
    tasks_in_flight: IntGaugeVec,
    outgoing_duration: HistogramVec,
    worker_answers: IntCounterVec,
    request_duration: HistogramVec,
    flows: Known<FlowFigures>,
    types: Known<TypeFigures>,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an output.
    Completed,
    /// By an error.
    Faulted,
    /// Because somebody said so.
    Cancelled,
}

/// The figures of one flow.
#[derive(Clone)]
pub struct FlowFigures {
    started: IntCounter,
    completed: IntCounter,
    faulted: IntCounter,
    cancelled: IntCounter,
    duration: Histogram,
}

/// The figures of one task type.
#[derive(Clone)]
pub struct TypeFigures {
    scheduled: IntCounter,
    duration: Histogram,
}

/// How a shard stands, for the gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardFigures {
    /// Whether it is served here.
    pub owned: bool,
    /// Committed batches that are not in the store.
    pub projection_lag: u64,
    /// Commands in the log that are not in a batch.
    pub commands_waiting: u64,
    /// How long the oldest of them has waited.
    pub commands_lag: Duration,
    /// Inputs that cannot be decided yet.
    pub deferred: usize,
    /// Actors in memory.
    pub actors: usize,
    /// Commands that may still be read.
    pub credits: usize,
    /// Tasks whose result is awaited.
    pub tasks_in_flight: usize,
}

/// What a record that a trigger read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerResult {
    /// Its execution is started, now or earlier.
    Started,
    /// A filter passed it over.
    Filtered,
    /// It is among the dead letters.
    DeadLettered,
}

impl TriggerResult {
    const fn label(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Filtered => "filtered",
            Self::DeadLettered => "dead-lettered",
        }
    }
}

/// How a trigger stands, for the gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TriggerFigures {
    /// Records that wait, in the partitions that are read here.
    pub lag: u64,
    /// Partitions that are read here.
    pub partitions: usize,
    /// Those of them that are paused.
    pub paused: usize,
}

/// Handles by label value, up to a number.
struct Known<T>(RwLock<BTreeMap<String, Arc<T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Known<T> {
    fn get(&self, value: &str, make: impl Fn(&str) -> T) -> Arc<T> {
        if let Some(known) = self.0.read().get(value) {
            return Arc::clone(known);
        }
        let mut known = self.0.write();
        let full = known.len() >= limits::METRIC_LABELS;
        let value = if full && !known.contains_key(value) { OTHER } else { value };
        Arc::clone(known.entry(value.to_owned()).or_insert_with(|| Arc::new(make(value))))
    }
}

impl FlowFigures {
    /// An execution has started.
    pub fn started(&self) {
        self.started.inc();
    }

    /// An execution has ended, `after` its start.
    pub fn ended(&self, how: Ending, after: Duration) {
        match how {
            Ending::Completed => self.completed.inc(),
            Ending::Faulted => self.faulted.inc(),
            Ending::Cancelled => self.cancelled.inc(),
        }
        self.duration.observe(after.as_secs_f64());
    }
}

impl Metrics {
    /// The figures of a flow, by its name.
    pub fn flow(&self, name: &str) -> Arc<FlowFigures> {
        let inner = &self.0;
        let ended = |flow: &str, status| inner.executions_ended.with_label_values(&[flow, status]);
        inner.flows.get(name, |flow| FlowFigures {
            started: inner.executions_started.with_label_values(&[flow]),
            completed: ended(flow, "completed"),
            faulted: ended(flow, "faulted"),
            cancelled: ended(flow, "cancelled"),
            duration: inner.execution_duration.with_label_values(&[flow]),
        })
    }

    fn task_type(&self, name: &str) -> Arc<TypeFigures> {
        let inner = &self.0;
        inner.types.get(name, |kind| TypeFigures {
            scheduled: inner.tasks_scheduled.with_label_values(&[kind]),
            duration: inner.task_duration.with_label_values(&[kind]),
        })
    }

    /// A task of this type was decided on.
    pub fn task_scheduled(&self, task_type: &str) {
        self.task_type(task_type).scheduled.inc();
    }

    /// An attempt failed and is followed by another one.
    pub fn task_retried(&self) {
        self.0.task_retries.inc();
    }

    /// Tasks were sent once more.
    pub fn tasks_redispatched(&self, count: usize) {
        self.0.tasks_redispatched.inc_by(count as u64);
    }

    /// An attempt at a task of this type took so long here.
    pub fn task_took(&self, task_type: &str, took: Duration) {
        self.task_type(task_type).duration.observe(took.as_secs_f64());
    }

    /// A batch went into the log.
    pub fn batch(&self, decisions: usize, bytes: usize) {
        self.0.batch_decisions.observe(decisions as f64);
        self.0.batch_bytes.observe(bytes as f64);
    }

    /// The log acknowledged a batch after so long.
    pub fn committed(&self, after: Duration) {
        self.0.commit_latency.observe(after.as_secs_f64());
    }

    /// A timer fired so late.
    pub fn timer_fired(&self, late: Duration) {
        self.0.timer_lateness.observe(late.as_secs_f64());
    }

    /// A worker said `what` of a task to the worker gateway; what became of it.
    pub fn worker_answer(&self, what: &'static str, outcome: &'static str) {
        self.0.worker_answers.with_label_values(&[what, outcome]).inc();
    }

    /// An input changed nothing.
    pub fn input_ignored(&self, reason: &'static str) {
        self.0.inputs_ignored.with_label_values(&[reason]).inc();
    }

    /// A record was no input.
    pub fn input_rejected(&self) {
        self.0.inputs_rejected.inc();
    }

    /// An execution was quarantined.
    pub fn quarantined(&self) {
        self.0.executions_quarantined.inc();
    }

    /// A term of ownership ended early.
    pub fn shard_reclaimed(&self) {
        self.0.shard_reclaims.inc();
    }

    /// The gap before an own batch was read.
    pub fn history_gap(&self) {
        self.0.history_gaps.inc();
    }

    /// So many lifecycle events could not be sent in time, and so many of them will not be.
    pub fn lifecycle_late(&self, late: usize, lost: usize) {
        self.0.lifecycle_late.inc_by(late as u64);
        self.0.lifecycle_lost.inc_by(lost as u64);
    }

    /// A trigger is done with a record.
    pub fn trigger_record(&self, flow: &str, topic: &str, result: TriggerResult) {
        self.0.trigger_records.with_label_values(&[flow, topic, result.label()]).inc();
    }

    /// How a trigger stands now.
    pub fn set_trigger(&self, flow: &str, topic: &str, figures: TriggerFigures) {
        let set = |gauge: &IntGaugeVec, value: u64| {
            let gauge = gauge.with_label_values(&[flow, topic]);
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.0.trigger_lag, figures.lag);
        set(&self.0.trigger_partitions, figures.partitions as u64);
        set(&self.0.trigger_paused, figures.paused as u64);
    }

    /// An outgoing call took so long; `status` is `None` when no answer was had.
    pub fn outgoing(&self, status: Option<u16>, took: Duration) {
        let class = match status.map(|status| status / 100) {
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(5) => "5xx",
            Some(_) | None => "none",
        };
        self.0.outgoing_duration.with_label_values(&[class]).observe(took.as_secs_f64());
    }

    /// An API request was answered. `route` is the template, never the path.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let status = status.to_string();
        let labels = [method, route, status.as_str()];
        self.0.request_duration.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// How a shard stands now.
    pub fn set_shard(&self, shard: u16, figures: ShardFigures) {
        let shard = shard.to_string();
        let set = |gauge: &IntGaugeVec, value: usize| {
            gauge
                .with_label_values(&[shard.as_str()])
                .set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.0.shard_owned, usize::from(figures.owned));
        let large = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        set(&self.0.projection_lag, large(figures.projection_lag));
        set(&self.0.commands_waiting, large(figures.commands_waiting));
        set(&self.0.commands_lag, large(figures.commands_lag.as_secs()));
        set(&self.0.deferred_inputs, figures.deferred);
        set(&self.0.actors_live, figures.actors);
        set(&self.0.credits_left, figures.credits);
        set(&self.0.tasks_in_flight, figures.tasks_in_flight);
    }

    /// How a queue of tasks stands now.
    pub fn set_queue(&self, queue: &str, active: u64, waiting: u64) {
        let set = |gauge: &IntGaugeVec, value: u64| {
            gauge.with_label_values(&[queue]).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.0.tasks_active, active);
        set(&self.0.queue_depth, waiting);
    }

    /// Everything, in Prometheus' text format 0.0.4, with the process's own figures.
    pub fn render(&self) -> String {
        let families = self.0.registry.gather();
        TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
            tracing::error!(%error, "the metrics cannot be written");
            String::new()
        })
    }
}

impl Default for Metrics {
    /// All at zero.
    fn default() -> Self {
        let registry = Registry::new();
        let process = prometheus::process_collector::ProcessCollector::for_self();
        registry
            .register(Box::new(process))
            .expect("the names of a process's own metrics are free");
        let make = Maker(&registry);
        let inner = Inner {
            executions_started: make.counters(names::EXECUTIONS_STARTED),
            executions_ended: make.counters(names::EXECUTIONS_ENDED),
            execution_duration: make.histograms(names::EXECUTION_DURATION),
            tasks_scheduled: make.counters(names::TASKS_SCHEDULED),
            task_retries: make.counter(names::TASK_RETRIES),
            tasks_redispatched: make.counter(names::TASKS_REDISPATCHED),
            task_duration: make.histograms(names::TASK_DURATION),
            tasks_active: make.gauges(names::TASKS_ACTIVE),
            queue_depth: make.gauges(names::QUEUE_DEPTH),
            commit_latency: make.histogram(names::COMMIT_LATENCY),
            batch_decisions: make.histogram(names::BATCH_DECISIONS),
            batch_bytes: make.histogram(names::BATCH_BYTES),
            timer_lateness: make.histogram(names::TIMER_LATENESS),
            inputs_ignored: make.counters(names::INPUTS_IGNORED),
            inputs_rejected: make.counter(names::INPUTS_REJECTED),
            executions_quarantined: make.counter(names::EXECUTIONS_QUARANTINED),
            shard_reclaims: make.counter(names::SHARD_RECLAIMS),
            history_gaps: make.counter(names::HISTORY_GAPS),
            lifecycle_late: make.counter(names::LIFECYCLE_LATE),
            lifecycle_lost: make.counter(names::LIFECYCLE_LOST),
            trigger_records: make.counters(names::TRIGGER_RECORDS),
            trigger_lag: make.gauges(names::TRIGGER_LAG),
            trigger_partitions: make.gauges(names::TRIGGER_PARTITIONS),
            trigger_paused: make.gauges(names::TRIGGER_PAUSED),
            shard_owned: make.gauges(names::SHARD_OWNED),
            projection_lag: make.gauges(names::PROJECTION_LAG),
            commands_waiting: make.gauges(names::COMMANDS_WAITING),
            commands_lag: make.gauges(names::COMMANDS_LAG),
            deferred_inputs: make.gauges(names::DEFERRED_INPUTS),
            actors_live: make.gauges(names::ACTORS_LIVE),
            credits_left: make.gauges(names::CREDITS_LEFT),
            tasks_in_flight: make.gauges(names::TASKS_IN_FLIGHT),
            outgoing_duration: make.histograms(names::OUTGOING_DURATION),
            worker_answers: make.counters(names::WORKER_ANSWERS),
            request_duration: make.histograms(names::REQUEST_DURATION),
            flows: Known::default(),
            types: Known::default(),
            registry: registry.clone(),
        };
        Self(Arc::new(inner))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Makes metrics from the table and registers them. The table's names are valid and unique,
/// which a test holds.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn registered<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("the table's names are valid");
        self.0.register(Box::new(made.clone())).expect("the table's names are unique");
        made
    }

    fn counter(&self, metric: Metric) -> IntCounter {
        self.registered(IntCounter::new(metric.name, metric.help))
    }

    fn counters(&self, metric: Metric) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(metric.name, metric.help), metric.labels))
    }

    fn gauges(&self, metric: Metric) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(metric.name, metric.help), metric.labels))
    }

    fn histogram(&self, metric: Metric) -> Histogram {
        self.registered(Histogram::with_opts(options(metric)))
    }

    fn histograms(&self, metric: Metric) -> HistogramVec {
        self.registered(HistogramVec::new(options(metric), metric.labels))
    }
}

fn options(metric: Metric) -> HistogramOpts {
    let options = HistogramOpts::new(metric.name, metric.help);
    match metric.kind {
        Kind::Histogram(buckets) => options.buckets(buckets.bounds().to_vec()),
        Kind::Counter | Kind::Gauge => options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value in the text of the line that begins with `sample`.
    fn value(metrics: &Metrics, sample: &str) -> Option<f64> {
        let text = metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        line.parse().ok()
    }

    #[test]
    fn what_is_counted_is_in_the_text() {
        let metrics = Metrics::default();
        let flow = metrics.flow("shop/orders");
        flow.started();
        flow.ended(Ending::Faulted, Duration::from_millis(30));
        metrics.task_took("http.request", Duration::from_millis(3));
        metrics.set_shard(3, ShardFigures { owned: true, deferred: 7, ..ShardFigures::default() });
        metrics.set_queue("http", 2, 40);
        metrics.request("GET", "/v1/flows", 200, Duration::from_micros(300));
        metrics.outgoing(Some(503), Duration::from_millis(3));
        metrics.outgoing(None, Duration::from_secs(10));
        let check = |sample: &str, expect: f64| assert_eq!(value(&metrics, sample), Some(expect));
        check(r#"flowmill_executions_started_total{flow="shop/orders"}"#, 1.0);
        check(r#"flowmill_executions_ended_total{flow="shop/orders",status="faulted"}"#, 1.0);
        check(r#"flowmill_execution_duration_seconds_bucket{flow="shop/orders",le="0.01"}"#, 0.0);
        check(r#"flowmill_execution_duration_seconds_bucket{flow="shop/orders",le="0.05"}"#, 1.0);
        check(r#"flowmill_task_duration_seconds_count{type="http.request"}"#, 1.0);
        check(r#"flowmill_deferred_inputs{shard="3"}"#, 7.0);
        check(r#"flowmill_queue_depth{queue="http"}"#, 40.0);
        let outgoing = "flowmill_outgoing_call_duration_seconds_count";
        check(&format!(r#"{outgoing}{{status="5xx"}}"#), 1.0);
        check(&format!(r#"{outgoing}{{status="none"}}"#), 1.0);
        let request = r#"flowmill_http_request_duration_seconds_count"#;
        check(&format!(r#"{request}{{method="GET",route="/v1/flows",status="200"}}"#), 1.0);
        assert!(value(&metrics, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 0.0));
    }

    #[test]
    fn flows_above_the_bound_are_counted_together() {
        let metrics = Metrics::default();
        for number in 0..limits::METRIC_LABELS + 5 {
            metrics.flow(&format!("test/flow-{number}")).started();
        }
        let first = r#"flowmill_executions_started_total{flow="test/flow-0"}"#;
        assert_eq!(value(&metrics, first), Some(1.0));
        let other = r#"flowmill_executions_started_total{flow="other"}"#;
        assert_eq!(value(&metrics, other), Some(5.0));
    }

    #[test]
    fn names_follow_the_conventions() {
        for metric in names::ALL {
            let total = metric.name.ends_with("_total");
            assert_eq!(total, metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.name.starts_with("flowmill_"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
