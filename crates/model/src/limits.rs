//! Every limit of the engine, each with its unit and its reason.
//!
//! A limit is met with a clear error or with back-pressure, never with growth.

use std::time::Duration;

/// Characters in a namespace, flow name, version, task type or queue. 63 is a DNS label, and what
/// topic names and metric labels carry without trouble.
pub const NAME_CHARS: usize = 63;

/// Characters of the name of a topic of the user's own: what Kafka takes.
pub const TOPIC_CHARS: usize = 249;

/// Bytes of JSON in one input, one node's output, one HTTP response. Keeps a record of every
/// kind well below the largest one a log accepts.
pub const PAYLOAD_BYTES: usize = 1024 * 1024;

/// Bytes of an execution's encoded state. One load, one checkpoint, one copy in memory.
pub const STATE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of events that one input may decide. A batch must hold at least one input's outcome.
pub const DECISION_BYTES: usize = 4 * 1024 * 1024;

/// Inputs in one batch. Bounds the work that one failed append throws away.
pub const BATCH_INPUTS: usize = 1_000;

/// Bytes of transitions after which a batch closes. Half of [`RECORD_BYTES`], so that the last
/// input's outcome still fits.
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of one record in any topic. `max.message.bytes` of every topic the engine makes.
pub const RECORD_BYTES: usize = 8 * 1024 * 1024;

/// Headers of a task or a result. Tracing agents add some of their own; nobody adds a hundred.
pub const RECORD_HEADERS: usize = 128;

/// How long a batch waits for an execution's decision before its input is deferred. One slow
/// expression must hold up nobody else.
pub const DECISION_WAIT: Duration = Duration::from_millis(20);

/// The longest that the next batch of a busy shard gathers inputs. It waits as long as the last
/// append took, and a log that is slower than this is not helped by waiting longer.
pub const GATHERING: Duration = Duration::from_millis(10);

/// Deferred inputs at which a shard stops reading commands. Above it, results only: work in
/// flight must drain.
pub const DEFERRED_INPUTS: usize = 1_000;

/// Bytes of deferred inputs at which a shard stops reading commands.
pub const DEFERRED_BYTES: usize = 8 * 1024 * 1024;

/// Deferred inputs at which a shard stops reading results, too.
pub const DEFERRED_INPUTS_HARD: usize = 10_000;

/// Bytes of deferred inputs at which a shard stops reading results, too.
pub const DEFERRED_BYTES_HARD: usize = 80 * 1024 * 1024;

/// Age at which a deferral is renewed, so that it does not pin the watermark.
pub const DEFERRAL_RENEWAL: Duration = Duration::from_secs(5 * 60);

/// Age at which a deferral is decided as a recorded fault.
pub const DEFERRAL_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);

/// Signals one execution keeps that no node waits for yet. They are part of its state, which is
/// bounded.
pub const BUFFERED_SIGNALS: usize = 100;

/// Command ids one execution remembers, for their deduplication: 4 KiB of its state, and more than
/// a caller repeats.
pub const REMEMBERED_COMMANDS: usize = 256;

/// Inputs kept in the state of a quarantined execution.
pub const QUARANTINED_INPUTS: usize = 100;

/// Timers of one shard held in memory. Beyond it the horizon shrinks.
pub const TIMERS_IN_MEMORY: usize = 100_000;

/// How far ahead timers are held in memory.
pub const TIMER_HORIZON: Duration = Duration::from_secs(5 * 60);

/// Executions of one shard in memory, above which those at rest are let go at once.
pub const LIVE_EXECUTIONS: usize = 10_000;

/// Bytes of committed events of one shard that are not in the store yet, from which on the shard
/// takes no more commands, so that memory stays bounded when the store is slow or away. Commands
/// are safe in the log meanwhile, and results go on.
pub const UNFLUSHED_BYTES: usize = 16 * 1024 * 1024;

