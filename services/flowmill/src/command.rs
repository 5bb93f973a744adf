//! The commands: one file each, with its arguments and what it does.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod executions;
pub(crate) mod flows;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod nodes;
pub(crate) mod role;
pub(crate) mod run;
pub(crate) mod shards;
pub(crate) mod start;
pub(crate) mod test;
pub(crate) mod validate;
pub(crate) mod workers;

mod show;

use clap::Args;
use flowmill_client::{ApiToken, Client, Repeats, Server};

use crate::cli::{Cli, Command};
use crate::config::Secret;
use crate::engine::Roles;
use crate::exit::{Failure, Outcome};

/// Which server to ask.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server's address.
    #[arg(
        long,
        env = "FLOWMILL_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:7400"
    )]
    server: Server,
    #[command(flatten)]
    token: TokenArgs,
}

/// What callers of a server present.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// What the server asks its callers for, if it does.
    #[arg(long, env = "FLOWMILL_API_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<Secret>,
}

impl ServerArgs {
    /// A client of it.
    fn client(&self) -> Result<Client, Failure> {
        self.token.client(self.server.clone())
    }
}

impl TokenArgs {
    /// A client of a server.
    fn client(&self, server: Server) -> Result<Client, Failure> {
        let token = self.reveal().map(ApiToken::new).transpose();
        let token = token.map_err(|_| Failure::wrong("the token cannot be sent in a header"))?;
        Ok(Client::presenting(server, Repeats::default(), token)?)
    }

    /// The token itself.
    fn reveal(&self) -> Option<&str> {
        self.token.as_ref().map(Secret::reveal).filter(|token| !token.is_empty())
    }
}

/// Does what the command line says.
///
/// # Errors
/// Why it cannot be done.
pub(crate) async fn execute(cli: Cli) -> Result<Outcome, Failure> {
    let output = cli.output;
    match cli.command {
        Command::Demo(args) => Box::pin(demo::execute(args, output)).await,
        Command::Dev(args) => Box::pin(dev::execute(args, output)).await,
        Command::Run(args) => Box::pin(run::execute(args)).await,
        Command::Validate(args) => validate::execute(&args, output),
        Command::Test(args) => test::execute(&args, output),
        Command::Fmt(args) => fmt::execute(&args),
        Command::Graph(args) => graph::execute(&args),
        Command::Nodes(args) => nodes::execute(&args, output),
        Command::Deploy(args) => deploy::execute(args, output).await,
        Command::Flows(args) => flows::execute(args, output).await,
        Command::Start(args) => start::execute(args, output).await,
        Command::Executions(args) => executions::execute(args, output).await,
        Command::Shards(args) => shards::execute(args, output).await,
        Command::Doctor(args) => doctor::execute(args, output).await,
        Command::Workers(args) => workers::execute(args, output).await,
        Command::Bench(args) => Box::pin(bench::execute(args, output)).await,
        Command::Completions(args) => completions::execute(&args),
        Command::Init(args) => Box::pin(init::execute(args, output)).await,
        Command::Config(args) => config::execute(&args),
        Command::Server(args) => Box::pin(role::execute(&args, Roles::ALL, output)).await,
        Command::Gateway(args) => Box::pin(role::execute(&args, Roles::GATEWAY, output)).await,
        Command::Orchestrator(args) => {
            Box::pin(role::execute(&args, Roles::ORCHESTRATOR, output)).await
        }
        Command::Worker(args) => Box::pin(role::execute(&args, Roles::WORKER, output)).await,
    }
}
