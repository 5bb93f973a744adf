//! `flowmill bench`: measures the engine in this process, or a server.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use flowmill_client::Server;
use tokio::task::spawn_blocking;

use super::TokenArgs;
use super::dev::DurabilityArg;
use super::role::LogArgs;
use crate::bench::load::{Loop, load};
use crate::bench::process::Usage;
use crate::bench::report::{Report, Setting};
use crate::bench::target::{Target, Until};
use crate::bench::worker::BenchWorker;
use crate::bench::workload::Workload;
use crate::bench::{disk, open};
use crate::cli::OutputFormat;
use crate::engine::{DataFolder, Engine, EngineOptions};
use crate::exit::{Failure, Outcome};
use crate::signals::Signals;
use crate::{duration, node, terminal};

/// How long the engine may take to start.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Callers of the closed loop unless set otherwise.
const CONCURRENCY: NonZeroU32 = NonZeroU32::new(256).expect("not zero");

/// Measure throughput, latency and cost.
///
/// Closed loop (--concurrency): so many callers, each starts its next execution when its last one
/// has ended. Open loop (--rate): so many starts a second, whatever became of earlier ones;
/// latency counts from the time a start was due, so a stall hides nobody it kept waiting. The
/// load runs in this process: with the embedded target its CPU time and memory are in the
/// figures. A workload's tasks are run in this process, too: those of a server come by its worker
/// gateway, or, with --kafka, from the log of its cluster.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What is measured: `embedded` for the engine in this process without HTTP, or a server's
    /// address.
    #[arg(long, value_name = "embedded|URL", default_value = "embedded", value_parser = parse_target)]
    target: TargetArg,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    log: LogArgs,
    /// What is executed.
    #[arg(long, value_enum, default_value = "inline")]
    workload: Workload,
    /// Executions in flight (closed loop); 256 unless --rate is given.
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    concurrency: Option<NonZeroU32>,
    /// Starts a second (open loop).
    #[arg(long, value_name = "R")]
    rate: Option<NonZeroU32>,
    /// How long it is measured.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s")]
    duration: Duration,
    /// How long it is loaded before that.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "3s")]
    warm_up: Duration,
    /// Up to where the latency of an execution counts: `ended`, or `accepted`, when the start is
    /// durable; then the end is not waited for.
    #[arg(long, value_enum, default_value_t)]
    until: Until,
    /// Start so many executions that wait for a day, then measure memory, and the start of an
    /// engine that finds them.
    #[arg(long, value_name = "N", conflicts_with_all = ["concurrency", "rate", "duration", "warm_up", "workload", "until"])]
    open: Option<NonZeroU32>,
    /// Where the embedded engine keeps its data; a temporary folder unless given. What is found
    /// there is kept, so take an empty one.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// When an append of the embedded engine counts as done.
    #[arg(long, value_enum, default_value_t)]
    durability: DurabilityArg,
    /// The same as --output json.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug)]
enum TargetArg {
    Embedded,
    Server(Server),
}

fn parse_target(text: &str) -> Result<TargetArg, String> {
    match text {
        "embedded" => Ok(TargetArg::Embedded),
        url => {
            url.parse().map(TargetArg::Server).map_err(|error| format!("{error}, or `embedded`"))
        }
    }
}

/// Measures and prints the report.
///
/// # Errors
/// When the target cannot be started or reached, or does not have what the workload needs.
pub(crate) async fn execute(args: BenchArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let output = output.or_json(args.json);
    let mut signals = Signals::listen().context("signals cannot be listened for")?;
    // An interrupted run is dropped in order, so that its temporary folder goes, too.
    tokio::select! {
        biased;
        measured = measure_and_print(&args, output) => measured,
        () = signals.asked_to_end() => Ok(Outcome::Interrupted),
    }
}

async fn measure_and_print(args: &BenchArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    match (&args.target, args.open) {
        (TargetArg::Embedded, Some(count)) => open_waits(args, count, output).await,
        (TargetArg::Server(_), Some(_)) => {
            Err(Failure::wrong("--open measures this process; leave --target out"))
        }
        (TargetArg::Embedded, None) => {
            let report = measure_embedded(args).await?;
            print(&report, output)
        }
        (TargetArg::Server(server), None) => {
            let report = measure_server(args, server.clone()).await?;
            print(&report, output)
        }
    }
}

fn print(report: &Report, output: OutputFormat) -> Result<Outcome, Failure> {
    match output {
        OutputFormat::Json => terminal::print_json(report)?,
        OutputFormat::Table => terminal::print(&report.table().to_string())?,
    }
    Ok(if report.is_whole() { Outcome::Done } else { Outcome::Faulted })
}

