//! Errors: raised, caught, and tried again.

use flowmill_flow::{Expression, TextTemplate};

use super::{Directive, Span, Task, Uri};

/// An error to raise.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTemplate {
    /// What kind of error.
    pub kind: Uri,
    /// The HTTP status that fits it best.
    pub status: u16,
    /// Where it comes from, a JSON pointer; the task that raises it if nothing is said.
    pub instance: Option<TextTemplate>,
    /// The kind of error in a few words.
    pub title: Option<TextTemplate>,
    /// What happened this time.
    pub detail: Option<TextTemplate>,
}

/// Tasks whose errors are handled.
#[derive(Clone, Debug)]
pub struct Try {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// How errors are handled.
    pub catch: Catch,
}

/// Which errors are caught, and what follows.
#[derive(Clone, Debug)]
pub struct Catch {
    /// The fixed part of which errors; all of them if it is empty.
    pub errors: ErrorFilter,
    /// The name that the error is bound to, without its `$`.
    pub variable: String,
    /// What must hold for the error to be caught.
    pub when: Option<Expression>,
    /// What must not hold for the error to be caught.
    pub except_when: Option<Expression>,
    /// Whether and when the tasks are performed again, before anything else.
    pub retry: Option<RetryPolicy>,
    /// The tasks that handle the error.
    pub tasks: Vec<Task>,
    /// What comes next when an error was caught; what comes after the task if nothing is said.
    pub then: Option<Directive>,
}

/// The properties that an error must have; those that are left out may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorFilter {
    /// The kind of error.
    pub kind: Option<String>,
    /// The status.
    pub status: Option<u16>,
    /// Where it comes from.
    pub instance: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// The detail.
    pub detail: Option<String>,
}

/// When tasks that failed are performed again.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The name that its conditions see the error as, without its `$`.
    pub variable: String,
    /// What must hold for another attempt.
    pub when: Option<Expression>,
    /// What must not hold for another attempt.
    pub except_when: Option<Expression>,
    /// The delay before another attempt; none if nothing is said.
    pub delay: Option<Span>,
    /// How the delay grows.
    pub backoff: Backoff,
    /// How many attempts may follow the first one.
    pub retries: Option<u32>,
    /// How long each attempt may take.
    pub attempt_duration: Option<Span>,
    /// How long all attempts may take together.
    pub duration: Option<Span>,
    /// What is added to every delay.
    pub jitter: Option<Jitter>,
}

/// How a delay grows from attempt to attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backoff {
    /// It stays the same.
    #[default]
    Constant,
    /// It grows by itself each time.
    Linear,
    /// It is multiplied each time.
    Exponential,
}

/// A random time between two bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Jitter {
    /// The least.
    pub from: Span,
    /// The most; not less than `from`, if both are fixed.
    pub to: Span,
}
