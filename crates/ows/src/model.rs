//! A document, read: everything that is needed to run it, and nothing that is only how it was
//! written.
//!
//! Parts that a document names and uses elsewhere (`use`) stand where they are used. What was left
//! out has its default, where the specification has one.

mod call;
mod event;
mod fault;
mod task;

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_flow::{Expression, Json, Schema, Template};
use flowmill_model::{Name, Version};

pub use call::{
    Authentication, BasicCredentials, Call, Credentials, Endpoint, FunctionCall, HttpCall,
    HttpMethod, HttpOutput, OpenApiCall, Pairs, RunWorkflow, Uri, UriPart,
};
pub use event::{
    Correlation, EventFilter, EventLoop, EventMatch, EventRead, EventTemplate, Listen, Strategy,
    Until,
};
pub use fault::{Backoff, Catch, ErrorFilter, ErrorTemplate, Jitter, RetryPolicy, Try};
pub use task::{Action, Case, Directive, Fork, Loop, Task, TaskIndex};

/// A workflow.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// What it is called.
    pub document: Document,
    /// The document itself, which expressions see as `$workflow.definition`.
    pub definition: Json,
    /// What becomes of the input before the first task.
    pub input: Data,
    /// What becomes of the last task's output.
    pub output: Data,
    /// How long one execution may take; for ever if nothing is said.
    pub timeout: Option<Span>,
    /// The names of the secrets that it may use.
    pub secrets: Vec<String>,
    /// The functions that its tasks may call, by name. A function is a task whose input is what it
    /// is called with.
    pub functions: BTreeMap<String, Task>,
    /// The tasks; the first of them is where an execution begins.
    pub tasks: Vec<Task>,
}

/// What a workflow is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The version of the specification, such as `1.0.3`.
    pub dsl: String,
    /// The namespace.
    pub namespace: Name,
    /// The name within the namespace.
    pub name: Name,
    /// The workflow's own version.
    pub version: Version,
    /// The name for people.
    pub title: Option<String>,
    /// A description in Markdown.
    pub summary: Option<String>,
    /// Tags by name: an object.
    pub tags: Option<Json>,
    /// Whatever else is said about it: an object.
    pub metadata: Option<Json>,
}

/// What is made of data on its way. An input is checked first and transformed then; an output, and
/// what is exported to the context, is transformed first.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// What the data must fit.
    pub schema: Option<Schema>,
    /// What it becomes (`from` or `as`). Without it an input or an output stays what it is, and
    /// the context, too.
    pub transform: Option<Template>,
}

/// A length of time.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// One that the document says.
    Fixed(Duration),
    /// The ISO 8601 text that an expression gives.
    Computed(Expression),
}
