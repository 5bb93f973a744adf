//! `flowmill start`: starts an execution on a server.

use std::time::Duration;

use clap::Args;
use flowmill_api::{ExecutionDto, StartAccepted};
use flowmill_client::{StartAnswer, StartKey, StartRequest};
use flowmill_model::{FlowName, InvalidName, Version};

use super::{ServerArgs, show};
use crate::cli::{EXIT_CODES, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::{duration, input, terminal};

/// Start an execution of a deployed flow.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct StartArgs {
    /// The flow, as NAMESPACE/NAME or NAMESPACE/NAME@VERSION.
    #[arg(value_name = "NS/NAME", value_parser = parse_flow)]
    flow: (FlowName, Option<Version>),
    /// The input: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// Makes the start repeatable: the same key, flow and input name the same execution.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Wait for the outcome, at most so long, such as 30s.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    wait: Option<Duration>,
    #[command(flatten)]
    server: ServerArgs,
}

fn parse_flow(text: &str) -> Result<(FlowName, Option<Version>), InvalidName> {
    let (flow, version) = match text.split_once('@') {
        Some((flow, version)) => (flow, Some(version)),
        None => (text, None),
    };
    Ok((flow.parse()?, version.map(Version::new).transpose()?))
}

/// Starts the execution, waits if asked to, and prints what is known.
///
/// # Errors
/// When the input cannot be read, or the server refuses or cannot be reached.
pub(crate) async fn execute(args: StartArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let client = args.server.client()?;
    let (flow, version) = args.flow;
    let request = StartRequest {
        flow,
        version,
        input: input::read(&args.input)?,
        key: args.idempotency_key.map_or(StartKey::Made, StartKey::Given),
    };
    match client.start(&request, args.wait).await? {
        StartAnswer::Accepted(start) => {
            print_accepted(&start, output)?;
            Ok(if args.wait.is_some() { time_up(&start) } else { Outcome::Done })
        }
        StartAnswer::Ended(execution) => print_ended(&execution, output),
    }
}

fn print_accepted(start: &StartAccepted, output: OutputFormat) -> Result<(), Failure> {
    match output {
        OutputFormat::Json => terminal::print_json(start),
        OutputFormat::Table => {
            let StartAccepted { id, flow, version, status } = start;
            terminal::print(&format!("{id}  {flow}@{version}  {status}"))
        }
    }
}

fn time_up(start: &StartAccepted) -> Outcome {
    let id = start.id;
    terminal::note(&format!("it has not ended yet; see `flowmill executions get {id}`"));
    Outcome::TimeUp
}

fn print_ended(execution: &ExecutionDto, output: OutputFormat) -> Result<Outcome, Failure> {
    show::execution(execution, output)?;
    if let Some(error) = &execution.error {
        let problem = serde_json::to_string(error).expect("a problem has a JSON form");
        terminal::note(&problem);
    }
    Ok(show::outcome(execution.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_may_name_its_version() {
        let check = |text: &str, expect: Option<(&str, Option<&str>)>| {
            let found = parse_flow(text).ok();
            let found = found.map(|(flow, version)| (flow.to_string(), version.map(String::from)));
            let expect =
                expect.map(|(flow, version)| (flow.to_owned(), version.map(str::to_owned)));
            assert_eq!(found, expect, "{text}");
        };
        check("shop/orders", Some(("shop/orders", None)));
        check("shop/orders@1.2.0", Some(("shop/orders", Some("1.2.0"))));
        for text in ["", "orders", "shop/orders@", "shop/orders@latest"] {
            check(text, None);
        }
    }
}
