//! `flowmill demo`: the product doing its main job, on this machine, in under a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::Args;
use flowmill_flow::Format;
use flowmill_gateway::{DeployRequest, Gateway, StartRequest};
use flowmill_model::{ExecutionId, FlowName, Sequence, limits};
use flowmill_routing::EventView;
use flowmill_store::Status;
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::time::Instant;

use crate::cli::OutputFormat;
use crate::demo::check::{self, Report};
use crate::demo::orders::{self, Order};
use crate::demo::sink::Sink;
use crate::demo::timeline::timeline;
use crate::engine::{DataFolder, Engine, EngineOptions};
use crate::exit::{Failure, Outcome};
use crate::latency::Latencies;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{duration, terminal};

/// The flow, as it is in the examples.
const ORDERS: &str = include_str!("../../../../examples/orders.yaml");

/// Where the example sends orders; the demonstration's own service takes its place.
const EXAMPLE_SERVICE: &str = "http://127.0.0.1:9000";

/// How long the engine may take to start.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How long one order may take.
const ORDER_WITHIN: Duration = Duration::from_secs(60);

/// Show a flow at work: 1,000 orders through filter, map and HTTP call, each step durable.
///
/// Starts the engine in a temporary folder and a service that takes the orders, runs
/// examples/orders.yaml for every order, shows one execution's timeline and the figures, and
/// checks that the service got every order over 100 once. Exits with 0 only if it did.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many orders.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    orders: u32,
    /// How many orders are in flight at a time.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    concurrency: u32,
}

/// Runs the demonstration.
///
/// # Errors
/// When the engine or the service cannot start, or an order cannot be taken.
pub(crate) async fn execute(args: DemoArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let mut signals = Signals::listen().context("signals cannot be listened for")?;
    let sink = Sink::start().await.context("the demonstration's service cannot start")?;
    let engine = Engine::start(EngineOptions::with_data(DataFolder::Temporary)).await?;
    let shown = tokio::select! {
        biased;
        shown = show(&args, output, &engine, &sink) => shown,
        () = signals.asked_to_end() => Ok(Outcome::Interrupted),
    };
    engine.stop().await;
    shown
}

async fn show(
    args: &DemoArgs,
    output: OutputFormat,
    engine: &Engine,
    sink: &Sink,
) -> Result<Outcome, Failure> {
    engine.ready(READY_WITHIN).await.map_err(anyhow::Error::from)?;
    let gateway = engine.gateway();
    let flow = deploy(gateway, sink).await?;
    terminal::note(&format!("deployed {flow}; its orders go to {}", sink.url()));
    let orders = orders::generate(usize::try_from(args.orders).unwrap_or(usize::MAX));
    let concurrency = usize::try_from(args.concurrency).unwrap_or(usize::MAX);
    let run = run_all(gateway, &flow, &orders, concurrency).await?;
    let report = check::check(&orders::expected(&orders), &sink.calls());
    let events = match run.example {
        Some(id) => gateway.history(id, Sequence::new(0), limits::PAGE_ENTRIES).await?.events,
        None => vec![],
    };
    let summary = Summary { orders: &orders, run, report, events };
    match output {
        OutputFormat::Table => summary.print()?,
        OutputFormat::Json => summary.print_json()?,
    }
    Ok(if summary.is_right() { Outcome::Done } else { Outcome::Faulted })
}

async fn deploy(gateway: &Gateway, sink: &Sink) -> Result<FlowName, Failure> {
    let source = ORDERS.replace(EXAMPLE_SERVICE, &sink.url());
    let request = DeployRequest {
        source: Bytes::from(source),
        format: Format::Yaml,
        expected: None,
        spread: None,
        trace: None,
    };
    Ok(gateway.deploy(request).await?.flow.flow)
}

/// What became of the orders' executions.
struct Run {
    statuses: BTreeMap<Status, usize>,
    /// From the start to the end.
    latency: Latencies,
    elapsed: Duration,
    /// The first execution that forwarded its order.
    example: Option<ExecutionId>,
}

async fn run_all(
    gateway: &Gateway,
    flow: &FlowName,
    orders: &[Order],
    concurrency: usize,
) -> Result<Run, Failure> {
    let begun = Instant::now();
    let mut run = Run {
        statuses: BTreeMap::new(),
        latency: Latencies::new(),
        elapsed: Duration::ZERO,
        example: None,
    };
    let mut progress = Progress::begin();
    let running = orders.iter().map(|order| run_one(gateway, flow, order));
    let mut running = stream::iter(running).buffer_unordered(concurrency);
    let mut done = 0;
    while let Some(ended) = running.next().await {
        let Ended { id, status, took, forwarded } = ended?;
        done += 1;
        *run.statuses.entry(status).or_default() += 1;
        run.latency.record(took);
        if forwarded {
            run.example.get_or_insert(id);
        }
        progress.say(|| format!("{done} of {} orders", orders.len()));
    }
    progress.end();
    run.elapsed = begun.elapsed();
    Ok(run)
}

