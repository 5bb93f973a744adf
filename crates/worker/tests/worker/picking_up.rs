//! What a worker takes from its queue, what it takes again, and how far it says it got.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowmill_events::{attribute, encode_task};
use flowmill_log::memory::{Derivable, MemorySettings};
use flowmill_log::{Log, Partition, Record, Topic};
use flowmill_model::shard::{FORMAT_LEVEL, ShardAnnouncement};
use flowmill_model::task::TaskRecord;
use flowmill_model::{BatchNumber, Epoch, Offset, ShardId, envelope, limits};
use flowmill_worker_sdk::{TaskContext, Worker};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::rig::{Rig, Running, TYPE, echo, queue, shard_of, task, task_of};

/// A worker whose tasks wait until somebody adds permits, and how often its handler was run.
struct Gated {
    worker: Worker,
    gate: Arc<Semaphore>,
    runs: Arc<AtomicU32>,
}

fn gated(rig: &Rig, slots: usize) -> Gated {
    let (gate, runs) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
    let (inner_gate, inner_runs) = (Arc::clone(&gate), Arc::clone(&runs));
    let handler = move |_: TaskContext, number: u64| {
        inner_runs.fetch_add(1, Ordering::Relaxed);
        let gate = Arc::clone(&inner_gate);
        async move {
            gate.acquire().await.expect("never closed").forget();
            Ok(number)
        }
    };
    let slots = NonZeroUsize::new(slots).expect("not zero");
    let worker = rig.builder().task(TYPE, handler).concurrency(slots).build().expect("a worker");
    Gated { worker, gate, runs }
}