impl BenchArgs {
    fn load(&self) -> Loop {
        match self.rate {
            Some(rate) => Loop::Open(rate),
            None => Loop::Closed(self.concurrency.unwrap_or(CONCURRENCY)),
        }
    }
}

async fn open_waits(
    args: &BenchArgs,
    count: NonZeroU32,
    output: OutputFormat,
) -> Result<Outcome, Failure> {
    let folder = Folder::choose(args.data_dir.as_deref())?;
    let data = DataFolder::Path(folder.path().to_owned());
    let durability = args.durability.into();
    let options = EngineOptions { durability, ..EngineOptions::with_data(data) };
    let report = open::measure(options, count).await?;
    match output {
        OutputFormat::Json => terminal::print_json(&report)?,
        OutputFormat::Table => terminal::print(&report.table().to_string())?,
    }
    Ok(Outcome::Done)
}

async fn measure_embedded(args: &BenchArgs) -> Result<Report, Failure> {
    let folder = Folder::choose(args.data_dir.as_deref())?;
    let path = folder.path().to_owned();
    let fsync =
        spawn_blocking(move || disk::measure(&path)).await.context("the disk's measurement")?;
    let fsync = fsync.context("the disk's speed cannot be measured")?;
    let data = DataFolder::Path(folder.path().to_owned());
    let durability = args.durability.into();
    let options = EngineOptions { durability, ..EngineOptions::with_data(data) };
    let engine = Engine::start(options).await?;
    engine.ready(READY_WITHIN).await.map_err(anyhow::Error::from)?;
    let worker = args.workload.has_tasks().then(|| BenchWorker::on_log(engine.log()));
    let worker = worker.transpose().context("the workload's worker")?;
    let target = Target::Embedded(engine.gateway().clone());
    let measured = measure(args, &target).await;
    if let Some(worker) = worker {
        worker.stop().await;
    }
    // The data close once nobody holds the engine any more.
    drop(target);
    engine.stop().await;
    let (measured, usage) = measured?;
    let setting = Setting {
        workload: args.workload,
        target: "embedded".to_owned(),
        load: args.load(),
        until: args.until,
        durability: Some(args.durability.as_str()),
        fsync: Some(fsync),
        usage: Some(usage),
    };
    Ok(Report::new(setting, measured))
}

async fn measure_server(args: &BenchArgs, server: Server) -> Result<Report, Failure> {
    let target = Target::Server(args.token.client(server.clone())?);
    // Before the worker asks for tasks of a queue, so that there is one.
    target.deploy(args.workload).await?;
    let config = args.log.load()?;
    let worker = match args.workload.has_tasks() {
        false => None,
        true if config.kafka.brokers.is_empty() => {
            Some(BenchWorker::at(&server, args.token.reveal()).context("the workload's worker")?)
        }
        true => {
            let log = node::open_log(&config).await?;
            Some(BenchWorker::on_log(log).context("the workload's worker")?)
        }
    };
    let measured = measure(args, &target).await;
    if let Some(worker) = worker {
        worker.stop().await;
    }
    let (measured, _) = measured?;
    let setting = Setting {
        workload: args.workload,
        target: server.to_string(),
        load: args.load(),
        until: args.until,
        durability: None,
        fsync: None,
        usage: None,
    };
    Ok(Report::new(setting, measured))
}

/// Loads the target, first to warm it up, then to measure.
async fn measure(
    args: &BenchArgs,
    target: &Target,
) -> Result<(crate::bench::load::Measured, (Usage, Usage)), Failure> {
    target.deploy(args.workload).await?;
    let (flow, target, until) = (args.workload.flow(), target.clone(), args.until);
    let execute = move || {
        let (target, flow) = (target.clone(), flow.clone());
        async move { target.execute(&flow, until).await }
    };
    terminal::note(&format!("warming up for {}", duration::show(args.warm_up)));
    load(args.load(), args.warm_up, execute.clone()).await;
    terminal::note(&format!("measuring for {}", duration::show(args.duration)));
    let before = Usage::now();
    let measured = load(args.load(), args.duration, execute).await;
    Ok((measured, (before, Usage::now())))
}

/// Where the data is: given, or temporary.
enum Folder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn choose(given: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = given else {
            let folder = tempfile::Builder::new().prefix("flowmill-bench-").tempdir();
            return folder.map(Self::Temporary).context("no temporary folder can be made");
        };
        std::fs::create_dir_all(path)
            .with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self::Given(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