/// What a committed transition counts for besides its events in [`UNFLUSHED_BYTES`]: the state
/// and the bookkeeping around it, in bytes.
pub const UNFLUSHED_OVERHEAD_BYTES: usize = 1024;

/// Lifecycle events of one shard that could not be sent in time and are tried on. Beyond it they
/// are lost, and counted: listeners' events must not fill an owner's memory.
pub const LATE_LIFECYCLE_EVENTS: usize = 10_000;

/// How long an owner without input waits before it commits a moved dispatched mark.
pub const MARK_DELAY: Duration = Duration::from_millis(200);

/// Attempts of a task without a `retry` of its own.
pub const DEFAULT_ATTEMPTS: u32 = 5;

/// Delay before the second attempt of a task without a `retry` of its own.
pub const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(3);

/// Largest delay between attempts of a task without a `retry` of its own.
pub const DEFAULT_RETRY_MAX_DELAY: Duration = Duration::from_secs(60);

/// Start-to-close time of one attempt without a `timeout` of its own.
pub const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(45);

/// How long a gateway repeats a start whose outcome it does not know.
pub const START_REPEATS: Duration = Duration::from_secs(20);

/// How long an owner remembers the starts it decided: longer than any of them is repeated.
pub const START_MEMORY: Duration = Duration::from_secs(30);

/// How long a command's caller waits for its decision before it is told to ask again.
pub const COMMAND_WAIT: Duration = Duration::from_secs(5);

/// How long the oldest command may wait before its shard takes no more starts. Whoever starts more
/// than is decided should learn of it while the wait is still short.
pub const COMMANDS_LAG: Duration = Duration::from_secs(10);

/// How long finished executions are kept unless set otherwise: a week, so that what went wrong on
/// a Friday can still be looked at.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Characters of an idempotency key: room for two ids and a name, and short enough for a header.
pub const IDEMPOTENCY_KEY_CHARS: usize = 256;

/// Characters of a problem's detail. Longer ones are cut: an error must not outgrow its payload.
pub const PROBLEM_DETAIL_CHARS: usize = 4_096;

/// Bytes of rows that the embedded store has acknowledged and not yet made durable. It keeps them
/// in memory, to write them again should the file have to be opened anew.
pub const STORE_UNSYNCED_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of rows that the embedded store gathers into one transaction. One that fails is answered
/// and repeated as a whole.
pub const STORE_GATHERED_BYTES: usize = 4 * 1024 * 1024;

/// Changes that wait for the embedded store's writer. The next caller waits for a place.
pub const STORE_WAITING_CHANGES: usize = 256;

/// Reads of the embedded store at a time. Each may hold a thread while the disk seeks.
pub const STORE_READS: usize = 8;

/// Bytes of free disk below which the embedded store takes no rows. redb gives up a file whose
/// disk is full until it is opened anew, so it is better not to try.
pub const STORE_RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// Changes of the CQL store in flight at a time, and reads, unless set otherwise. Two cores of a server are
/// busy with fewer, and more only wait there.
pub const STORE_REQUESTS: usize = 32;

/// How long one request of the CQL store may take. Longer than a server's own time-out for a
/// write, so that it says what is wrong.
pub const STORE_REQUEST_WAIT: Duration = Duration::from_secs(3);

/// How long after its acknowledgement the CQL store keeps a row in memory, since a crash of a
/// server may lose it. Three times what a server takes to sync its commit log.
pub const STORE_MARGIN: Duration = Duration::from_secs(30);

/// Bytes of rows that the CQL store keeps in memory for [`STORE_MARGIN`]. Beyond it a write waits.
pub const STORE_UNPROVEN_BYTES: usize = 128 * 1024 * 1024;

/// Bytes of a state that the CQL store keeps in one cell. A larger one is kept in parts: servers
/// are slow with large cells.
pub const STORE_STATE_CELL_BYTES: usize = 64 * 1024;

