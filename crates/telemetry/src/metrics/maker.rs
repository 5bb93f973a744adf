//! Makes metrics from the table and registers them. The table's names are valid and unique, which
//! a test holds.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts,
    Registry,
};

use crate::names::{Kind, Metric};

/// Makes metrics of one registry.
pub(super) struct Maker<'a>(pub(super) &'a Registry);

impl Maker<'_> {
    pub(super) fn registered<C: Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<C>,
    ) -> C {
        let made = made.expect("the table's names are valid");
        self.0.register(Box::new(made.clone())).expect("the table's names are unique");
        made
    }

    pub(super) fn counter(&self, metric: Metric) -> IntCounter {
        self.registered(IntCounter::new(metric.name, metric.help))
    }

    pub(super) fn counters(&self, metric: Metric) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(metric.name, metric.help), metric.labels))
    }

    /// Gauges of whole numbers.
    pub(super) fn gauges(&self, metric: Metric) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(metric.name, metric.help), metric.labels))
    }

    /// Gauges of fractions, such as seconds.
    pub(super) fn fractions(&self, metric: Metric) -> GaugeVec {
        self.registered(GaugeVec::new(Opts::new(metric.name, metric.help), metric.labels))
    }

    pub(super) fn histogram(&self, metric: Metric) -> Histogram {
        self.registered(Histogram::with_opts(options(metric)))
    }

    pub(super) fn histograms(&self, metric: Metric) -> HistogramVec {
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
