//! `flowmill executions`: what became of starts, and commands to them.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use flowmill_api::{EventDto, ExecutionStatus, ListedDto};
use flowmill_client::{Client, CommandAnswer, Control, ListQuery};
use flowmill_model::{ExecutionId, FlowName};
use futures::{StreamExt, TryStreamExt};

use super::{ServerArgs, show};
use crate::cli::{EXIT_CODES, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::{duration, input, terminal};

/// Look at executions and tell them what to do.
#[derive(Debug, Args)]
pub(crate) struct ExecutionsArgs {
    #[command(subcommand)]
    command: ExecutionsCommand,
}

#[derive(Debug, Subcommand)]
enum ExecutionsCommand {
    /// List executions, newest first. A list may lag behind by a second or so.
    List(ListArgs),
    /// Show one execution.
    #[command(after_help = EXIT_CODES)]
    Get {
        /// The execution.
        id: ExecutionId,
        /// Wait for its end, at most so long, such as 30s.
        #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
        wait: Option<Duration>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show everything that happened in an execution, oldest first.
    History {
        /// The execution.
        id: ExecutionId,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// End an execution now.
    Cancel(ControlArgs),
    /// Let running tasks finish and start nothing more.
    Suspend(ControlArgs),
    /// Let a suspended or quarantined execution go on.
    Resume(ControlArgs),
    /// Send a signal to an execution.
    Signal(SignalArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only this flow, as NAMESPACE/NAME.
    #[arg(long, value_name = "NS/NAME")]
    flow: Option<FlowName>,
    /// Only this status.
    #[arg(long, value_enum)]
    status: Option<StatusArg>,
    /// Only those started since then: a time such as 2026-01-02T03:04:05Z, or how long ago, such
    /// as 24h.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusArg {
    Pending,
    Running,
    Waiting,
    Suspended,
    Cancelled,
    Faulted,
    Completed,
}

impl From<StatusArg> for ExecutionStatus {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Pending => Self::Pending,
            StatusArg::Running => Self::Running,
            StatusArg::Waiting => Self::Waiting,
            StatusArg::Suspended => Self::Suspended,
            StatusArg::Cancelled => Self::Cancelled,
            StatusArg::Faulted => Self::Faulted,
            StatusArg::Completed => Self::Completed,
        }
    }
}

#[derive(Debug, Args)]
struct ControlArgs {
    /// The execution.
    id: ExecutionId,
    /// Why, for those who read the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Makes the command repeatable: it is applied once.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
struct SignalArgs {
    /// The execution.
    id: ExecutionId,
    /// The signal's name.
    name: String,
    /// What the signal carries: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON", default_value = "null")]
    payload: String,
    /// Makes the command repeatable: it is applied once.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks the server and prints what it says.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub(crate) async fn execute(
    args: ExecutionsArgs,
    output: OutputFormat,
) -> Result<Outcome, Failure> {
    match args.command {
        ExecutionsCommand::List(args) => list(args, output).await,
        ExecutionsCommand::Get { id, wait, server } => {
            get(&server.client()?, id, wait, output).await
        }
        ExecutionsCommand::History { id, server } => history(&server.client()?, id, output).await,
        ExecutionsCommand::Cancel(args) => control(args, Control::Cancel, output).await,
        ExecutionsCommand::Suspend(args) => control(args, Control::Suspend, output).await,
        ExecutionsCommand::Resume(args) => control(args, Control::Resume, output).await,
        ExecutionsCommand::Signal(args) => {
            let payload = input::read(&args.payload)?;
            let client = args.server.client()?;
            let answer = client.signal(args.id, &args.name, payload, args.idempotency_key).await?;
            print_answer(&answer, output)
        }
    }
}

async fn list(args: ListArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let client = args.server.client()?;
    let status = args.status.map(ExecutionStatus::from);
    let query = ListQuery { flow: args.flow, status, since: args.since };
    let found: Vec<ListedDto> = client.list(query).take(args.limit).try_collect().await?;
    if output == OutputFormat::Json {
        terminal::print_json(&found)?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(["ID", "FLOW", "VERSION", "STATUS", "STARTED", "ENDED"]);
    for entry in &found {
        let ListedDto { id, flow, version, status, started_at, ended_at } = entry;
        let (id, status) = (id.to_string(), status.as_str());
        table.row([&*id, flow, version, status, started_at, ended_at.as_deref().unwrap_or("-")]);
    }
    terminal::print(&table.to_string())?;
    Ok(Outcome::Done)
}

async fn get(
    client: &Client,
    id: ExecutionId,
    wait: Option<Duration>,
    output: OutputFormat,
) -> Result<Outcome, Failure> {
    let execution = match wait {
        None => client.get(id).await?,
        Some(wait) => client.wait(id, wait).await?,
    };
    show::execution(&execution, output)?;
    Ok(if wait.is_some() { show::outcome(execution.status) } else { Outcome::Done })
}

async fn history(
    client: &Client,
    id: ExecutionId,
    output: OutputFormat,
) -> Result<Outcome, Failure> {
    let events: Vec<EventDto> = client.history(id).try_collect().await?;
    if output == OutputFormat::Json {
        terminal::print_json(&events)?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(["SEQUENCE", "AT", "EVENT", "NODE", "DETAIL"]);
    for event in &events {
        let EventDto { sequence, at, kind, node, detail } = event;
        let (sequence, detail) = (sequence.to_string(), show::excerpt(detail));
        table.row([&*sequence, at, kind, node.as_deref().unwrap_or("-"), &detail]);
    }
    terminal::print(&table.to_string())?;
    Ok(Outcome::Done)
}

async fn control(
    args: ControlArgs,
    control: Control,
    output: OutputFormat,
) -> Result<Outcome, Failure> {
    let client = args.server.client()?;
    let answer = client.control(args.id, control, args.reason, args.idempotency_key).await?;
    print_answer(&answer, output)
}

fn print_answer(answer: &CommandAnswer, output: OutputFormat) -> Result<Outcome, Failure> {
    match (answer, output) {
        (CommandAnswer::Applied(execution), _) => show::execution(execution, output)?,
        (CommandAnswer::Pending(pending), OutputFormat::Json) => terminal::print_json(pending)?,
        (CommandAnswer::Pending(pending), OutputFormat::Table) => {
            terminal::print(&format!("{}  taken, not decided yet", pending.id))?;
        }
    }
    Ok(Outcome::Done)
}