/// Bytes of a row of history that the CQL store keeps in one cell. A larger one is kept in parts:
/// a request must stay below half a segment of the server's commit log.
pub const STORE_EVENTS_CELL_BYTES: usize = 1024 * 1024;

/// Bytes of one part of what the CQL store keeps in parts.
pub const STORE_PART_BYTES: usize = 64 * 1024;

/// Rows of one partition that the CQL store writes in one batch.
pub const STORE_BATCH_ROWS: usize = 50;

/// Bytes that the CQL store writes in one batch. One that fails is repeated as a whole.
pub const STORE_BATCH_BYTES: usize = 64 * 1024;

/// Partitions of which the CQL store puts small changes into one request. Cassandra complains of
/// more in its log.
pub const STORE_SHARED_PARTITIONS: usize = 10;

/// Bytes of a request with changes of several partitions. Cassandra complains of 5 KiB in its log
/// and refuses 50; ScyllaDB takes more.
pub const STORE_SHARED_BYTES: usize = 4 * 1024;

/// Executions of which the CQL store remembers how lists show them, so that it need not ask before
/// it writes. About 300 bytes each.
pub const STORE_KNOWN_EXECUTIONS: usize = 50_000;

/// Parts of lists that the CQL store looks at for one page. A list with fewer entries than that
/// many parts hold is asked for by time.
pub const LIST_PARTS: usize = 10_000;

/// Bytes of one segment file of the embedded log. Large enough that making one is rare, small
/// enough that trimmed room comes back soon.
pub const LOG_SEGMENT_BYTES: u32 = 64 * 1024 * 1024;

/// Smallest size, in bytes, that may be set for a segment file of the embedded log. It must hold
/// the positions of every partition and room to trim.
pub const LOG_SEGMENT_BYTES_MIN: u32 = 64 * 1024;

/// Largest size, in bytes, that may be set for a segment file of the embedded log. Positions in a
/// file are 32 bits.
pub const LOG_SEGMENT_BYTES_MAX: u32 = 1024 * 1024 * 1024;

/// Bytes of recent records the embedded log serves from memory. A reader that keeps up never
/// touches the disk.
pub const LOG_CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of tasks and results the embedded log holds until they are picked up. Beyond it their
/// appends are refused as on a full disk: whoever sends must wait.
pub const LOG_DERIVABLE_BYTES: usize = 128 * 1024 * 1024;

/// Bytes of appends that may wait for the embedded log's disk. Beyond it appends are refused as
/// on a full disk.
pub const LOG_WAITING_BYTES: usize = 256 * 1024 * 1024;

/// How long a node serves a shard on whose turn has gone elsewhere, while no other node has claimed
/// it. Whoever takes it hears of that within a heartbeat, or, when a member of the group has died,
/// within its session time-out of 6 s.
pub const HAND_OVER: Duration = Duration::from_secs(10);

/// How long a member of a group that shows progress may be silent before it leaves the group. A
/// node that is stuck must not keep its shards from others.
pub const PROGRESS_SILENCE: Duration = Duration::from_secs(10);

/// How long a shard may take to stop whose loop was stuck for [`PROGRESS_SILENCE`]. One that does
/// not holds what it has until its process ends, so the process ends.
pub const STUCK_SHARD_STOPS: Duration = Duration::from_secs(5);

/// Bytes given to one producer of Kafka that are not acknowledged. Beyond it appends are refused:
/// whoever sends must wait.
pub const KAFKA_IN_FLIGHT_BYTES: usize = 64 * 1024 * 1024;

/// Bytes fetched from Kafka for one reader that it has not read. Beyond it the partition is paused
/// until half of them are read.
pub const KAFKA_READ_AHEAD_BYTES: usize = 4 * 1024 * 1024;

/// Bytes after which the embedded log writes and syncs what it has gathered. Bounds how long the
/// first append of a group waits for the last.
pub const LOG_GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of one flow definition. It must fit into a record together with its envelope, and a
/// definition written by hand stays far below it.
pub const DEFINITION_BYTES: usize = 1024 * 1024;

