//! Sets a process's logs and traces up, from its environment.
//!
//! * `FLOWMILL_LOG`: what is logged, such as `info` or `warn,flowmill_orchestrator=debug`.
//! * `FLOWMILL_LOG_FORMAT`: `text` or `json`.
//! * `OTEL_EXPORTER_OTLP_ENDPOINT`: the collector that spans go to, by grpc, such as
//!   `http://127.0.0.1:4317`. Without it nothing is traced.
//! * `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`: which traces are recorded; all, unless
//!   their caller says otherwise. OpenTelemetry's other variables, such as `OTEL_SERVICE_NAME`,
//!   hold as its specification says.
//!
//! A collector that is slow or away costs spans, never time: they wait in a bounded queue.

use std::io::IsTerminal;

use flowmill_model::limits;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::afresh::Afresh;
pub use crate::sampling::UnknownSampler;
use crate::sampling::{self, ARGUMENT, SAMPLER};
use crate::trace;

const FILTER: &str = "FLOWMILL_LOG";
const FORMAT: &str = "FLOWMILL_LOG_FORMAT";
const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// Why logs and traces cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The filter cannot be read.
    #[error(
        "{FILTER} cannot be read: {0}; write a level such as `info`, or `info,flowmill_worker=debug`"
    )]
    Filter(String),
    /// There is no such format.
    #[error("{FORMAT} is `{0}`; write `text` or `json`")]
    Format(String),
    /// Traces cannot be sampled as asked for.
    #[error(transparent)]
    Sampler(#[from] UnknownSampler),
    /// The collector's address cannot be used.
    #[error("{COLLECTOR} cannot be used: {0}; write an address such as `http://127.0.0.1:4317`")]
    Collector(#[from] ExporterBuildError),
}

/// The logs and traces of a process.
#[derive(Debug)]
#[must_use = "spans are lost that are not flushed in the end"]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sets them up; once in a process, within its runtime. `filter` is what is logged unless the
    /// environment says otherwise.
    ///
    /// # Errors
    /// What in the environment cannot be used.
    pub fn start(filter: &str) -> Result<Self, SetupError> {
        let filter = variable(FILTER).unwrap_or_else(|| filter.to_owned());
        let filter =
            EnvFilter::try_new(&filter).map_err(|error| SetupError::Filter(error.to_string()))?;
        let logs = logs(variable(FORMAT).as_deref())?.with_filter(Afresh(filter));
        sampling::check(variable(SAMPLER).as_deref(), variable(ARGUMENT).as_deref())?;
        let provider = variable(COLLECTOR).map(|_| exporting()).transpose()?;
        let tracer = provider.as_ref().map(|provider| provider.tracer("flowmill"));
        let spans = tracer.clone().map(spans);
        if Registry::default().with(logs).with(spans).try_init().is_err() {
            tracing::warn!("logs are set up already");
        }
        tracer.into_iter().for_each(trace::record_with);
        Ok(Self { provider })
    }

    /// Sends what is left to the collector, for at most [`limits::SPANS_WAIT`]. Blocks; call it
    /// when nothing else goes on.
    pub fn stop(self) {
        if let Some(provider) = self.provider
            && let Err(error) = provider.shutdown_with_timeout(limits::SPANS_WAIT)
        {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn logs(format: Option<&str>) -> Result<Box<dyn Layer<Registry> + Send + Sync>, SetupError> {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        None | Some("text") => Ok(layer.with_ansi(std::io::stderr().is_terminal()).boxed()),
        Some("json") => Ok(layer.json().boxed()),
        Some(other) => Err(SetupError::Format(other.to_owned())),
    }
}

/// The layer that gives the project's own spans to the exporter.
fn spans<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    // The exporter's own connection must not be traced: its spans would make spans for ever.
    let ours = Targets::new()
        .with_target("flowmill", LevelFilter::INFO)
        .with_target("flowmill_gateway", LevelFilter::INFO)
        .with_target("flowmill_worker", LevelFilter::INFO)
        .with_target("flowmill_worker_sdk", LevelFilter::INFO)
        .with_target("flowmill_orchestrator", LevelFilter::INFO);
    tracing_opentelemetry::layer().with_tracer(tracer).with_filter(Afresh(ours))
}

fn exporting() -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().build()?;
    let bounds = BatchConfigBuilder::default().with_max_queue_size(limits::SPANS_QUEUED).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(bounds).build();
    let resource = Resource::builder();
    let resource = match variable(SERVICE) {
        Some(_) => resource,
        None => resource.with_service_name("flowmill"),
    };
    Ok(SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_resource(resource.build())
        .build())
}
