//! Watches the servers for restarts, writes again what one may have lost, and moves the margin
//! mark.
//!
//! A server's gossip generation rises with every start of its process, so rows are lost only
//! where it has changed. A server that cannot be reached counts as one that has restarted: when
//! it stops, what only it had is written to the others, and when it is back its generation tells
//! whether it lost something.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use scylla::cluster::Node;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::statement::Consistency;
use scylla::statement::unprepared::Statement as Text;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::plan::{Before, Planner};
use super::settings::CqlTuning;
use super::unproven::{Due, LossEpoch, Work};
use super::{Inner, purge, watermarks, writing};
use crate::contract::StoreError;

/// How long a server may take to say whether it has restarted.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// The least pause between two rounds, however much trouble there is.
const LEAST_PAUSE: Duration = Duration::from_millis(200);

/// What is known of the servers. One round at a time.
#[derive(Debug)]
pub(super) struct Keeper(Mutex<HashMap<[u8; 16], Seen>>);

/// How a server was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Running since the start with this number.
    Running(Option<i32>),
    /// Not at all.
    Away(Option<i32>),
}

/// What a look at all servers gave.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// One has restarted, or is away since now.
    lost: bool,
    /// One answered.
    any: bool,
}

impl Keeper {
    /// Takes a first look.
    pub(super) async fn start(client: &Client) -> Self {
        let mut seen = HashMap::new();
        look(client, &mut seen).await;
        Self(Mutex::new(seen))
    }
}

/// Keeps rows safe and the margin mark moving, until it is dropped.
pub(super) async fn run(inner: &Inner, tuning: CqlTuning) {
    loop {
        sleep(LEAST_PAUSE.min(tuning.probe_every)).await;
        let trouble = inner.client.trouble().notified();
        // Either way it is time for a round.
        drop(tokio::time::timeout(tuning.probe_every.saturating_sub(LEAST_PAUSE), trouble).await);
        if let Err(error) = round(inner).await {
            tracing::debug!(%error, "the store's rows are not all safe yet");
        }
    }
}

/// Looks for restarts and does what follows; afterwards nothing that was acknowledged before it
/// began is missing. Answers the epoch this was true in.
pub(super) async fn round(inner: &Inner) -> Result<LossEpoch, StoreError> {
    let mut seen = inner.keeper.0.lock().await;
    let began = Instant::now();
    let Look { lost, any } = look(&inner.client, &mut seen).await;
    if lost {
        tracing::warn!(
            "a CQL server has restarted or cannot be reached; writing recent rows again"
        );
        inner.unproven.lost();
        inner.known.forget_announcements();
    }
    if !any {
        return Err(StoreError::Unavailable("no CQL server answers".into()));
    }
    while let Some(due) = inner.unproven.due() {
        do_again(inner, &due).await?;
        inner.unproven.written_again(due.number, due.epoch);
    }
    inner.unproven.proven(began);
    for (shard, mark) in inner.unproven.margins() {
        watermarks::set_margin(&inner.client, shard, mark).await?;
        inner.unproven.margin_moved(shard, mark);
    }
    Ok(inner.unproven.epoch())
}

/// Writes or purges again, whatever is stored: timestamps put everything in its place.
async fn do_again(inner: &Inner, due: &Due) -> Result<(), StoreError> {
    let write = match &due.work {
        Work::Write(packed) => packed.unpack(),
        Work::Purge(purged) => return purge::again(inner, purged).await,
    };
    let mut planner = Planner::new(due.shard);
    for entry in &write.executions {
        planner.add(entry, &Before::Unknown);
    }
    let mut plan = planner.finish(&inner.known);
    writing::send(&inner.client, &mut plan).await?;
    inner.known.announced(plan.buckets, plan.flows);
    Ok(())
}

async fn look(client: &Client, seen: &mut HashMap<[u8; 16], Seen>) -> Look {
    let state = client.session().get_cluster_state();
    let nodes = state.get_nodes_info();
    let asked = nodes.iter().map(|node| generation(client, Arc::clone(node)));
    let answers = futures::future::join_all(asked).await;
    let mut found = Look::default();
    for (node, answer) in nodes.iter().zip(answers) {
        let key = node.host_id.into_bytes();
        let now = next(seen.get(&key).copied(), answer);
        found.any |= matches!(now, Seen::Running(_));
        found.lost |= is_loss(seen.insert(key, now), now);
    }
    found
}

/// How a server is seen now. `None`: it did not answer; `Some(None)`: it has no number to tell.
fn next(before: Option<Seen>, answer: Option<Option<i32>>) -> Seen {
    match (before, answer) {
        (_, Some(generation)) => Seen::Running(generation),
        (None, None) => Seen::Away(None),
        (Some(Seen::Running(last) | Seen::Away(last)), None) => Seen::Away(last),
    }
}

/// Whether rows may be lost between two looks at a server.
fn is_loss(before: Option<Seen>, now: Seen) -> bool {
    match (before, now) {
        (None, _) | (Some(Seen::Away(_)), Seen::Away(_)) => false,
        (Some(Seen::Running(_)), Seen::Away(_)) => true,
        // One that was never seen running held no row of ours, or its number is new.
        (Some(Seen::Away(last)), Seen::Running(now)) => last.is_none() || last != now,
        (Some(Seen::Running(last)), Seen::Running(now)) => last != now,
    }
}

/// The number of a server's start; `None` when it does not answer.
async fn generation(client: &Client, node: Arc<Node>) -> Option<Option<i32>> {
    let mut ask = Text::new("SELECT gossip_generation FROM system.local");
    ask.set_consistency(Consistency::One);
    ask.set_request_timeout(Some(PROBE_WAIT));
    let target = NodeIdentifier::Node(node);
    ask.set_load_balancing_policy(Some(SingleTargetLoadBalancingPolicy::new(target, None)));
    match client.session().query_unpaged(ask, ()).await {
        Ok(answered) => {
            let rows = answered.into_rows_result().ok()?;
            let first = rows.maybe_first_row::<(Option<i32>,)>().ok()?;
            Some(first.and_then(|(generation,)| generation))
        }
        // A server without such a column is watched by its connections alone.
        Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            DbError::Invalid,
            _,
        ))) => Some(None),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_and_a_lost_connection_count_and_a_first_look_does_not() {
        let check = |looks: &[Option<Option<i32>>], losses: &[bool]| {
            let mut before = None;
            for (answer, expect) in looks.iter().zip(losses) {
                let now = next(before, *answer);
                assert_eq!(is_loss(before, now), *expect, "{before:?} to {now:?}");
                before = Some(now);
            }
        };
        let (one, two) = (Some(Some(1)), Some(Some(2)));
        check(&[one, one, two, two], &[false, false, true, false]);
        check(&[one, None, None, one], &[false, true, false, false]);
        check(&[one, None, two], &[false, true, true]);
        check(&[None, one, one], &[false, true, false]);
        check(&[Some(None), Some(None), None, Some(None)], &[false, false, true, true]);
    }
}