/// How deeply a definition may be nested. Reading it must not exhaust a stack.
pub const DEFINITION_DEPTH: usize = 64;

/// Nodes of one flow. A [`crate::NodeIndex`] holds more; the graph's checks are quadratic.
pub const FLOW_NODES: usize = 1_000;

/// Connections of one flow. A [`crate::ConnectionIndex`] holds more.
pub const FLOW_CONNECTIONS: usize = 10_000;

/// Cases of one `switch`. A [`crate::PortIndex`] must hold them and the other ports.
pub const SWITCH_CASES: usize = 200;

/// Tasks of one document of the Open Workflow Specification. Each becomes a node at least.
pub const WORKFLOW_TASKS: usize = 1_000;

/// Characters of a task's name in such a document. It is part of the task's reference, which the
/// history carries.
pub const TASK_NAME_CHARS: usize = 200;

/// Triggers of one flow. Each is a consumer group of its own.
pub const FLOW_TRIGGERS: usize = 16;

/// Flows with triggers that one gateway serves, and that a cluster takes. Each is a consumer of
/// Kafka with a thread and connections of its own.
pub const TRIGGERED_FLOWS: usize = 64;

/// Records of one partition that a trigger has read and is not done with, from which on the
/// partition is paused. Enough to hide the latency of starts; what is read is read again after a
/// crash.
pub const TRIGGER_RECORDS: usize = 256;

/// Bytes of them.
pub const TRIGGER_BYTES: usize = 8 * 1024 * 1024;

/// Records of one partition that a trigger starts executions for at the same time.
pub const TRIGGER_STARTS: usize = 64;

/// Records of one flow whose expressions are evaluated at the same time, each on a thread: they
/// must not take all of a machine.
pub const TRIGGER_EVALUATIONS: usize = 2;

/// Cases in one file of test cases. Nobody reviews a longer one.
pub const CASES: usize = 500;

/// Outcomes of one node's task, signals, or ids of nodes that one test case lists.
pub const CASE_ITEMS: usize = 1_000;

/// Steps of one test case: results, signals and timers. A flow has no circles, so that only
/// retries can make many.
pub const CASE_STEPS: usize = 20_000;

/// Errors of one definition that are reported. Beyond it the rest is counted only.
pub const DIAGNOSTICS: usize = 100;

/// Bytes of one expression's text: it is parsed whole, and nobody reviews a longer one.
pub const EXPRESSION_BYTES: usize = 16 * 1024;

/// How deeply the parts of an expression may be nested. Compiling it must not exhaust a stack of
/// 2 MiB.
pub const EXPRESSION_DEPTH: usize = 128;

/// Steps of one evaluation of an expression: its instructions, and the work inside its functions
/// in pieces that take as long. About 50 ms of one core, however the expression is made.
pub const EXPRESSION_STEPS: u64 = 2_000_000;

/// Bytes that one evaluation of an expression allocates in total, whether it still uses them or
/// not: what is read and what is given are each at most [`PAYLOAD_BYTES`] of text.
pub const EXPRESSION_MEMORY_BYTES: u64 = 96 * 1024 * 1024;

/// Entries of each stack of one evaluation of an expression: values, calls inside each other,
/// places to come back to. At most about 100 bytes each.
pub const EXPRESSION_STACK: usize = 200_000;

/// How deeply a value may be nested while an expression is evaluated. What it gives is held to
/// [`JSON_DEPTH`]; walking a deeper value must not exhaust a stack of 2 MiB.
pub const EXPRESSION_VALUE_DEPTH: usize = 1_000;

/// Bytes of one JSON Schema in a definition. Compiled, a schema takes many times its text.
pub const SCHEMA_BYTES: usize = 256 * 1024;

/// Patterns in one JSON Schema. Each is compiled to an automaton of its own.
pub const SCHEMA_PATTERNS: usize = 100;

