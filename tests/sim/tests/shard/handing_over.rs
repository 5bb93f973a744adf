//! A shard goes to another node without a rest.

use std::time::Duration;

use flowmill_log::memory::Fate;
use flowmill_log::{Log, ORCHESTRATORS, Partition, Record, Topic};
use flowmill_model::command::{Command, Control};
use flowmill_model::history::Batch;
use flowmill_model::{CommandId, ExecutionId, ShardId, limits};
use flowmill_runtime::spawn;
use tokio::time::{Instant, sleep};

use crate::lonely::{Lonely, SHARD, serves};

/// How long the next owner's claim is on its way.
const CLAIM: Duration = Duration::from_secs(2);

/// Between two commands.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest time between two batches of a shard that has a command every [`PAUSE`] and an owner.
const STEADY: Duration = Duration::from_millis(60);

/// A command that is decided at once, since there is no such execution.
fn cancel(shard: ShardId, number: u64) -> Command {
    let execution = ExecutionId::new(shard, number.into());
    Command::Cancel(Control { execution, id: CommandId::from_bits(number.into()), reason: None })
}

/// Gives a shard commands for a while; says how many.
async fn command(lonely: &Lonely, shard: ShardId, lasting: Duration) -> u64 {
    let (until, mut given) = (Instant::now() + lasting, 0);
    while Instant::now() < until {
        lonely.append_to(shard, cancel(shard, given)).await;
        given += 1;
        sleep(PAUSE).await;
    }
    given
}

/// The commands that batches have taken.
fn taken(batches: &[Batch]) -> u64 {
    batches.last().map_or(0, |batch| batch.positions.commands.get())
}

/// The longest time between two batches of one epoch or two.
fn longest_rest(batches: &[Batch]) -> Duration {
    let rests = batches.windows(2).map(|pair| pair[1].at.since(pair[0].at));
    rests.max().expect("there are batches")
}

#[tokio::test(start_paused = true)]
async fn a_node_that_ends_serves_until_the_next_owner_claims() {
    let lonely = Lonely::new();
    let first = lonely.owner().await;
    let session = lonely.log.session();
    session.set_faults(|to: &Partition, _: &Record| {
        let lands = if to.topic == Topic::History { CLAIM } else { Duration::ZERO };
        Fate::Written { lands, acknowledged: Duration::ZERO, repeats: vec![] }
    });
    let second = lonely.start(session.clone(), 1).await;
    let ending = spawn("the end", async move {
        first.stop().await;
        session.clear_faults();
    });
    let given = command(&lonely, SHARD, CLAIM * 2).await;
    ending.await.unwrap();
    sleep(Duration::from_secs(1)).await;

    let batches = lonely.batches();
    let counts = |epoch: u64| batches.iter().filter(|batch| batch.epoch.get() == epoch).count();
    assert!(counts(1) > 50 && counts(2) > 0, "{} and {}", counts(1), counts(2));
    // The next owner's first batch is as long on its way as its claim.
    let first_term: Vec<_> = batches.iter().filter(|b| b.epoch.get() == 1).cloned().collect();
    assert!(longest_rest(&first_term) < STEADY, "{:?}", longest_rest(&first_term));
    let lasted = first_term[first_term.len() - 1].at.since(first_term[1].at);
    assert!(lasted > CLAIM - STEADY, "{lasted:?}");
    assert_eq!(taken(&batches), given);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_ends_alone_waits_for_nobody() {
    let lonely = Lonely::new();
    let node = lonely.owner().await;
    let begun = Instant::now();
    node.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_nobody_claims_is_stopped_in_good_order() {
    let lonely = Lonely::new();
    let node = lonely.owner().await;
    let idle = lonely.log.session().join(ORCHESTRATORS, &Topic::Commands);
    let begun = Instant::now();
    let ending = spawn("the end", node.stop());
    let given = command(&lonely, SHARD, limits::HAND_OVER / 2).await;
    ending.await.unwrap();
    assert!(begun.elapsed() >= limits::HAND_OVER, "{:?}", begun.elapsed());
    assert!(begun.elapsed() < limits::HAND_OVER * 2, "{:?}", begun.elapsed());
    assert_eq!(taken(&lonely.batches()), given);
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_comes_back_before_it_was_claimed_is_claimed_again() {
    let (lonely, moved) = (Lonely::new(), ShardId::new(1));
    let node = lonely.start(lonely.log.clone(), 2).await;
    serves(&node, moved).await;
    // It gets one of the two shards and does nothing with it.
    let idle = lonely.log.session().join(ORCHESTRATORS, &Topic::Commands);
    let away = command(&lonely, moved, Duration::from_secs(2)).await;
    sleep(PAUSE).await;
    let served = lonely.batches_of(moved);
    assert_eq!(taken(&served), away);
    assert!(served.iter().all(|batch| batch.epoch.get() == 1));
    drop(idle);
    let back = command(&lonely, moved, Duration::from_secs(2)).await;
    sleep(PAUSE).await;
    let served = lonely.batches_of(moved);
    assert_eq!(taken(&served), away + back);
    assert_eq!(served.last().map(|batch| batch.epoch.get()), Some(2));
    node.stop().await;
}
