//! The format, as data: every object's fields and every node type.

use flowmill_model::limits;

use super::shape::{Field, Shape};

/// The node type that can be tried again although no worker does its work.
pub(crate) const TRY: &str = "try";

/// One node type.
#[derive(Debug)]
pub(crate) struct NodeType {
    pub(crate) name: &'static str,
    /// What it does, in one or two sentences.
    pub(crate) doc: &'static str,
    pub(crate) parameters: &'static [Field],
    /// Whether a worker does its work, so that it has `retry` and `timeout`.
    pub(crate) is_task: bool,
    /// Whether it may have an `if`.
    pub(crate) may_be_skipped: bool,
    /// The blocks that it owns, and whether it must have each.
    pub(crate) blocks: &'static [(&'static str, bool)],
}

/// A node type that has nothing but its parameters.
const PLAIN: NodeType = NodeType {
    name: "",
    doc: "",
    parameters: &[],
    is_task: false,
    may_be_skipped: false,
    blocks: &[],
};

impl NodeType {
    /// Whether nodes of this type have the field of this name.
    pub(crate) fn has(&self, field: &str) -> bool {
        match field {
            "timeout" => self.is_task,
            "retry" => self.is_task || self.name == TRY,
            "if" => self.may_be_skipped,
            "compensate" => self.is_task || !self.blocks.is_empty(),
            "body" | "finally" => self.blocks.iter().any(|(block, _)| *block == field),
            "input" => self.takes(),
            "output" => self.makes(),
            _ => true,
        }
    }

    /// Whether nodes of this type take values that may be bound to a schema. A merge has not one
    /// value at a time; what leaves it is checked where it comes to.
    fn takes(&self) -> bool {
        !matches!(self.name, "start" | "merge")
    }

    /// Whether nodes of this type make the value that they give.
    fn makes(&self) -> bool {
        matches!(self.name, "map" | "signal" | "task" | "http.request" | "kafka.produce")
    }
}

pub(crate) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, required: true, shape, doc }
}

pub(crate) const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, required: false, shape, doc }
}

const POSITIVE: Shape = Shape::Duration { positive: true };
const ANY_DURATION: Shape = Shape::Duration { positive: false };

/// The document.
pub(crate) const DOCUMENT: &[Field] = &[
    required("flowmill", Shape::FormatVersion, "The version of this format: 1."),
    required("document", Shape::Object(HEADER), "What the flow is called."),
    optional("input", Shape::Object(DATA), "What the flow takes."),
    optional("output", Shape::Object(DATA), "What the flow gives."),
    optional("timeout", POSITIVE, "How long one execution may take; it faults after that."),
    optional(
        "triggers",
        Shape::List { item: &Shape::Object(TRIGGER), most: limits::FLOW_TRIGGERS },
        "What starts executions by itself.",
    ),
    NODES,
    CONNECTIONS,
];

/// A block of nodes that another node owns.
pub(crate) const BLOCK: &[Field] = &[NODES, CONNECTIONS];

const NODES: Field = required(
    "nodes",
    Shape::List { item: &Shape::Node, most: limits::FLOW_NODES },
    "The nodes, exactly one of them a start.",
);

const CONNECTIONS: Field = optional(
    "connections",
    Shape::List { item: &Shape::Connection, most: limits::FLOW_CONNECTIONS },
    "The connections between ports.",
);

const HEADER: &[Field] = &[
    required("namespace", Shape::Name, "The namespace the flow belongs to."),
    required("name", Shape::Name, "The flow's name within its namespace."),
    required("version", Shape::Version, "The flow's semantic version, such as \"1.0.0\"."),
    optional("title", Shape::Text, "The flow's name for people."),
];

const DATA: &[Field] =
    &[optional("schema", Shape::JsonSchema, "The JSON Schema (2020-12) that a value must fit.")];

const TRIGGER: &[Field] =
    &[required("kafka", Shape::Object(KAFKA_TRIGGER), "The records of a Kafka topic.")];