/// Bytes of one compiled pattern of a JSON Schema; a short pattern can ask for any amount.
pub const SCHEMA_PATTERN_BYTES: usize = 1024 * 1024;

/// How deeply a type of values may be nested, and its schema with references followed. What a
/// port gives is seldom ten deep, and every relation must fit a stack of 2 MiB.
pub const TYPE_DEPTH: usize = 64;

/// Parts of one type: its places, and the values of its enumerations. References that repeat a part
/// count it each time.
pub const TYPE_PARTS: usize = 10_000;

/// Alternatives of one place in a type. Two types are compared each with each.
pub const TYPE_BRANCHES: usize = 200;

/// Steps of one comparison of two types, and of reading one: a fraction of a second. Beyond it a
/// comparison is undecided, which leaves the check to run time.
pub const TYPE_STEPS: usize = 100_000;

/// Steps of all comparisons of one flow, reading its types and joining them included. Beyond it what
/// is left is checked at run time.
pub const FLOW_TYPE_STEPS: usize = 5_000_000;

/// Characters of a type's description for people. A longer one is cut.
pub const TYPE_TEXT_CHARS: usize = 400;

/// Values, and characters of strings, in one example value of a type. A type that asks for more
/// has no example.
pub const EXAMPLE_PARTS: usize = 2_000;

/// Input ports, or output ports, of one node type.
pub const MANIFEST_PORTS: usize = 64;

/// Rules of one node type's compatibility matrix. All are tried for each connection.
pub const MATRIX_RULES: usize = 500;

/// Characters of one pattern of a compatibility matrix.
pub const MATRIX_PATTERN_CHARS: usize = 200;

/// How deeply a JSON value may be nested. Most readers stop there, too.
pub const JSON_DEPTH: usize = 128;

/// The longest duration a definition may name.
pub const DURATION: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Attempts that a `retry` may allow.
pub const ATTEMPTS: u32 = 1_000;

/// Runs of nodes that one input may bring about. Paths that part and meet again without a `merge`
/// double the tokens each time.
pub const RUNS_PER_DECISION: usize = 10_000;

/// Items of one `for-each`. All of them are in the execution's state.
pub const FOR_EACH_ITEMS: usize = 10_000;

/// Items that one `for-each` works on at the same time. Each is a run of its body in the state.
pub const FOR_EACH_PARALLEL: u32 = 100;

/// Rounds that a `while` may be allowed.
pub const WHILE_ROUNDS: u32 = 100_000;

/// Rounds that a `while` may run unless it says otherwise.
pub const DEFAULT_WHILE_ROUNDS: u32 = 1_000;

/// Events of one decision after which loops open no further run of a body: they go on in the next
/// decision, so that others have their turn. A body's events come on top.
pub const LOOP_EVENTS: usize = 500;

/// Bytes of events of one decision after which loops open no further run of a body: a quarter of
/// [`DECISION_BYTES`], since a body's events come on top.
pub const LOOP_BYTES: usize = 1024 * 1024;

/// Shortest time for which a task that a worker handed back untried is put off. Each such turn
/// costs a commit.
pub const LATER_MIN: Duration = Duration::from_millis(10);

/// Longest time for which a task that a worker handed back untried is put off at once.
pub const LATER_MAX: Duration = Duration::from_secs(60 * 60);

/// How long workers may go on handing one attempt back untried. Beyond it the attempt counts as
/// failed, so that somebody learns of it.
pub const POSTPONED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest delay of a next attempt that the other side may ask for (`Retry-After`). A mistaken
/// date must not put a task off for years.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a read waits for the owner's answer before the store is asked instead. Within the
/// three seconds in which a caller expects a status.
pub const READ_WAIT: Duration = Duration::from_secs(2);

/// How long a gateway waits for the store's answer.
pub const STORE_WAIT: Duration = Duration::from_secs(2);

/// The longest that a caller may wait for an execution's end in one request. Proxies on the way
/// give up after that.
pub const END_WAIT: Duration = Duration::from_secs(60);

