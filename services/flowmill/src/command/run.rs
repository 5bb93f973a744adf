//! `flowmill run`: one execution in an engine that is gone afterwards.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use flowmill_gateway::{DeployRequest, Gateway, Read, StartRequest, Started};
use flowmill_model::FlowName;
use flowmill_routing::{ExecutionView, PendingView};
use flowmill_store::Status;
use tokio::time::Instant;

use crate::cli::EXIT_CODES;
use crate::definition::{self, Definition};
use crate::engine::{DataFolder, Engine, EngineOptions};
use crate::exit::{Failure, Outcome};
use crate::signals::Signals;
use crate::{duration, input, terminal};

/// How long an engine in memory may take to start.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How often what the execution waits for is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Run a flow once, here and now, and print its output.
///
/// The engine is in memory and gone afterwards; no server is needed. The output goes to standard
/// output as JSON and nothing else does; the problem of a fault goes to standard error. A flow
/// that waits, for a signal or a worker of another program, is said to on standard error; end it
/// with Ctrl-C or --timeout.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct RunArgs {
    /// The definition, as YAML or JSON; `-` for standard input.
    file: String,
    /// The input: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// Give up after so long, such as 30s.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

/// Compiles, runs, prints.
///
/// # Errors
/// When a file or the input cannot be used, or the engine cannot start.
pub(crate) async fn execute(args: RunArgs) -> Result<Outcome, Failure> {
    if args.file == "-" && args.input == "-" {
        return Err(Failure::wrong("standard input cannot be both the definition and the input"));
    }
    let definition = match definition::load(&args.file)? {
        Ok(definition) => definition,
        Err(wrong) => {
            wrong.report();
            return Ok(Outcome::Wrong);
        }
    };
    let input = input::read(&args.input)?;
    let mut signals = Signals::listen().context("signals cannot be listened for")?;
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let engine = Engine::start(EngineOptions::with_data(DataFolder::Memory)).await?;
    engine.ready(READY_WITHIN).await.map_err(anyhow::Error::from)?;
    let gateway = engine.gateway();
    let work = async {
        let flow = deploy(gateway, definition).await?;
        let request = StartRequest { flow, version: None, input, key: None, trace: None };
        let started = gateway.start(request).await?;
        wait(gateway, &started, deadline).await
    };
    let ended = tokio::select! {
        biased;
        ended = work => ended?,
        () = signals.asked_to_end() => {
            terminal::note("interrupted; nothing of the execution is kept");
            return Ok(Outcome::Interrupted);
        }
    };
    let Some(view) = ended else { return Ok(Outcome::TimeUp) };
    let outcome = print(&view);
    engine.stop().await;
    outcome
}

async fn deploy(gateway: &Gateway, definition: Definition) -> Result<FlowName, Failure> {
    let Definition { source, format, flow } = definition;
    let request = DeployRequest { source, format, expected: None, spread: None, trace: None };
    gateway.deploy(request).await?;
    Ok(flow.document.flow_version().flow)
}

/// Waits for the end, and says what the execution waits for meanwhile; `None` when time is up.
async fn wait(
    gateway: &Gateway,
    started: &Started,
    deadline: Option<Instant>,
) -> Result<Option<ExecutionView>, Failure> {
    let after = Some(started.position);
    let mut said = BTreeSet::new();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            terminal::note("time was up before the execution ended");
            return Ok(None);
        }
        let within = left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        if let Some(view) = gateway.wait(started.id, after, within).await? {
            return Ok(Some(view));
        }
        if let Read::Current(view) = gateway.read(started.id, after).await? {
            for pending in view.pending.iter().map(describe) {
                if said.insert(pending.clone()) {
                    terminal::note(&pending);
                }
            }
        }
    }
}

fn describe(pending: &PendingView) -> String {
    let PendingView { node, reason, attempt, until, since: _ } = pending;
    let attempt = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
    let until = until.map(|until| format!(", until {until}")).unwrap_or_default();
    format!("waiting: {reason} of node {node}{attempt}{until}")
}

fn print(view: &ExecutionView) -> Result<Outcome, Failure> {
    if view.status == Status::Completed {
        let output = view.output.as_ref().map_or(&b"null"[..], |output| output.as_bytes());
        terminal::print(&String::from_utf8_lossy(output))?;
        return Ok(Outcome::Done);
    }
    if let Some(problem) = &view.error {
        terminal::note(&serde_json::to_string(problem).expect("a problem has a JSON form"));
    }
    Ok(Outcome::Faulted)
}