const KAFKA_TRIGGER: &[Field] = &[
    required("topic", Shape::Topic, "The topic; each of its records starts one execution."),
    optional(
        "from",
        Shape::Choice(&["latest", "earliest"]),
        "Where to begin when the trigger has no position yet; latest by default.",
    ),
    optional(
        "envelope",
        Shape::Choice(&["json", "cloudevents", "raw"]),
        "What a record's value is: JSON, a CloudEvent, or any text; json by default.",
    ),
    optional(
        "key",
        Shape::Expression,
        "A jq expression that gives the start's idempotency key; the record's place by default.",
    ),
    optional(
        "filter",
        Shape::Expression,
        "A jq expression; a record for which it does not hold starts nothing.",
    ),
    optional(
        "input",
        Shape::Expression,
        "A jq expression that gives the input; the value by default, or a CloudEvent's data.",
    ),
];

/// A node, its parameters aside.
pub(crate) const NODE: &[Field] = &[
    required("id", Shape::Identifier, "The node's name within the flow."),
    required("type", Shape::Text, "What the node does."),
    optional("parameters", Shape::Parameters, "How it does it; each type has its own."),
    optional(
        "if",
        Shape::Expression,
        "A jq expression; a value for which it does not hold goes past the node.",
    ),
    optional("input", Shape::Object(DATA), "What the node takes."),
    optional("output", Shape::Object(DATA), "What the node gives."),
    optional("retry", Shape::Object(RETRY), "When a failed attempt is tried again."),
    optional("timeout", POSITIVE, "How long one attempt may take; PT45S by default."),
    optional("body", Shape::Block, "The nodes that the node runs, with a start of their own."),
    optional("finally", Shape::Block, "What is run after the body, however that ended."),
    optional("compensate", Shape::Block, "What undoes the node when the try around it fails."),
];

const RETRY: &[Field] = &[
    optional("delay", ANY_DURATION, "The delay before the second attempt; PT3S by default."),
    optional(
        "backoff",
        Shape::Choice(&["constant", "linear", "exponential"]),
        "How the delay grows; exponential by default.",
    ),
    optional(
        "multiplier",
        Shape::Number { least: 1.0, most: 100.0 },
        "By how much an exponential delay grows each time; 2 by default.",
    ),
    optional(
        "maxDelay",
        ANY_DURATION,
        "The largest delay; the larger of PT60S and `delay` by default.",
    ),
    optional("jitter", Shape::Object(JITTER), "A random time that is added to every delay."),
    optional("limit", Shape::Object(LIMIT), "When to give up."),
];

const JITTER: &[Field] = &[
    optional("from", ANY_DURATION, "The least that is added; nothing by default."),
    required("to", POSITIVE, "The most that is added."),
];

const LIMIT: &[Field] = &[
    optional(
        "attempts",
        Shape::Whole { least: 1, most: limits::ATTEMPTS as u64 },
        "Attempts in all, the first included; 5 by default.",
    ),
    optional(
        "duration",
        POSITIVE,
        "The time from the first attempt's start after which none starts any more.",
    ),
];

/// A connection written as an object.
pub(crate) const CONNECTION: &[Field] = &[
    required("from", Shape::Text, "The output port, as `node.port`."),
    required("to", Shape::Text, "The input port, as `node.in`."),
];