/// How long a gateway that shuts down lets requests finish. Below the 15 s in which the process
/// must be gone.
pub const DRAIN_WAIT: Duration = Duration::from_secs(10);

/// Starts that a gateway remembers to have acknowledged, for reads while their owner is away.
pub const ACKNOWLEDGED_STARTS: usize = 32_768;

/// Entries of one page of a list or a history.
pub const PAGE_ENTRIES: usize = 500;

/// Bytes of the largest message between two nodes. A part of a history holds up to 32 events, each
/// as large as a payload, and room for what frames them.
pub const NODE_MESSAGE_BYTES: usize = 48 * 1024 * 1024;

/// Bytes of events in one page of a history, above which no more are added. An event can be as
/// large as a payload.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Characters of the reason that a caller gives for a command. It stays in the history.
pub const REASON_CHARS: usize = 1_000;

/// Bytes of JSON up to which a request's input is checked in place. A larger one could hold up
/// other requests for milliseconds and goes to a thread of its own.
pub const INLINE_JSON_BYTES: usize = 64 * 1024;

/// Definitions and large inputs that one gateway checks at the same time, each on a thread.
pub const CHECKS_AT_ONCE: usize = 4;

/// HTTP connections of one gateway at the same time. The next one waits to be accepted.
pub const HTTP_CONNECTIONS: usize = 4_096;

/// How long a client may take to send a request's head, and how long a connection may be idle.
pub const HTTP_HEAD_WAIT: Duration = Duration::from_secs(30);

/// How long a client may take to send a request's body.
pub const HTTP_BODY_WAIT: Duration = Duration::from_secs(30);

/// How long a client may take no byte of an answer.
pub const HTTP_WRITE_WAIT: Duration = Duration::from_secs(30);

/// Bytes of a request's head.
pub const HTTP_HEAD_BYTES: usize = 64 * 1024;

/// Header fields of one request.
pub const HTTP_HEADERS: usize = 100;

/// Requests at the same time on one HTTP/2 connection. What a stream holds is bounded by itself.
pub const HTTP2_STREAMS: u32 = 256;

/// How often an HTTP/2 connection is asked whether its other end is there. A worker that is gone
/// must not be lent tasks for long.
pub const HTTP2_PING: Duration = Duration::from_secs(10);

/// How long an HTTP/2 connection may take to answer that.
pub const HTTP2_PING_WAIT: Duration = Duration::from_secs(10);

/// Bytes of all request bodies that one gateway holds at the same time. Beyond it requests are
/// refused until others are done.
pub const HTTP_BODIES_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a body over its limit that are read and dropped, so that the client is there to read
/// the answer. Of a larger one nothing more is read.
pub const HTTP_DROPPED_BYTES: usize = 16 * 1024 * 1024;

/// Executions whose last write an HTTP client remembers, so that its reads see it. A read of an
/// older one is merely not held back.
pub const CLIENT_POSITIONS: usize = 10_000;

/// Tasks that one worker runs at the same time unless set otherwise. Enough that waiting for the
/// other side costs no throughput, few enough that their payloads fit into memory.
pub const WORKER_SLOTS: usize = 256;

/// Finished tasks whose result a worker remembers. One that comes again is answered, not run.
pub const WORKER_REMEMBERED_TASKS: usize = 10_000;

/// Bytes of results that a worker remembers. A result can be as large as a payload.
pub const WORKER_REMEMBERED_BYTES: usize = 64 * 1024 * 1024;

/// Queues that one gateway reads tasks of for its workers. Each costs a member of a group.
pub const GATEWAY_QUEUES: usize = 64;

/// Tasks that all workers of one gateway may still ask for at the same time. Each that is lent
/// takes about a kilobyte, and its input until it is on its way.
pub const GATEWAY_CREDITS: usize = 100_000;

/// Tasks that a worker may ask a gateway for at once. More are asked for when these have come.
pub const SUBSCRIPTION_CREDITS: usize = 1_000;

