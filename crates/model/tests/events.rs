//! The stored form of every kind of event: what was written once is read for ever.
//!
//! `testdata/events-<version>.hex` holds one event of each kind, one a line: its name and its
//! frame in hexadecimal. A new version of any kind gets a file of its own; the old ones stay and
//! must still decode. `UPDATE_GOLDEN=1` writes the newest file anew.

use flowmill_model::envelope::{self, FrameError};
use flowmill_model::event::*;
use flowmill_model::history::Blob;
use flowmill_model::{
    Activation, BlockIndex, CommandId, ConnectionIndex, ContentHash, FlowName, FlowVersion,
    FrameId, Name, NodeIndex, Payload, PortIndex, Problem, Queue, TaskToken, TimerId, Timestamp,
    TraceContext, Version,
};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_767_323_045_000 + millis)
}

fn timer(id: u32) -> TimerSet {
    TimerSet { id: TimerId::new(id), due: at(45_000) }
}

fn queue(text: &str) -> Queue {
    Queue::new(text).expect("a name")
}

fn activation() -> Activation {
    Activation::new(NodeIndex::new(3), 300)
}

fn connections(raw: [u16; 2]) -> Vec<ConnectionIndex> {
    raw.map(ConnectionIndex::new).to_vec()
}

fn problem() -> Problem {
    Problem::new("https://x.test/no", 503, "No").with_detail("away").with_instance("/nodes/3")
}

fn emission(value: Value, result: Option<ResultPlace>) -> Emission {
    let port = PortIndex::new(1);
    Emission { value, port, connections: connections([4, 500]), keep: true, result }
}

fn new(json: &'static str) -> Value {
    Value::New(Payload::from(json))
}

fn cleared() -> Vec<TimerId> {
    vec![TimerId::new(7), TimerId::new(70_000)]
}

fn command() -> CommandId {
    CommandId::from_bits(u128::MAX - 1)
}

fn started() -> Started {
    let name = |text| Name::new(text).expect("a name");
    let flow = FlowName { namespace: name("shop"), name: name("orders") };
    let version = Version::new("1.2.3").expect("a version");
    Started {
        flow: FlowVersion { flow, version },
        hash: ContentHash::new([0xab; 32]),
        input: Payload::from("{\"total\":5}"),
        trace: TraceContext::new(u128::MAX, 77, 1),
        sent_at: at(0),
        at: at(5),
        deadline: Some(timer(0)),
    }
}

fn node_events(frame: FrameId) -> Vec<Event> {
    let activation = activation();
    let consumed = connections([1, 2]);
    let (name, at) = (queue("go"), at(9));
    vec![
        NodeCompleted { activation, consumed: consumed.clone(), emission: None, frame }.into(),
        NodeSkipped {
            activation,
            consumed: consumed.clone(),
            emission: Some(emission(Value::Same, None)),
            frame,
        }
        .into(),
        NodeBranched {
            activation,
            consumed: consumed.clone(),
            branches: vec![
                Branch { port: PortIndex::new(0), connections: connections([3, 4]) },
                Branch { port: PortIndex::new(2), connections: Vec::new() },
            ],
            keep: true,
            result: None,
            frame,
        }
        .into(),
        ContextSet {
            activation,
            consumed: consumed.clone(),
            context: Payload::from("{\"a\":1}"),
            emission: emission(Value::Same, None),
            frame,
        }
        .into(),
        NodeFailed {
            activation,
            consumed: consumed.clone(),
            cleared: cleared(),
            emission: emission(new("{}"), None),
            frame,
        }
        .into(),
        WaitStarted { activation, consumed: consumed.clone(), timer: timer(3), at, frame }.into(),
        WaitCompleted { activation, cleared: cleared(), emission: emission(Value::Same, Some(4)) }
            .into(),
        SignalAwaited {
            activation,
            consumed: consumed.clone(),
            name,
            timer: Some(timer(4)),
            at,
            frame,
        }
        .into(),
        SignalDelivered {
            activation,
            command: Some(command()),
            name: queue("go"),
            consumed,
            cleared: cleared(),
            emission: emission(new("1"), Some(0)),
            frame,
        }
        .into(),
    ]
}

fn task_events(frame: FrameId) -> Vec<Event> {
    let (activation, attempt, token) = (activation(), 2, TaskToken::new(u64::MAX));
    let at = at(10);
    vec![
        TaskScheduled {
            activation,
            consumed: connections([1, 2]),
            token,
            task_type: queue("http.request"),
            queue: queue("slow"),
            input: Payload::from("{}"),
            timeout_ms: 45_000,
            timer: timer(1),
            deadline: Some(timer(2)),
            at,
            frame,
        }
        .into(),
        TaskStarted { activation, attempt, first: true, at }.into(),
        TaskCompleted {
            activation,
            attempt,
            cleared: cleared(),
            emission: Some(emission(new("[1]"), None)),
        }
        .into(),
        AttemptFailed {
            activation,
            attempt,
            problem: problem(),
            cleared: cleared(),
            retry: timer(5),
        }
        .into(),
        TaskPostponed { activation, attempt, cleared: cleared(), until: timer(6) }.into(),
        TaskRescheduled { activation, attempt, token, cleared: cleared(), timer: timer(7), at }
            .into(),
        TaskRedispatched { activation, attempt, token, cleared: cleared(), timer: timer(8) }.into(),
        TaskTimerMoved {
            activation,
            attempt,
            started: Some(at),
            cleared: cleared(),
            timer: timer(9),
        }
        .into(),
    ]
}

