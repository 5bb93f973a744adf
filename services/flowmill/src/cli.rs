//! The command line: what there is to say. Its doc comments are the manual.

use clap::{Parser, Subcommand, ValueEnum};

use crate::command::{
    bench::BenchArgs, completions::CompletionsArgs, config::ConfigArgs, demo::DemoArgs,
    deploy::DeployArgs, dev::DevArgs, doctor::DoctorArgs, executions::ExecutionsArgs,
    flows::FlowsArgs, fmt::FmtArgs, graph::GraphArgs, init::InitArgs, nodes::NodesArgs,
    role::RoleArgs, run::RunArgs, shards::ShardsArgs, start::StartArgs, test::TestArgs,
    validate::ValidateArgs, workers::WorkersArgs,
};

/// Durable flows: typed graphs of nodes that survive crashes.
#[derive(Debug, Parser)]
#[command(name = "flowmill", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// How results are printed on standard output.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: OutputFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the exit codes mean; at the end of every help text that a shell may act on.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the flow faulted or was cancelled, or something failed that is not the caller's doing
  2  wrong use or a wrong definition
  3  the server cannot be reached, or cannot serve now
  4  time was up before the execution ended
  5  a node ended itself, since a shard of it was stuck and could not be stopped: start it again
130  interrupted";

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// For programs: the API's own words.
    Json,
}

impl OutputFormat {
    /// This format, or JSON if that is asked for by a flag of its own.
    pub(crate) const fn or_json(self, json: bool) -> Self {
        if json { Self::Json } else { self }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Dev(DevArgs),
    Run(RunArgs),
    Validate(ValidateArgs),
    Test(TestArgs),
    Fmt(FmtArgs),
    Graph(GraphArgs),
    Nodes(NodesArgs),
    Deploy(DeployArgs),
    Flows(FlowsArgs),
    Start(StartArgs),
    Executions(ExecutionsArgs),
    Workers(WorkersArgs),
    Shards(ShardsArgs),
    Doctor(DoctorArgs),
    Bench(BenchArgs),
    Completions(CompletionsArgs),
    Init(InitArgs),
    /// Run a node of a cluster with all roles.
    ///
    /// The cluster must have been made with `flowmill init`. SIGTERM or Ctrl-C end the node in good
    /// order: its shards go to other nodes.
    Server(RoleArgs),
    /// Run a node of a cluster that answers the API.
    Gateway(RoleArgs),
    /// Run a node of a cluster that owns shards: what decides.
    ///
    /// SIGTERM or Ctrl-C end the node in good order: its shards go to other nodes.
    Orchestrator(RoleArgs),
    /// Run a node of a cluster that runs the built-in tasks, HTTP calls first of all.
    Worker(RoleArgs),
    Config(ConfigArgs),
}

impl Command {
    /// Whether it is a node of a cluster.
    pub(crate) const fn is_node(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Gateway(_) | Self::Orchestrator(_) | Self::Worker(_))
    }

    /// What is logged unless the environment says otherwise: a server tells what it does, a
    /// program at a prompt only what went wrong.
    pub(crate) const fn log_filter(&self) -> &'static str {
        match self {
            Self::Dev(_)
            | Self::Server(_)
            | Self::Gateway(_)
            | Self::Orchestrator(_)
            | Self::Worker(_) => "info,ractor=warn,scylla=warn",
            Self::Demo(_)
            | Self::Run(_)
            | Self::Validate(_)
            | Self::Test(_)
            | Self::Fmt(_)
            | Self::Graph(_)
            | Self::Nodes(_)
            | Self::Deploy(_)
            | Self::Flows(_)
            | Self::Start(_)
            | Self::Executions(_)
            | Self::Workers(_)
            | Self::Shards(_)
            | Self::Doctor(_)
            | Self::Bench(_)
            | Self::Completions(_)
            | Self::Init(_)
            | Self::Config(_) => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