/// Waits until the group has committed everything below `next`.
async fn until_committed(rig: &Rig, next: u64) {
    let patience = Instant::now() + Duration::from_secs(5);
    while rig.committed(0).await != Some(next) {
        assert!(Instant::now() < patience, "committed: {:?}", rig.committed(0).await);
        tokio::time::advance(Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
    }
}

/// Gives everything that can go on the chance to.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A task that may take long.
fn long(number: u64) -> TaskRecord {
    TaskRecord { timeout_ms: 600_000, ..task(number) }
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_committed_and_what_runs_holds_back_what_is_behind_it() {
    let mut rig = Rig::new(1).await;
    let Gated { worker, gate, runs } = gated(&rig, 8);
    gate.add_permits(1);
    let worker = Running::start(worker);
    rig.send(&long(0)).await;
    rig.outcome().await;
    until_committed(&rig, 1).await;
    rig.send(&long(1)).await;
    rig.send(&long(2)).await;
    while runs.load(Ordering::Relaxed) < 3 {
        settle().await;
    }
    tokio::time::advance(limits::TOPIC_GUARDS_TASK - Duration::from_secs(1)).await;
    settle().await;
    assert_eq!(rig.committed(0).await, Some(1), "both would come again");
    gate.add_permits(2);
    until_committed(&rig, 3).await;
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_for_long_counts_as_done_and_one_that_waits_for_a_slot_never_does() {
    let rig = Rig::new(1).await;
    let Gated { worker, gate, runs } = gated(&rig, 2);
    let worker = Running::start(worker);
    for number in 0..3 {
        rig.send(&long(number)).await;
    }
    while runs.load(Ordering::Relaxed) < 2 {
        settle().await;
    }
    tokio::time::advance(limits::TOPIC_GUARDS_TASK).await;
    until_committed(&rig, 2).await;
    tokio::time::advance(limits::TOPIC_GUARDS_TASK * 2).await;
    settle().await;
    assert_eq!(rig.committed(0).await, Some(2), "the third waits for a slot");
    gate.add_permits(3);
    until_committed(&rig, 3).await;
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_topic_that_dies_with_its_worker_counts_as_done_when_it_runs() {
    let derivable = Derivable::LostByNextSession;
    let rig = Rig::on(1, MemorySettings { derivable, ..MemorySettings::default() }).await;
    let partition = Partition::new(Topic::Tasks(queue(TYPE)), 0);
    let start = rig.log.bounds(&partition).await.expect("it is there").start.get();
    let Gated { worker, gate, .. } = gated(&rig, 2);
    let worker = Running::start(worker);
    for number in 0..3 {
        rig.send(&task(number)).await;
    }
    until_committed(&rig, start + 2).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    settle().await;
    assert_eq!(rig.committed(0).await, Some(start + 2), "the third waits for a slot");
    gate.add_permits(1);
    until_committed(&rig, start + 3).await;
    gate.add_permits(2);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_runs_when_a_partition_goes_to_another_worker_is_not_run_there() {
    let mut rig = Rig::new(1).await;
    let one = gated(&rig, 8);
    let first = Running::start(one.worker);
    rig.send(&task(1)).await;
    while one.runs.load(Ordering::Relaxed) < 1 {
        settle().await;
    }
    let two = gated(&rig, 8);
    let second = Running::start(two.worker);
    let ending = first.end();
    one.gate.add_permits(1);
    two.gate.add_permits(9);
    ending.await;
    assert_eq!(rig.outcome().await, echo(1));
    rig.send(&task(2)).await;
    assert_eq!(rig.outcome().await, echo(2));
    assert_eq!(two.runs.load(Ordering::Relaxed), 1, "the first task ended where it ran");
    second.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_comes_again_while_it_runs_is_dropped() {
    let mut rig = Rig::new(1).await;
    let Gated { worker, gate, runs } = gated(&rig, 8);
    let figures = worker.figures();
    let worker = Running::start(worker);
    rig.send(&task(1)).await;
    rig.send(&task(1)).await;
    rig.send(&task(2)).await;
    while figures.of(&queue(TYPE)).duplicates == 0 || runs.load(Ordering::Relaxed) < 2 {
        settle().await;
    }
    gate.add_permits(2);
    assert_eq!(rig.outcome().await, echo(1));
    assert_eq!(rig.outcome().await, echo(2));
    until_committed(&rig, 3).await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(figures.of(&queue(TYPE)).duplicates, 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_comes_again_afterwards_is_answered_and_not_run() {
    let mut rig = Rig::new(1).await;
    let Gated { worker, gate, runs } = gated(&rig, 8);
    let figures = worker.figures();
    gate.add_permits(2);
    let worker = Running::start(worker);
    rig.send(&task(1)).await;
    let first = rig.result_of(0).await;
    rig.send(&task(1)).await;
    assert_eq!(rig.result_of(0).await, first);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(figures.of(&queue(TYPE)).answered_again, 1);
    let mut other_sending = task(1);
    other_sending.token = flowmill_model::TaskToken::new(77);
    rig.send(&other_sending).await;
    assert_eq!(rig.result_of(0).await.token, other_sending.token);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_task_is_passed_over_and_counted() {
    let mut rig = Rig::new(1).await;
    let Gated { worker, gate, .. } = gated(&rig, 1);
    let figures = worker.figures();
    gate.add_permits(1);
    let mut cut = encode_task(&task(1));
    cut.headers.retain(|header| header.name != attribute::TOKEN);
    let worker = Running::start(worker);
    rig.put(&queue(TYPE), shard_of(&task(1)), cut).await;
    rig.put(&queue(TYPE), shard_of(&task(1)), Record::default()).await;
    rig.send(&task(2)).await;
    assert_eq!(rig.outcome().await, echo(2));
    assert_eq!(figures.of(&queue(TYPE)).undecodable, 2);
    until_committed(&rig, 3).await;
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_newer_format_stops_its_partition_and_no_other() {
    let mut rig = Rig::new(2).await;
    let Gated { worker, gate, .. } = gated(&rig, 8);
    let figures = worker.figures();
    gate.add_permits(8);
    let mut newer = encode_task(&task(1));
    let kind = newer.headers.iter_mut().find(|header| header.name == attribute::TYPE);
    kind.expect("a task has a type").value = "io.flowmill.task.v2".into();
    rig.send(&task(0)).await;
    rig.put(&queue(TYPE), shard_of(&task(1)), newer).await;
    rig.send(&task(2)).await;
    let worker = Running::start(worker);
    assert_eq!(rig.outcome().await, echo(0));
    rig.send(&task_of(1, 3)).await;
    assert_eq!(rig.result_of(1).await.outcome, echo(3));
    settle().await;
    let figures = figures.of(&queue(TYPE));
    assert_eq!((figures.stopped, figures.picked_up), (1, 2));
    worker.end().await;
    assert_eq!(rig.committed(0).await, Some(1), "nothing is said of what comes after");
}

#[tokio::test(start_paused = true)]
async fn a_worker_goes_on_where_its_group_has_got_to() {
    let mut rig = Rig::new(1).await;
    let Gated { worker, gate, .. } = gated(&rig, 1);
    gate.add_permits(9);
    rig.send(&task(0)).await;
    let first = Running::start(worker);
    assert_eq!(rig.outcome().await, echo(0));
    first.end().await;
    rig.send(&task(1)).await;
    let Gated { worker, gate, runs } = gated(&rig, 1);
    gate.add_permits(9);
    let second = Running::start(worker);
    assert_eq!(rig.outcome().await, echo(1));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    second.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_passes_over_what_the_log_has_let_go_of() {
    let mut rig = Rig::new(1).await;
    let Gated { worker, gate, .. } = gated(&rig, 1);
    gate.add_permits(9);
    rig.send(&task(0)).await;
    let first = Running::start(worker);
    rig.outcome().await;
    first.end().await;
    rig.send(&task(1)).await;
    rig.send(&task(2)).await;
    let partition = Partition::new(Topic::Tasks(queue(TYPE)), 0);
    rig.log.trim(&partition, Offset::new(2)).await.expect("it is there");
    let Gated { worker, gate, .. } = gated(&rig, 1);
    gate.add_permits(9);
    let second = Running::start(worker);
    assert_eq!(rig.outcome().await, echo(2));
    second.end().await;
}

#[tokio::test(start_paused = true)]
async fn workers_of_a_queue_share_its_partitions() {
    let mut rig = Rig::new(2).await;
    let (one, two) = (gated(&rig, 8), gated(&rig, 8));
    one.gate.add_permits(9);
    two.gate.add_permits(9);
    let first = Running::start(one.worker);
    settle().await;
    let second = Running::start(two.worker);
    settle().await;
    for shard in 0..2 {
        rig.send(&task_of(shard, 1)).await;
        rig.result_of(shard).await;
    }
    let runs = [&one.runs, &two.runs].map(|runs| runs.load(Ordering::Relaxed));
    assert_eq!(runs, [1, 1]);
    first.end().await;
    for shard in 0..2 {
        rig.send(&task_of(shard, 2)).await;
        rig.result_of(shard).await;
    }
    assert_eq!(two.runs.load(Ordering::Relaxed), 3);
    second.end().await;
}

/// Says that the shard 0 has an owner of `epoch`, which found that mark.
async fn announce(rig: &Rig, epoch: u64, mark: u64) {
    let announcement = ShardAnnouncement {
        shard: ShardId::new(0),
        epoch: Epoch::new(epoch),
        mark_found: BatchNumber::new(mark),
        node: "node-2".to_owned(),
        address: None,
        format: FORMAT_LEVEL,
    };
    let record = Record::keyed(announcement.key(), envelope::encode(&announcement));
    let shards = Partition::new(Topic::Shards, 0);
    rig.log.append(&shards, record).await.expect("it is written");
}

#[tokio::test(start_paused = true)]
async fn a_late_task_that_a_later_owner_has_sent_again_is_dropped_and_no_other_is() {
    let mut rig = Rig::new(1).await;
    announce(&rig, 5, 40).await;
    let Gated { worker, gate, runs } = gated(&rig, 8);
    let figures = worker.figures();
    gate.add_permits(9);
    let sent = |number: u64, epoch: u64, batch: u64| {
        let (epoch, batch) = (Epoch::new(epoch), BatchNumber::new(batch));
        TaskRecord { epoch, batch, ..task(number) }
    };
    let worker = Running::start(worker);
    settle().await;
    rig.send(&sent(1, 4, 41)).await;
    rig.send(&sent(2, 4, 40)).await;
    rig.send(&sent(3, 5, 41)).await;
    rig.send(&sent(4, 6, 41)).await;
    for number in 2..=4 {
        assert_eq!(rig.outcome().await, echo(number));
    }
    until_committed(&rig, 4).await;
    assert_eq!((runs.load(Ordering::Relaxed), figures.of(&queue(TYPE)).superseded), (3, 1));
    worker.end().await;
}