fn scope_events() -> Vec<Event> {
    let (activation, frame, at) = (activation(), FrameId::new(5), at(12));
    let items = vec![Payload::from("1"), Payload::from("\"b\"")];
    let instead = Some(Payload::from("{}"));
    let outcome = FrameOutcome::Failed { problem: problem(), run: Some(activation), instead };
    vec![
        ScopeEntered {
            activation,
            frame,
            consumed: connections([1, 2]),
            work: ScopeWork::Items(items),
            at,
        }
        .into(),
        FrameOpened {
            activation,
            frame,
            block: BlockIndex::new(2),
            index: 300,
            undoes: Some(7),
            cleared: cleared(),
        }
        .into(),
        FrameClosed { activation, frame, outcome, cleared: cleared() }.into(),
        ScopeDelayed { activation, timer: timer(10) }.into(),
        ScopeCompleted { activation, cleared: cleared(), emission: emission(Value::Same, None) }
            .into(),
    ]
}

fn lifecycle_events() -> Vec<Event> {
    let (command, reason, at) = (command(), Some("because".to_owned()), at(11));
    let input = Blob(vec![1, 2, 3].into());
    vec![
        started().into(),
        SignalBuffered { command, name: queue("go"), payload: Payload::from("1") }.into(),
        TimerHeld { timer: TimerId::new(9) }.into(),
        Suspended { command, reason: reason.clone(), at }.into(),
        Resumed { command, reason: reason.clone() }.into(),
        Quarantined { problem: problem(), input: Some(input.clone()), at }.into(),
        InputKept { input }.into(),
        Completed { output: new("7"), cleared: cleared(), at }.into(),
        Faulted { problem: problem(), activation: Some(activation()), cleared: cleared(), at }
            .into(),
        Cancelled { command, reason, cleared: cleared(), at }.into(),
    ]
}

/// One event of each kind, in the order of their names' list.
fn samples() -> Vec<Event> {
    let root = FrameId::ROOT;
    let mut all =
        [lifecycle_events(), node_events(root), task_events(root), scope_events()].concat();
    all.sort_by_key(|event| Event::NAMES.iter().position(|name| *name == event.name()));
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn line(event: &Event) -> String {
    format!("{} {}\n", event.name(), hex(&Event::encode_all(std::slice::from_ref(event))))
}

/// `testdata/events-<version>.hex` has these events as that version stored them.
fn check_golden(version: u32, events: &[Event]) {
    let path = format!("{}/testdata/events-{version}.hex", env!("CARGO_MANIFEST_DIR"));
    let found: String = events.iter().map(line).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).expect("the file can be written");
    }
    let expect = std::fs::read_to_string(&path).expect("the file is there");
    assert_eq!(found, expect);
}

#[test]
fn every_kind_is_stored_as_it_was_in_each_version() {
    check_golden(1, &samples());
    // In a block of a node; what other kinds are like has not changed.
    let frame = FrameId::new(5);
    let inside = [node_events(frame), task_events(frame)].concat();
    let changed = inside.into_iter().filter(|event| !samples().contains(event));
    check_golden(2, &changed.collect::<Vec<_>>());
}

#[test]
fn the_samples_are_of_every_kind() {
    let names: Vec<_> = samples().iter().map(Event::name).collect();
    assert_eq!(names, Event::NAMES);
}

#[test]
fn events_follow_each_other_and_survive_their_encoding() {
    let frame = FrameId::new(u32::MAX);
    let events = [samples(), node_events(frame), task_events(frame)].concat();
    let bytes = Event::encode_all(&events);
    assert_eq!(Event::decode_all(&bytes).expect("they decode"), events);
    assert!(Event::decode_all(&bytes[..bytes.len() - 1]).is_err(), "the last one is cut");
    let bound: usize = events.iter().map(Event::size_bound).sum();
    assert!(bytes.len() <= bound, "{} bytes, {bound} announced", bytes.len());
}

#[derive(bincode::Encode, bincode::Decode)]
struct Unheard;
flowmill_model::framed! { Unheard = 199, 1; }

#[test]
fn a_kind_that_this_build_does_not_know_is_named() {
    let mut bytes = Event::encode_all(&samples()[..1]);
    envelope::write(&Unheard, &mut bytes);
    let error = Event::decode_all(&bytes).expect_err("an unknown kind");
    assert!(matches!(error, FrameError::UnknownKind { kind: 199, version: 1 }), "{error}");
    assert!(error.is_newer_format());
}
