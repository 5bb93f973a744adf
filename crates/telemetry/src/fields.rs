//! Names of what spans say, after OpenTelemetry's semantic conventions where these have one.
//!
//! A span says nothing secret and nothing without bound: of an address its path but not its query,
//! of a message its place but not its content.

/// What carries the messages, such as `kafka`.
pub const SYSTEM: &str = "messaging.system";

/// What is done with a message: [`SEND`] or [`PROCESS`].
pub const OPERATION_TYPE: &str = "messaging.operation.type";

/// What the project calls it.
pub const OPERATION_NAME: &str = "messaging.operation.name";

/// The topic.
pub const DESTINATION: &str = "messaging.destination.name";

/// The topic's partition.
pub const PARTITION: &str = "messaging.destination.partition.id";

/// The message's place in the partition.
pub const OFFSET: &str = "messaging.kafka.offset";

/// The group that shares the topic's partitions.
pub const GROUP: &str = "messaging.consumer.group.name";

/// The message's own id.
pub const MESSAGE: &str = "messaging.message.id";

/// The execution: what all messages of it have in common.
pub const CONVERSATION: &str = "messaging.message.conversation_id";

/// A message is given to a topic.
pub const SEND: &str = "send";

/// A message is worked on.
pub const PROCESS: &str = "process";

/// The method of an HTTP request.
pub const METHOD: &str = "http.request.method";

/// The route's pattern, never the path: a path may be private and has no bound.
pub const ROUTE: &str = "http.route";

/// The answer's status.
pub const STATUS: &str = "http.response.status_code";

/// How often a request was sent on to another address.
pub const RESENT: &str = "http.request.resend_count";

/// The address of an outgoing request, without query, user and password.
pub const URL: &str = "url.full";

/// `http` or `https`.
pub const SCHEME: &str = "url.scheme";

/// The host that was asked.
pub const SERVER: &str = "server.address";

/// Its port.
pub const PORT: &str = "server.port";

/// The code of what went wrong: one of this project's error codes, or a status.
pub const ERROR: &str = "error.type";

/// The trace that a caller or a record says this belongs to.
pub const TRACE: &str = "trace.parent";

/// A flow, as NAMESPACE/NAME.
pub const FLOW: &str = "flowmill.flow";

/// A flow's version.
pub const VERSION: &str = "flowmill.flow.version";

/// A shard.
pub const SHARD: &str = "flowmill.shard";

/// The number of a batch of a shard.
pub const BATCH: &str = "flowmill.batch";

/// A task's type.
pub const TASK_TYPE: &str = "flowmill.task.type";

/// How an execution ended.
pub const ENDING: &str = "flowmill.execution.status";
