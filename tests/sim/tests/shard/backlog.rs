//! Commands that wait for longer than they should.

use std::time::Duration;

use flowmill_model::command::{Command, Control, Start};
use flowmill_model::{CommandId, ContentHash, ExecutionId, Payload, limits};
use flowmill_routing::{CommandOutcome, Position};
use flowmill_sim::caller::version;

use crate::lonely::{Lonely, SHARD};

/// Commands whose inputs use up what a shard reads ahead.
const ENOUGH: u64 = 24;

#[tokio::test(start_paused = true)]
async fn a_shard_says_how_long_its_oldest_command_has_waited() {
    let lonely = Lonely::new();
    let node = lonely.owner().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let status = node.owners.status(SHARD).expect("it is owned");
    assert_eq!((status.commands_waiting, status.commands_lag), (0, Duration::ZERO));
    for number in 0..ENOUGH {
        lonely.append(start_of_unknown_flow(number, limits::PAYLOAD_BYTES - 2)).await;
    }
    tokio::time::sleep(limits::COMMANDS_LAG + Duration::from_secs(3)).await;
    let status = node.owners.status(SHARD).expect("it is owned");
    assert!(status.commands_waiting > 0, "{status:?}");
    assert!(status.commands_lag > limits::COMMANDS_LAG, "{status:?}");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_owner_decided_is_said_to_be_forgotten() {
    let lonely = Lonely::new();
    let node = lonely.owner().await;
    let execution = ExecutionId::new(SHARD, 7);
    let cancel = Control { execution, id: CommandId::from_bits(1), reason: None };
    let decided = lonely.append(Command::Cancel(cancel.clone())).await;
    let deferred = lonely.append(start_of_unknown_flow(42, 8)).await;
    let of = |offset| Position { shard: SHARD, offset };
    let within = Duration::from_secs(5);
    let outcome = node.owners.outcome(of(decided), within).await.expect("it is decided");
    assert_eq!(outcome, CommandOutcome::Unknown);
    node.stop().await;

    let lonely = Lonely { log: lonely.log.session(), ..lonely };
    let node = lonely.owner().await;
    let outcome = node.owners.outcome(of(decided), within).await.expect("it is told");
    assert_eq!(outcome, CommandOutcome::Forgotten);
    let again = lonely.append(Command::Cancel(cancel)).await;
    let outcome = node.owners.outcome(of(again), within).await.expect("it is decided");
    assert_eq!(outcome, CommandOutcome::Unknown);
    // What is deferred is not decided, whoever deferred it.
    node.owners.outcome(of(deferred), within).await.expect_err("nobody knows yet");
    node.stop().await;
}

/// A start of a version that nobody has deployed, with an input of `bytes` bytes.
fn start_of_unknown_flow(number: u64, bytes: usize) -> Command {
    let execution = ExecutionId::new(SHARD, u128::from(number) + 1_000);
    let input = Payload::from(format!("\"{}\"", "x".repeat(bytes)).into_bytes());
    let hash = ContentHash::new([7; 32]);
    Command::Start(Start { execution, flow: version("inline"), hash, input, keyed: false })
}