/// Workers, by name, that one gateway knows at the same time.
pub const GATEWAY_WORKERS: usize = 10_000;

/// How long a gateway remembers a worker that it hears nothing of. Long enough to be seen in a list
/// after it has gone.
pub const GATEWAY_WORKER_MEMORY: Duration = Duration::from_secs(60);

/// How long a gateway stays a member of a queue's group after its last worker left. A worker that
/// polls comes back within it; tasks of its partitions wait meanwhile.
pub const GATEWAY_QUEUE_LINGER: Duration = Duration::from_secs(10);

/// What a worker says over one stream that is not durable yet, in messages. Beyond it the stream
/// is not read.
pub const STREAM_ANSWERS: usize = 1_000;

/// Characters of the name that a worker gives itself: a host's name and a process's number fit.
pub const WORKER_NAME_CHARS: usize = 128;

/// The greatest weight that a worker of the gateway may state. Shares of 1 to 100 tell machines of
/// all sizes apart, and a mistaken one leaves the others something.
pub const WORKER_WEIGHT: u32 = 100;

/// How long a worker goes on trying to write one result. Beyond it the attempt's time-out, or a
/// redelivery that is answered from memory, must do.
pub const RESULT_REPEATS: Duration = Duration::from_secs(60);

/// How long picked-up tasks wait until the group's position says so. Bounds how often a busy
/// worker commits.
pub const PICK_UP_DELAY: Duration = Duration::from_millis(100);

/// How long a running task holds back what its worker's group commits. Until then the topic guards
/// it against the worker's death, beyond it its time-out does; one slow task must not have
/// thousands behind it run twice.
pub const TOPIC_GUARDS_TASK: Duration = Duration::from_secs(30);

/// Time-out of an attempt above which its worker reports without being asked that it still runs.
/// A shorter one is soon known to be lost anyway.
pub const QUIET_ATTEMPT: Duration = Duration::from_secs(30);

/// Shortest time between two signs of life of one attempt. Each of them costs a commit.
pub const HEARTBEAT_PAUSE: Duration = Duration::from_secs(1);

/// HTTP requests that one worker makes at the same time unless set otherwise. One host may have a
/// quarter of them, which must be enough where all go to one host.
pub const HTTP_SLOTS: usize = 512;

/// How long an outgoing connection may take to be made unless set otherwise.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Redirects that one outgoing request follows: more are a loop rather than a move.
pub const REDIRECTS: usize = 5;

/// Bytes of the address of an outgoing request. Servers take no longer ones.
pub const URL_BYTES: usize = 8 * 1024;

/// Bytes of a secret that is read from a file: a certificate chain fits, a file named by mistake
/// does not.
pub const SECRET_BYTES: u64 = 64 * 1024;

/// Bytes of an answer's body that a failure quotes: enough to say what went wrong; the failure is
/// kept in the history.
pub const QUOTED_BYTES: usize = 512;

/// How long a failure waits for what it quotes. The status that came before it is what counts.
pub const QUOTE_WAIT: Duration = Duration::from_secs(2);

/// Shortest time after which a call comes back that was put off because its host has all the
/// slots it may have.
pub const HOST_TURN_MIN: Duration = Duration::from_millis(20);

/// Longest time after which such a call comes back. A host that recovers must not wait for long.
pub const HOST_TURN_MAX: Duration = Duration::from_secs(30);

/// Different values of a metric's label that users can make more of, such as a flow's name. A
/// metrics store pays for each; further ones are counted together.
pub const METRIC_LABELS: usize = 200;

/// Spans that wait for the collector; further ones are dropped rather than waited for.
pub const SPANS_QUEUED: usize = 16_384;

/// How long a process that ends waits for the collector to take its last spans. With all else
/// that ends it stays below the 15 s in which the process must be gone.
pub const SPANS_WAIT: Duration = Duration::from_secs(1);
