//! Why a command changes nothing. A rejection is an answer, never a failure of the engine.

use flowmill_model::{CommandId, Timestamp, limits};

/// Why a command was refused. Nothing happened to the execution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A start of an id that exists.
    #[error("the execution already exists{}", if *.same_input { "" } else { " with another input" })]
    AlreadyExists {
        /// Whether the input is the same, byte for byte; if so, the start is a harmless repeat.
        same_input: bool,
    },
    /// No start was decided for this id.
    #[error("no such execution")]
    Unknown,
    /// The execution has ended.
    #[error("the execution has already ended")]
    AlreadyEnded,
    /// The command does not apply to the execution as it is.
    #[error("{0}")]
    NotExpected(Unexpected),
    /// The command was applied before: to its caller this is success.
    #[error("command {0} was already applied")]
    Duplicate(CommandId),
    /// A result of no pending attempt, or a timer that is not pending: late, repeated or forged.
    #[error("not pending any more")]
    Stale,
    /// A timer fired before it was due.
    #[error("the timer is due at {0}, not now")]
    Early(Timestamp),
    /// The execution keeps as many signals as it may that no node waits for.
    #[error("{} signals already wait for their node", limits::BUFFERED_SIGNALS)]
    TooManySignals,
    /// A quarantined execution takes no such input; keep it with [`crate::keep_input`].
    #[error("the execution is quarantined, its inputs are kept until it is resumed")]
    Quarantined,
    /// A quarantined execution keeps as many inputs as it may.
    #[error("the quarantined execution keeps no more inputs")]
    TooManyInputs,
    /// The command's payload is larger than a payload may be.
    #[error("the payload has {0} bytes, {allowed} are allowed", allowed = limits::PAYLOAD_BYTES)]
    PayloadTooLarge(usize),
    /// The command's payload is no JSON.
    #[error("the payload is no JSON: {0}")]
    NotJson(String),
    /// The flow given is not the one the execution runs: a mistake of the caller of `decide`.
    #[error("the execution runs another flow or another content of it")]
    OtherFlow,
}

/// What makes a command not fit the execution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// No node of the flow takes the signal.
    #[error("the flow has no node that takes the signal `{0}`")]
    Signal(String),
    /// Suspending what is suspended.
    #[error("the execution is already suspended")]
    AlreadySuspended,
    /// Resuming what is not suspended.
    #[error("the execution is not suspended")]
    NotSuspended,
    /// Keeping an input of what is not quarantined.
    #[error("the execution is not quarantined")]
    NotQuarantined,
}

impl Rejection {
    /// The name under which rejections are counted.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AlreadyExists { .. } => "already-exists",
            Self::Unknown => "unknown",
            Self::AlreadyEnded => "already-ended",
            Self::NotExpected(_) => "not-expected",
            Self::Duplicate(_) => "duplicate",
            Self::Stale => "stale",
            Self::Early(_) => "early",
            Self::TooManySignals => "too-many-signals",
            Self::Quarantined => "quarantined",
            Self::TooManyInputs => "too-many-inputs",
            Self::PayloadTooLarge(_) => "payload-too-large",
            Self::NotJson(_) => "not-json",
            Self::OtherFlow => "other-flow",
        }
    }
}
