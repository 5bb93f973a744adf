//! Calls: what the API was asked, what the store was asked.

use std::time::Duration;

use prometheus::HistogramVec;

use super::Metrics;
use super::maker::Maker;
use crate::names;

/// The metrics of calls.
pub(super) struct Calls {
    request_duration: HistogramVec,
    store_duration: HistogramVec,
}

impl Calls {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            request_duration: make.histograms(names::REQUEST_DURATION),
            store_duration: make.histograms(names::STORE_CALL_DURATION),
        }
    }
}

impl Metrics {
    /// An API request was answered. `route` is the template, never the path.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let status = status.to_string();
        let labels = [method, route, status.as_str()];
        self.0.calls.request_duration.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// The store answered a call after so long.
    pub fn store_call(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        let duration = &self.0.calls.store_duration;
        duration.with_label_values(&[operation, outcome]).observe(took.as_secs_f64());
    }
}
