//! How an evaluation ends that gives no further value.

use crate::value::Value;

/// A bound that an evaluation met. A program cannot catch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It took too many steps.
    #[error("ran for more than {0} steps")]
    Steps(u64),
    /// It allocated too much.
    #[error("needs more than {} MiB of memory", .0 / (1024 * 1024))]
    Bytes(u64),
    /// Its calls, or what it left to come back to, went too deep.
    #[error("calls, or goes back, more than {0} deep")]
    Stack(usize),
    /// It made a value that is nested too deeply.
    #[error("made a value nested more than {0} deep")]
    Nesting(usize),
}

/// Why an evaluation gives no further value.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The program raised this error and nothing caught it.
    #[error("raised an error")]
    Raised(Value),
    /// The program met a bound.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What goes up through the machine until something takes it.
#[derive(Clone, Debug)]
pub(crate) enum Raise {
    Error(Value),
    Break(u64),
    Fault(Fault),
}

impl From<Fault> for Raise {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What a step of the machine or a function gives.
pub(crate) type Outcome<T = Value> = Result<T, Raise>;

/// An error with a text, as the program sees it.
pub(crate) fn error<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Raise::Error(Value::from(message.into())))
}
