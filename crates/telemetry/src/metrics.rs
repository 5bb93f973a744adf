//! The metrics of a process, in one registry.
//!
//! Labels with open sets of values are bounded: above
//! [`limits::METRIC_LABELS`](flowmill_model::limits::METRIC_LABELS) different flows, task types or
//! clients of Kafka, further ones are counted together as `other`.
//!
//! What is measured together is in one file of `metrics/`, with the methods that measure it.

mod calls;
mod flows;
mod kafka;
mod known;
mod maker;
mod shards;
mod tasks;
mod triggers;

use std::fmt;
use std::sync::Arc;

use prometheus::{Registry, TextEncoder};

pub use self::flows::{Ending, FlowFigures};
pub use self::kafka::{KafkaFigures, Quantiles};
pub use self::known::OTHER;
pub use self::shards::ShardFigures;
pub use self::triggers::{TriggerFigures, TriggerResult};

use self::calls::Calls;
use self::flows::Flows;
use self::kafka::Kafka;
use self::maker::Maker;
use self::shards::Shards;
use self::tasks::Tasks;
use self::triggers::Triggers;

/// The metrics of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    flows: Flows,
    tasks: Tasks,
    shards: Shards,
    triggers: Triggers,
    kafka: Kafka,
    calls: Calls,
}

impl Metrics {
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
            flows: Flows::new(&make),
            tasks: Tasks::new(&make),
            shards: Shards::new(&make),
            triggers: Triggers::new(&make),
            kafka: Kafka::new(&make),
            calls: Calls::new(&make),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flowmill_model::limits;

    use super::*;
    use crate::names::{self, Kind};

    /// The value in the text of the line that begins with `sample`.
    pub(super) fn value(metrics: &Metrics, sample: &str) -> Option<f64> {
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
        let projection_age = Duration::from_millis(1_250);
        let figures =
            ShardFigures { owned: true, deferred: 7, projection_age, ..ShardFigures::default() };
        metrics.set_shard(3, figures);
        metrics.shard_claimed(12, Duration::from_millis(3));
        metrics.shard_taken_over(Duration::from_millis(30));
        metrics.store_call("load", "ok", Duration::from_millis(2));
        metrics.set_queue("http", 2, Some(40));
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
        check(r#"flowmill_projection_lag_seconds{shard="3"}"#, 1.25);
        check("flowmill_shard_claims_total", 1.0);
        check("flowmill_replayed_batches_total", 12.0);
        check("flowmill_replay_duration_seconds_count", 1.0);
        check("flowmill_shard_takeover_duration_seconds_sum", 0.03);
        let store = "flowmill_store_call_duration_seconds_count";
        check(&format!(r#"{store}{{operation="load",outcome="ok"}}"#), 1.0);
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
    fn a_queue_that_nobody_has_looked_at_has_no_depth() {
        let metrics = Metrics::default();
        metrics.set_queue("http", 2, None);
        assert_eq!(value(&metrics, r#"flowmill_tasks_active{queue="http"}"#), Some(2.0));
        assert_eq!(value(&metrics, r#"flowmill_queue_depth{queue="http"}"#), None);
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
