//! `flowmill dev`: the whole engine in one process, with HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use flowmill_gateway::{TokenKey, serve};
use serde_json::json;
use tokio::net::TcpListener;

use crate::cli::OutputFormat;
use crate::engine::{DataFolder, Durability, Engine, EngineOptions};
use crate::exit::{Failure, Outcome};
use crate::signals::Signals;
use crate::{duration, terminal};

/// How long a start may take before what is missing is said.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Run the whole engine in this process, durable, with its HTTP API.
///
/// No other server is needed. Everything is in the data folder: kill the process at any moment
/// and start it again, and every execution goes on. Prints its address when it is ready; SIGTERM
/// or Ctrl-C end it in good order.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Where the data is; made when there is none. Other files in the folder are left alone.
    #[arg(long, env = "FLOWMILL_DATA_DIR", value_name = "DIR", default_value = "./flowmill-data")]
    data_dir: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, env = "FLOWMILL_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:7400")]
    listen: SocketAddr,
    /// Listen on an address that other machines can reach, though the API asks nobody who they
    /// are.
    #[arg(long)]
    insecure: bool,
    /// When a start or a step counts as done.
    #[arg(long, value_enum, default_value_t)]
    durability: DurabilityArg,
    /// How long ended executions are kept.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "168h")]
    retention: Duration,
    /// What the tokens are signed with by which workers answer for their tasks: a secret of at least
    /// 32 characters. Made from the id of the data when left out.
    #[arg(long, env = "FLOWMILL_TASK_TOKEN_KEY", value_name = "SECRET", hide_env_values = true,
        value_parser = TokenKey::new)]
    task_token_key: Option<TokenKey>,
}

/// When an append counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum DurabilityArg {
    /// When the disk has it: it survives a loss of power.
    #[default]
    Fsync,
    /// When the operating system has it: it survives the end of the process only. Faster.
    Os,
}

impl DurabilityArg {
    /// The value as the command line names it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
        }
    }
}

impl From<DurabilityArg> for Durability {
    fn from(durability: DurabilityArg) -> Self {
        match durability {
            DurabilityArg::Fsync => Self::Fsync,
            DurabilityArg::Os => Self::Os,
        }
    }
}

/// Serves until the process is asked to end.
///
/// # Errors
/// When the address is not to be had, or the data cannot be opened.
pub(crate) async fn execute(args: DevArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    check_address(args.listen, args.insecure)?;
    let mut signals = Signals::listen().context("signals cannot be listened for")?;
    let listener = bind(args.listen).await?;
    let address = listener.local_addr().context("the address is not known")?;
    let data = DataFolder::Path(args.data_dir.clone());
    let (durability, retention) = (args.durability.into(), args.retention);
    let task_token_key = args.task_token_key.clone();
    let options = EngineOptions { data, durability, retention, task_token_key };
    let engine = Engine::start(options).await?;
    let shutdown = async {
        tokio::select! {
            biased;
            () = signals.asked_to_end() => {}
            () = announce(&engine, address, &args, output) => signals.asked_to_end().await,
        }
        tracing::info!("ending: finishing what runs, at most 15 s");
        engine.stop_taking();
    };
    if let Err(abandoned) = serve(listener, engine.gateway().clone(), shutdown).await {
        tracing::warn!(%abandoned, "not every request was answered");
    }
    engine.stop().await;
    Ok(Outcome::Done)
}

/// Refuses an address that other machines can reach.
fn check_address(listen: SocketAddr, insecure: bool) -> Result<(), Failure> {
    if listen.ip().is_loopback() || insecure {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "{listen} can be reached from other machines, and the API asks nobody who they are\n  \
         listen on 127.0.0.1:{port}, or add --insecure if your network keeps strangers out",
        port = listen.port(),
    )))
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        Failure::Wrong(format!(
            "{listen} cannot be listened on: {error}\n  \
             choose another address with --listen, such as 127.0.0.1:0 for a free port"
        ))
    })
}

/// Says where the API is, once it can serve.
async fn announce(engine: &Engine, address: SocketAddr, args: &DevArgs, output: OutputFormat) {
    while let Err(not_ready) = engine.ready(READY_WITHIN).await {
        tracing::warn!("{not_ready}; waiting");
    }
    let (url, data) = (format!("http://{address}"), args.data_dir.display().to_string());
    let text = match output {
        OutputFormat::Json => json!({ "url": url, "dataDir": data }).to_string(),
        OutputFormat::Table => {
            format!("flowmill {} is ready at {url}, data in {data}", env!("CARGO_PKG_VERSION"))
        }
    };
    // Whoever closed the output does not want to know.
    drop(terminal::print(&text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_can_reach_must_be_asked_for() {
        let check = |listen: &str, insecure, expect| {
            let allowed = check_address(listen.parse().unwrap(), insecure).is_ok();
            assert_eq!(allowed, expect, "{listen}");
        };
        check("127.0.0.1:7400", false, true);
        check("[::1]:7400", false, true);
        check("0.0.0.0:7400", false, false);
        check("192.168.0.1:7400", false, false);
        check("0.0.0.0:7400", true, true);
    }
}
