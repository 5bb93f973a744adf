//! Documents of the Open Workflow Specification 1.0: from YAML or JSON text to a checked model.
//!
//! [`read`] gives a [`Workflow`], or every error of the document at once, each with its place and
//! what to do. A [`Workflow`] holds all that is needed to run it: named parts are resolved to what
//! they name, and expressions and schemas are compiled. What the specification has and Flowmill
//! does not run is a [`Construct`], and refused by name; nothing is passed over in silence.
//!
//! Pure, as [`flowmill_flow`] is, whose reading of text, expressions, templates, durations and
//! schemas this builds on. It makes no graph: that is done with the model, by somebody else.
//!
//! **Invariants of a [`Workflow`]:** every `then` leads to a task of the same list, no function
//! calls itself, and a secret stands only where a worker fills it in.

mod construct;
mod model;
mod read;
mod report;

pub use construct::Construct;
pub use model::{
    Action, Authentication, Backoff, BasicCredentials, Call, Case, Catch, Correlation, Credentials,
    Data, Directive, Document, Endpoint, ErrorFilter, ErrorTemplate, EventFilter, EventLoop,
    EventMatch, EventRead, EventTemplate, Fork, FunctionCall, HttpCall, HttpMethod, HttpOutput,
    Jitter, Listen, Loop, OpenApiCall, Pairs, RetryPolicy, RunWorkflow, Span, Strategy, Task,
    TaskIndex, Try, Until, Uri, UriPart, Workflow,
};
pub use read::read;
pub use report::DocumentError;
