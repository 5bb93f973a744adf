//! What is written when, on a store in memory.

use flowmill_engine::{Command, Moment, decide};
use flowmill_flow::{Flow, Format, compile};
use flowmill_model::command::Start;
use flowmill_model::event::Event;
use flowmill_model::history::{Blob, InputPositions, Transition};
use flowmill_model::{Epoch, Payload};
use flowmill_store::memory::{Fault, Faults, MemoryStore};
use parking_lot::Mutex;

use super::*;

const SHARD: ShardId = ShardId::new(0);

const SHORT: &str = "
flowmill: 1
document: { namespace: test, name: short, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: done, type: end }
connections:
  - begin.out -> done.in
";

const LONG: &str = "
flowmill: 1
document: { namespace: test, name: long, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: day, type: wait, parameters: { for: P1D } }
connections:
  - begin.out -> day.in
";

/// What the projector tells, as text that can be compared.
type Told = Arc<Mutex<Vec<(Vec<ExecutionId>, u64)>>>;

/// Notes what is flushed.
fn heard(told: &Told) -> impl Fn(Report) + Send + Sync + 'static {
    let told = Arc::clone(told);
    move |report| {
        if let Report::Flushed { executions, through } = report {
            let executions = executions.into_iter().map(|(id, _)| id).collect();
            told.lock().push((executions, through.get()));
        }
    }
}

fn tail(number: u64) -> TailBatch {
    TailBatch {
        offset: Offset::new(number),
        epoch: Epoch::new(1),
        number: BatchNumber::new(number),
        positions: InputPositions::default(),
        mark: BatchNumber::new(number),
        at: Timestamp::default(),
        content: true,
        deferred: vec![],
        resolved: vec![],
    }
}

/// A batch that starts an execution of a flow. Later ones have lower identifiers.
fn started(number: u64, flow: &str) -> (ExecutionId, Projected) {
    let flow: Flow = compile(flow.as_bytes(), Format::Yaml).unwrap();
    let id = ExecutionId::new(SHARD, u128::from(u64::MAX - number));
    let now = Timestamp::from_millis(1_767_323_045_678);
    let start = Start {
        execution: id,
        flow: flow.document.flow_version(),
        hash: flow.hash,
        input: Payload::null(),
        keyed: false,
    };
    let start = Command::Start { start, trace: None, sent_at: now };
    let decided = decide(&flow, &Execution::new(id), &start, &Moment { now, seed: 7 }).unwrap();
    let transition = Transition {
        execution: id,
        first: Sequence::default(),
        count: u32::try_from(decided.events.len()).unwrap(),
        events: Blob(Event::encode_all(&decided.events).into()),
    };
    let change = Change {
        id,
        offset: Offset::new(number),
        before: None,
        after: Arc::new(decided.after),
        transitions: vec![RecordedTransition { at: now, transition }],
    };
    (id, Projected { batches: vec![tail(number)], changes: vec![change] })
}

#[tokio::test(start_paused = true)]
async fn a_flush_is_bounded_and_takes_the_oldest_first() {
    let (store, told) = (Arc::new(MemoryStore::new()), Told::default());
    let settings = Arc::new(Settings::default());
    let mut projector =
        Projector::new(store, SHARD, LogIdentity::default(), settings, heard(&told));
    let most = u64::try_from(FLUSH_EXECUTIONS).unwrap();
    let flows =
        (1..=most + 2).map(|number| started(number, if number == 1 { LONG } else { SHORT }));
    let (ids, projected): (Vec<_>, Vec<_>) = flows.unzip();
    projected.into_iter().for_each(|projected| projector.take(projected));
    assert_eq!(projector.ended, FLUSH_EXECUTIONS + 1);

    assert!(projector.flush(Duration::MAX).await.is_ok());
    let (first, _) = told.lock().pop().unwrap();
    assert_eq!(first, ids[1..=FLUSH_EXECUTIONS], "the first one goes on, the last one waits");
    assert!(projector.flush(Duration::ZERO).await.is_ok());
    let (rest, through) = told.lock().pop().unwrap();
    assert_eq!((rest, through), (vec![ids[0], ids[FLUSH_EXECUTIONS + 1]], most + 2));
    assert_eq!((projector.ended, projector.pending.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_written_at_once_and_what_goes_on_a_little_later() {
    let (store, told) = (Arc::new(MemoryStore::new()), Told::default());
    let settings = Arc::new(Settings::default());
    let (flush, hold_back) = (settings.flush_every * 2, settings.hold_back * 2);
    let log = LogIdentity::default();
    let store: Arc<dyn Store> = store;
    let projector = Projector::new(Arc::clone(&store), SHARD, log, settings, heard(&told));
    let (sender, receiver) = mpsc::unbounded_channel();
    let running = flowmill_runtime::spawn("projector", projector.run(receiver));

    let (long, first) = started(1, LONG);
    let (short, second) = started(2, SHORT);
    sender.send(first).unwrap();
    sender.send(second).unwrap();
    tokio::time::sleep(flush).await;
    // The watermark may not pass what is held back.
    assert_eq!(std::mem::take(&mut *told.lock()), [(vec![short], 0)]);
    assert!(store.load(long).await.unwrap().is_none());
    tokio::time::sleep(hold_back).await;
    assert_eq!(std::mem::take(&mut *told.lock()), [(vec![long], 2)]);

    let (held, third) = started(3, LONG);
    sender.send(third).unwrap();
    drop(sender);
    running.await.unwrap();
    assert_eq!(*told.lock(), [(vec![held], 3)], "nothing is left at the end");
    assert!(store.load(held).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_is_spared_but_not_for_as_long_as_it_was_away() {
    const AWAY: Duration = Duration::from_secs(600);
    let began = Instant::now();
    let hook = move |_| if began.elapsed() < AWAY { Fault::Slow(AWAY) } else { Fault::None };
    let faults = Faults { hook: Some(Arc::new(hook)), loss_window: None };
    let (told, settings) = (Told::default(), Arc::new(Settings::default()));
    let (flush_every, hold_back) = (settings.flush_every, settings.hold_back);
    let store = Arc::new(MemoryStore::with_faults(faults));
    let log = LogIdentity::default();
    let projector = Projector::new(store, SHARD, log, settings, heard(&told));
    let (sender, receiver) = mpsc::unbounded_channel();
    let running = flowmill_runtime::spawn("projector", projector.run(receiver));
    let (ended, first) = started(1, SHORT);
    sender.send(first).unwrap();
    tokio::time::sleep(AWAY + flush_every * 2).await;
    assert_eq!(std::mem::take(&mut *told.lock()), [(vec![ended], 1)]);

    let (held, second) = started(2, LONG);
    sender.send(second).unwrap();
    tokio::time::sleep(hold_back + flush_every * 2).await;
    assert!(told.lock().is_empty(), "it is held back for longer than usual");
    tokio::time::sleep(SPARED).await;
    assert_eq!(std::mem::take(&mut *told.lock()), [(vec![held], 2)]);
    drop(sender);
    running.await.unwrap();
}