/// Every node type, in the order of the reference.
pub(crate) const NODE_TYPES: &[NodeType] = &[
    NodeType { name: "start", doc: "Passes the execution's input on.", parameters: &[], ..PLAIN },
    NodeType {
        name: "end",
        doc: "Takes a value as the execution's output.",
        parameters: &[],
        ..PLAIN
    },
    NodeType {
        name: "filter",
        doc: "Passes a value on if a condition holds; else the branch ends.",
        parameters: &[required("condition", Shape::Expression, "The condition, in jq.")],
        ..PLAIN
    },
    NodeType {
        name: "map",
        doc: "Passes on what an expression makes of a value.",
        parameters: &[required("expression", Shape::Expression, "The expression, in jq.")],
        may_be_skipped: true,
        ..PLAIN
    },
    NodeType {
        name: "set",
        doc: "Changes the execution's context, which later expressions see as $context.",
        parameters: &[required(
            "context",
            Shape::Map(&Shape::Template),
            "The entries that it gets, by name; null takes one away.",
        )],
        may_be_skipped: true,
        ..PLAIN
    },
    NodeType {
        name: "switch",
        doc: "Passes a value to the port of the first case that holds, or of each.",
        parameters: &[
            optional(
                "mode",
                Shape::Choice(&["first", "all"]),
                "`first` takes the first case that holds, `all` each; first by default.",
            ),
            required(
                "cases",
                Shape::List { item: &Shape::Object(CASE), most: limits::SWITCH_CASES },
                "The cases, tried in their order.",
            ),
            optional(
                "default",
                Shape::Identifier,
                "The name of the port taken when no case holds; else the branch ends.",
            ),
        ],
        ..PLAIN
    },
    NodeType {
        name: "merge",
        doc: "Joins branches.",
        parameters: &[
            optional(
                "mode",
                Shape::Choice(&["all", "any"]),
                "`all` waits for every branch, `any` passes the first value; all by default.",
            ),
            optional(
                "count",
                Shape::Whole { least: 1, most: limits::FLOW_CONNECTIONS as u64 },
                "Instead of a mode: waits for so many branches; the rest end there.",
            ),
        ],
        ..PLAIN
    },
    NodeType {
        name: "wait",
        doc: "Passes a value on later.",
        parameters: &[
            optional("for", ANY_DURATION, "How long to wait."),
            optional(
                "until",
                Shape::Expression,
                "A jq expression that gives the time: RFC 3339 text or seconds since 1970.",
            ),
        ],
        may_be_skipped: true,
        ..PLAIN
    },
    NodeType {
        name: "signal",
        doc: "Waits for a signal and passes its content on.",
        parameters: &[
            required("name", Shape::Queue, "The signal's name."),
            optional("timeout", POSITIVE, "How long to wait before the node fails."),
        ],
        may_be_skipped: true,
        ..PLAIN
    },
    NodeType {
        name: "for-each",
        doc: "Runs its body once for each item of an array; the results, in order, are the output.",
        parameters: &[
            optional(
                "items",
                Shape::Expression,
                "A jq expression that gives the array; the value itself by default.",
            ),
            optional(
                "parallel",
                Shape::Whole { least: 1, most: limits::FOR_EACH_PARALLEL as u64 },
                "How many items are worked on at the same time, at most; 1 by default.",
            ),
            optional(
                "failures",
                Shape::Choice(&["fail", "keep", "drop"]),
                "What an item does whose body fails: fails the node, leaves its error as its \
                 result, or leaves none; fail by default.",
            ),
            optional("item", Shape::Identifier, "What expressions call the item; item by default."),
            optional(
                "index",
                Shape::Identifier,
                "What expressions call its place, from 0; index by default.",
            ),
        ],
        may_be_skipped: true,
        blocks: &[("body", true)],
        ..PLAIN
    },
    NodeType {
        name: "while",
        doc: "Runs its body on a value while a condition holds, each time on what the time before \
              gave.",
        parameters: &[
            required("condition", Shape::Expression, "The condition, in jq, before each round."),
            optional(
                "rounds",
                Shape::Whole { least: 1, most: limits::WHILE_ROUNDS as u64 },
                "How many rounds there may be; one more fails the node; 1000 by default.",
            ),
            optional(
                "index",
                Shape::Identifier,
                "What expressions call the round, from 0; index by default.",
            ),
        ],
        may_be_skipped: true,
        blocks: &[("body", true)],
        ..PLAIN
    },
    NodeType {
        name: TRY,
        doc: "Runs its body; if that fails, again, and at last its `error` port takes the error.",
        may_be_skipped: true,
        blocks: &[("body", true), ("finally", false)],
        ..PLAIN
    },
    NodeType {
        name: "race",
        doc: "Runs its body until the first value reaches its end; what else runs in it is abandoned.",
        may_be_skipped: true,
        blocks: &[("body", true)],
        ..PLAIN
    },
    NodeType {
        name: "fail",
        doc: "Fails with an error: the block that it is in, or the execution.",
        parameters: &[required("error", Shape::Object(ERROR), "The error.")],
        may_be_skipped: true,
        ..PLAIN
    },
    NodeType {
        name: "task",
        doc: "Has a worker run a task; the task's result is the output.",
        parameters: &[
            required("type", Shape::Queue, "The task type: which handler of which worker."),
            optional("input", Shape::Template, "The task's input; the value itself by default."),
            optional("queue", Shape::Queue, "The queue that carries it; the type by default."),
        ],
        is_task: true,
        may_be_skipped: true,
        ..PLAIN
    },
    NodeType {
        name: "http.request",
        doc: "Has a worker make an HTTP request; gives {status, headers, body}.",
        parameters: HTTP_REQUEST,
        is_task: true,
        may_be_skipped: true,
        ..PLAIN
    },
    NodeType {
        name: "kafka.produce",
        doc: "Has a worker write a record to a Kafka topic; gives {topic, partition, offset}.",
        parameters: KAFKA_PRODUCE,
        is_task: true,
        may_be_skipped: true,
        ..PLAIN
    },
];

