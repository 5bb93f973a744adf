//! The reference of the metrics is what the table says. `FLOWMILL_BLESS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use flowmill_telemetry::names::{self, Kind};

#[test]
fn the_reference_of_the_metrics_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md");
    let expect = reference();
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        std::fs::write(&file, &expect).expect("the reference is written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expect, "{} is out of date: run `cargo xtask bless`", file.display());
}

fn reference() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         `GET /metrics` gives them in Prometheus' text format, with the process's own figures \
         (`process_*`) beside them.\nAbove 200 different flows, task types or clients of \
         Kafka, further ones are counted together as `other`.\n\n\
         | name | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in names::ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        writeln!(text, "| `{}` | {kind} | {labels} | {} |", metric.name, metric.help)
            .expect("a string takes everything");
    }
    text
}
