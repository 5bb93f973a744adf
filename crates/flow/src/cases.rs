//! Test cases of a flow: from YAML or JSON to what each of them says.
//!
//! A case says what goes into a flow, what becomes of its tasks, which signals come, and what is
//! expected. It is read against the flow that it is for, so that a node that is misspelt is found
//! before anything runs. The format is a set of tables, as that of definitions is; errors have
//! their places and what to do. Nothing is run here.

mod decode;

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_model::{NodeIndex, Problem, Queue, limits};

use crate::definition::{Field, Shape, check_object, check_version, optional, required};
use crate::diagnostic::{Diagnostic, Report};
use crate::graph::Flow;
use crate::json::Json;
use crate::source::{Format, Source};

/// One test case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it is about; no other case of its file has the name.
    pub name: String,
    /// The execution's input.
    pub input: Json,
    /// What becomes of tasks: for each node one outcome for each time that its task is sent.
    pub tasks: BTreeMap<NodeIndex, Vec<TaskOutcome>>,
    /// Signals, each sent when a node waits for it.
    pub signals: Vec<CaseSignal>,
    /// What is to come of it.
    pub expect: Expectation,
}

/// What becomes of one attempt of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskOutcome {
    /// What the worker gives, or how the attempt fails.
    pub result: Result<Json, TaskFailure>,
    /// How long the attempt takes.
    pub after: Duration,
}

/// How an attempt fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// What happened.
    pub problem: Problem,
    /// Whether another attempt may follow.
    pub retryable: bool,
}

/// A signal to the execution.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseSignal {
    /// Its name.
    pub name: Queue,
    /// Its content.
    pub payload: Json,
    /// How long the node has waited by then.
    pub after: Duration,
}

/// What a case expects. What it does not mention may be anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Where the execution ends up.
    pub status: ExpectedStatus,
    /// The whole output.
    pub output: Option<Json>,
    /// Some fields of the error, an object.
    pub error: Option<Json>,
    /// Every node that runs, in order.
    pub path: Option<Vec<String>>,
    /// Nodes that run, in any order.
    pub visits: Vec<String>,
    /// Nodes that do not run.
    pub never: Vec<String>,
}

/// Where an execution ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedStatus {
    /// It gives an output.
    Completed,
    /// It ends with an error.
    Faulted,
    /// It waits for a signal that does not come, and for no time.
    Waiting,
    /// Its input does not fit the flow's schema, so that it is never started.
    Refused,
}

impl ExpectedStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Faulted, Self::Waiting, Self::Refused];

    /// The status as a case writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Faulted => "faulted",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
        }
    }
}

pub(crate) const FILE: &[Field] = &[
    required("flowmill", Shape::FormatVersion, "The version of this format: 1."),
    required(
        "cases",
        Shape::List { item: &Shape::Object(CASE), most: limits::CASES },
        "The test cases.",
    ),
];

const CASE: &[Field] = &[
    required("name", Shape::Text, "What the case is about."),
    optional("input", Shape::Template, "The execution's input; {} by default."),
    optional(
        "tasks",
        Shape::Map(&Shape::List { item: &Shape::Object(OUTCOME), most: limits::CASE_ITEMS }),
        "What becomes of tasks, by node: an outcome for each time that the task is sent.",
    ),
    optional(
        "signals",
        Shape::List { item: &Shape::Object(SIGNAL), most: limits::CASE_ITEMS },
        "Signals, each sent when a node waits for it.",
    ),
    required("expect", Shape::Object(EXPECT), "What is to come of it."),
];

const OUTCOME: &[Field] = &[
    optional("output", Shape::Template, "What the worker gives."),
    optional("error", Shape::Object(ERROR), "How the attempt fails."),
    optional(
        "times",
        Shape::Whole { least: 1, most: limits::CASE_ITEMS as u64 },
        "How often the outcome comes in a row; once by default.",
    ),
    optional(
        "after",
        Shape::Duration { positive: false },
        "How long the attempt takes; no time by default.",
    ),
];

const ERROR: &[Field] = &[
    optional("type", Shape::Text, "A URI that names the kind of error; task-failed by default."),
    optional("status", Shape::Whole { least: 100, most: 599 }, "Its HTTP status; 500 by default."),
    optional("title", Shape::Text, "The kind of error in a few words."),
    optional("detail", Shape::Text, "What happened this time."),
    optional(
        "retryable",
        Shape::Template,
        "Whether another attempt may follow, true or false; true by default.",
    ),
];

const SIGNAL: &[Field] = &[
    required("name", Shape::Queue, "The signal's name."),
    optional("payload", Shape::Template, "Its content; null by default."),
    optional(
        "after",
        Shape::Duration { positive: false },
        "How long the node has waited by then; no time by default.",
    ),
];

const IDS: Shape = Shape::List { item: &Shape::Identifier, most: limits::CASE_ITEMS };

const EXPECT: &[Field] = &[
    optional(
        "status",
        Shape::Choice(&["completed", "faulted", "waiting", "refused"]),
        "Where the execution ends up; completed by default, faulted with an `error`.",
    ),
    optional("output", Shape::Template, "The whole output."),
    optional("error", Shape::Object(PROBLEM), "Some fields of the error."),
    optional("path", IDS, "Every node that runs, in order."),
    optional("visits", IDS, "Nodes that run, in any order."),
    optional("never", IDS, "Nodes that do not run."),
];

const PROBLEM: &[Field] = &[
    optional("type", Shape::Text, "The URI that names the kind of error."),
    optional("status", Shape::Whole { least: 100, most: 599 }, "The HTTP status."),
    optional("title", Shape::Text, "The kind of error in a few words."),
    optional("detail", Shape::Text, "What happened."),
    optional("instance", Shape::Text, "Where it happened, such as `/nodes/2`."),
];

/// Reads the test cases of `flow`, or says what is wrong with them: everything that is wrong with
/// their form, or else with what they name. Never gives an empty list of errors.
pub fn read_cases(
    source: &[u8],
    format: Format,
    flow: &Flow,
) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let source = Source::read(source, format)?;
    let mut report = Report::default();
    if !check_version(&source.root, &mut report)
        || !check_object(&source.root, FILE, "", &mut report)
    {
        return Err(report.into_diagnostics());
    }
    let cases = decode::cases(&source.root, flow, &mut report);
    if report.is_empty() { Ok(cases) } else { Err(report.into_diagnostics()) }
}

#[cfg(test)]
mod tests;
