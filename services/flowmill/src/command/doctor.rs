//! `flowmill doctor`: whether anything is wrong with a server and its cluster, and what to do.

use clap::Args;
use flowmill_api::{HealthDto, ReadyDto, ShardDto};
use serde::Serialize;

use super::ServerArgs;
use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};
use crate::table::Table;
use crate::terminal;

/// A shard that is so far behind its commands takes no starts; half of that is worth a word.
const BEHIND_MS: u64 = 5_000;

/// Look whether anything is wrong with a server and its cluster, and what to do about it.
///
/// Ends with 1 if anything is wrong.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    what: String,
    verdict: Verdict,
    found: String,
    /// What to do; empty if nothing.
    help: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Wrong,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "WRONG",
        }
    }
}

/// Looks and prints what was found.
///
/// # Errors
/// When the server cannot be reached.
pub(crate) async fn execute(args: DoctorArgs, output: OutputFormat) -> Result<Outcome, Failure> {
    let client = args.server.client()?;
    let (health, ready, shards) =
        (client.health().await?, client.ready().await?, client.shards().await?);
    let checks = checks(&health, &ready, &shards);
    let is_wrong = checks.iter().any(|check| check.verdict == Verdict::Wrong);
    if output == OutputFormat::Json {
        terminal::print_json(&checks)?;
    } else {
        print(&checks)?;
    }
    Ok(if is_wrong { Outcome::Faulted } else { Outcome::Done })
}

fn print(checks: &[Check]) -> Result<(), Failure> {
    let mut table = Table::new(["CHECK", "VERDICT", "FOUND", "WHAT TO DO"]);
    for check in checks {
        table.row([&*check.what, check.verdict.as_str(), &check.found, &check.help]);
    }
    terminal::print(&table.to_string())
}

fn checks(health: &HealthDto, ready: &ReadyDto, shards: &[ShardDto]) -> Vec<Check> {
    let mut checks = vec![version(&health.version), readiness(ready)];
    let open = shards.iter().filter(|shard| shard.state == "open").count();
    if open == shards.len() {
        checks.push(Check {
            what: "shards".to_owned(),
            verdict: Verdict::Ok,
            found: format!("all {open} are open"),
            help: String::new(),
        });
    }
    checks.extend(shards.iter().filter_map(shard));
    checks
}

fn version(server: &str) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    let same = server == own;
    Check {
        what: "version".to_owned(),
        verdict: if same { Verdict::Ok } else { Verdict::Warning },
        found: format!("the server has {server}, this program {own}"),
        help: if same { "" } else { "use the program of the server's version" }.to_owned(),
    }
}

fn readiness(ready: &ReadyDto) -> Check {
    let (verdict, found) = if ready.ready {
        (Verdict::Ok, "deploys, starts and reads work".to_owned())
    } else {
        (Verdict::Wrong, ready.reasons.join("; "))
    };
    Check { what: "readiness".to_owned(), verdict, found, help: String::new() }
}

/// What is worth a word about a shard, if anything is.
fn shard(shard: &ShardDto) -> Option<Check> {
    let number = shard.shard;
    let (verdict, found, help) = match &*shard.state {
        "halted" => (
            Verdict::Wrong,
            format!("halted: {}", shard.reason.as_deref().unwrap_or("the server does not say why")),
            format!(
                "repair what is said, or run the version that wrote it; then `flowmill shards resume \
                 {number}`"
            ),
        ),
        "unowned" => (
            Verdict::Wrong,
            "no node is known that has it".to_owned(),
            "look whether orchestrators run, and at their logs and `/healthz`".to_owned(),
        ),
        "claiming" => (
            Verdict::Warning,
            "it is being taken over".to_owned(),
            "look again in some seconds; if it stays so, look whether Kafka and the store answer"
                .to_owned(),
        ),
        "full" => (
            Verdict::Warning,
            format!("it takes no new keyed starts; {} inputs wait", shard.deferred),
            "look whether the store answers".to_owned(),
        ),
        _ if shard.commands_lag_ms >= BEHIND_MS => (
            Verdict::Warning,
            format!("its oldest command waits for {:.1} s", shard.commands_lag_ms as f64 / 1e3),
            "start fewer executions at once, or add orchestrators".to_owned(),
        ),
        _ => return None,
    };
    Some(Check { what: format!("shard {number}"), verdict, found, help })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard_that(state: &str) -> ShardDto {
        ShardDto {
            shard: 3,
            state: state.to_owned(),
            reason: (state == "halted").then(|| "offset 7 cannot be read".to_owned()),
            epoch: 1,
            actors: 0,
            commands_waiting: 0,
            commands_lag_ms: 0,
            deferred: 0,
            credits: 0,
            projection_lag: 0,
            tasks_in_flight: 0,
        }
    }

    #[test]
    fn each_state_of_a_shard_has_a_verdict_and_says_what_to_do() {
        assert_eq!(shard(&shard_that("open")), None);
        for (state, verdict) in [
            ("halted", Verdict::Wrong),
            ("unowned", Verdict::Wrong),
            ("claiming", Verdict::Warning),
            ("full", Verdict::Warning),
        ] {
            let check = shard(&shard_that(state)).unwrap();
            assert_eq!((check.verdict, check.help.is_empty()), (verdict, false), "{state}");
        }
        let halted = shard(&shard_that("halted")).unwrap();
        assert!(halted.found.contains("offset 7") && halted.help.contains("shards resume 3"));
    }

    #[test]
    fn a_shard_far_behind_is_worth_a_word() {
        let behind = ShardDto { commands_lag_ms: BEHIND_MS, ..shard_that("open") };
        assert_eq!(shard(&behind).unwrap().verdict, Verdict::Warning);
    }
}