struct Ended {
    id: ExecutionId,
    status: Status,
    took: Duration,
    forwarded: bool,
}

async fn run_one(gateway: &Gateway, flow: &FlowName, order: &Order) -> Result<Ended, Failure> {
    let begun = Instant::now();
    let request = StartRequest {
        flow: flow.clone(),
        version: None,
        input: order.input(),
        key: None,
        trace: None,
    };
    let started = gateway.start(request).await?;
    let ended = gateway.wait(started.id, Some(started.position), ORDER_WITHIN).await?;
    let view = ended.ok_or_else(|| {
        anyhow!("the execution {} of {} did not end within a minute", started.id, order.id)
    })?;
    let (id, status, forwarded) = (view.id, view.status, order.is_forwarded());
    Ok(Ended { id, status, took: begun.elapsed(), forwarded })
}

/// Everything there is to say at the end.
struct Summary<'a> {
    orders: &'a [Order],
    run: Run,
    report: Report,
    events: Vec<EventView>,
}

/// Lines of what is wrong that are printed.
const WRONG_SHOWN: usize = 20;

impl Summary<'_> {
    fn completed(&self) -> usize {
        self.run.statuses.get(&Status::Completed).copied().unwrap_or_default()
    }

    fn is_right(&self) -> bool {
        self.report.wrong.is_empty() && self.completed() == self.orders.len()
    }

    fn quantile(&self, quantile: f64) -> Duration {
        self.run.latency.quantile(quantile)
    }

    fn per_second(&self) -> f64 {
        let orders = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
        f64::from(orders) / self.run.elapsed.as_secs_f64()
    }

    fn print(&self) -> Result<(), Failure> {
        if let Some(id) = self.run.example {
            terminal::print(&format!("\nexecution {id}\n{}\n", timeline(&self.events)))?;
        }
        let (all, forwarded) = (self.orders.len(), self.report.right);
        let filtered = self.orders.iter().filter(|order| !order.is_forwarded()).count();
        let elapsed = duration::show(self.run.elapsed);
        let (p50, p99) = (self.quantile(0.5), self.quantile(0.99));
        let (p50, p99) = (duration::show(p50), duration::show(p99));
        let rate = self.per_second();
        terminal::print(&format!("{all} orders: {forwarded} forwarded, {filtered} filtered"))?;
        terminal::print(&format!("{elapsed}, {rate:.0} orders a second; p50 {p50}, p99 {p99}"))?;
        for (status, count) in &self.run.statuses {
            if *status != Status::Completed {
                terminal::print(&format!("wrong: {count} executions ended as {status:?}"))?;
            }
        }
        for wrong in self.report.wrong.iter().take(WRONG_SHOWN) {
            terminal::print(&format!("wrong: {wrong}"))?;
        }
        terminal::print(&self.verdict())
    }

    fn verdict(&self) -> String {
        if !self.is_right() {
            return "NOT every order is right".to_owned();
        }
        let repeats = match self.report.repeats {
            0 => String::new(),
            repeats => format!(" ({repeats} calls were repeated, each under its key)"),
        };
        format!("every order over 100 arrived once, none of the others did{repeats}")
    }

    fn print_json(&self) -> Result<(), Failure> {
        let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
        terminal::print_json(&json!({
            "orders": self.orders.len(),
            "completed": self.completed(),
            "forwarded": self.report.right,
            "filtered": self.orders.iter().filter(|order| !order.is_forwarded()).count(),
            "repeats": self.report.repeats,
            "wrong": self.report.wrong,
            "seconds": self.run.elapsed.as_secs_f64(),
            "perSecond": self.per_second(),
            "latencyMs": { "p50": millis(self.quantile(0.5)), "p99": millis(self.quantile(0.99)) },
            "right": self.is_right(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use flowmill_flow::compile;

    use super::*;

    #[test]
    fn the_example_is_a_flow_whose_service_can_be_replaced() {
        let flow = compile(ORDERS.as_bytes(), Format::Yaml);
        assert_eq!(flow.unwrap().document.flow_version().to_string(), "shop/orders@1.0.0");
        assert_eq!(ORDERS.matches(EXAMPLE_SERVICE).count(), 1);
    }
}