const CASE: &[Field] = &[
    required("name", Shape::Identifier, "The case's name, and its output port's."),
    required("when", Shape::Expression, "The condition, in jq."),
];

const ERROR: &[Field] = &[
    optional(
        "type",
        Shape::TextTemplate,
        "A URI that names the kind of error; about:blank by default.",
    ),
    optional(
        "status",
        Shape::WholeOrTemplate { least: 100, most: 599 },
        "The HTTP status that fits it best; 500 by default.",
    ),
    required("title", Shape::TextTemplate, "The kind of error in a few words."),
    optional("detail", Shape::TextTemplate, "What happened this time."),
];

const HTTP_REQUEST: &[Field] = &[
    required(
        "method",
        Shape::Choice(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        "The HTTP method.",
    ),
    required("url", Shape::TextTemplate, "The address, with http:// or https://."),
    optional("headers", Shape::Map(&Shape::SecretText), "Header fields by name."),
    optional("query", Shape::Map(&Shape::SecretText), "Query parameters by name."),
    optional("authentication", Shape::Object(AUTHENTICATION), "Who makes the request."),
    optional("body", Shape::Template, "The body, sent as JSON; a string is sent as it is."),
    optional("connectTimeout", POSITIVE, "How long connecting may take."),
    optional(
        "maxResponseBytes",
        Shape::Whole { least: 1, most: limits::PAYLOAD_BYTES as u64 },
        "The largest response that is taken, in bytes.",
    ),
    optional("queue", Shape::Queue, "The queue that carries the task; http by default."),
];

const KAFKA_PRODUCE: &[Field] = &[
    required("topic", Shape::TextTemplate, "The topic."),
    optional("key", Shape::TextTemplate, "The record's key; none by default."),
    optional("value", Shape::Template, "The record's value, as JSON; the value by default."),
    optional("headers", Shape::Map(&Shape::TextTemplate), "Headers by name."),
    optional(
        "event",
        Shape::Object(EVENT),
        "Makes the record a CloudEvent in binary mode; its id is the task's idempotency key.",
    ),
    optional("queue", Shape::Queue, "The queue that carries the task; kafka by default."),
];

const EVENT: &[Field] = &[
    required("type", Shape::TextTemplate, "The kind of event, such as com.example.order.paid."),
    optional("source", Shape::TextTemplate, "Where it happened; the flow's name by default."),
    optional("subject", Shape::TextTemplate, "What it is about."),
];

const AUTHENTICATION: &[Field] = &[
    optional("basic", Shape::Object(BASIC), "Basic authentication."),
    optional("bearer", Shape::Object(BEARER), "A bearer token."),
];

const BASIC: &[Field] = &[
    required("username", Shape::SecretText, "The user's name."),
    required("password", Shape::SecretText, "The password."),
];

const BEARER: &[Field] = &[required("token", Shape::SecretText, "The token.")];

/// The node type called `name`.
pub(crate) fn node_type(name: &str) -> Option<&'static NodeType> {
    NODE_TYPES.iter().find(|node_type| node_type.name == name)
}
