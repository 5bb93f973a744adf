//! How batches of a busy shard are spaced.

use std::time::Duration;

use flowmill_log::memory::Fate;
use flowmill_log::{Partition, Record, Topic};
use flowmill_model::command::{Command, Control};
use flowmill_model::{CommandId, ExecutionId, Timestamp};

use crate::lonely::{Lonely, SHARD};

/// How long an append to history takes.
const APPEND: Duration = Duration::from_millis(6);

/// A command that is decided at once, since there is no such execution.
fn cancel(number: u64) -> Command {
    let execution = ExecutionId::new(SHARD, number.into());
    Command::Cancel(Control { execution, id: CommandId::from_bits(number.into()), reason: None })
}

/// When each batch with commands was opened, and how many it had.
fn opened(lonely: &Lonely) -> Vec<(Timestamp, u64)> {
    let (mut taken, mut opened) = (0, Vec::new());
    for batch in lonely.batches() {
        let until = batch.positions.commands.get();
        if until > taken {
            opened.push((batch.at, until - taken));
        }
        taken = until;
    }
    opened
}

/// Appends commands, so many at a time and with pauses in between.
async fn batches(at_once: u64, pause: Duration) -> Vec<(Timestamp, u64)> {
    let lonely = Lonely::new();
    lonely.log.set_faults(|to: &Partition, _: &Record| {
        let lands = if to.topic == Topic::History { APPEND } else { Duration::ZERO };
        Fate::Written { lands, acknowledged: Duration::ZERO, repeats: vec![] }
    });
    let node = lonely.owner().await;
    for round in 0..40 {
        for number in 0..at_once {
            lonely.append(cancel(round * at_once + number)).await;
        }
        tokio::time::sleep(pause).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.stop().await;
    opened(&lonely)
}

fn pauses(opened: &[(Timestamp, u64)]) -> impl Iterator<Item = Duration> {
    opened.windows(2).map(|pair| pair[1].0.since(pair[0].0))
}

#[tokio::test(start_paused = true)]
async fn a_busy_shards_next_batch_waits_for_as_long_as_the_last_append_took() {
    let opened = batches(2, Duration::from_millis(1)).await;
    assert_eq!(opened.iter().map(|(_, count)| count).sum::<u64>(), 80);
    assert!(opened.len() > 2, "{opened:?}");
    for pause in pauses(&opened) {
        assert!(pause >= APPEND * 2, "{pause:?} in {opened:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_alone_never_waits() {
    let opened = batches(1, APPEND).await;
    assert!(opened.iter().all(|(_, count)| *count == 1), "{opened:?}");
    for pause in pauses(&opened) {
        assert!(pause < APPEND * 2, "{pause:?} in {opened:?}");
    }
}
