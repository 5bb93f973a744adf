//! The engine's own error codes: one enum, one status each, one page each.
//!
//! A code's text is part of the API and is never reused for another meaning.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// An error of the engine that a user can meet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the reference.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)*];

            /// The code's name in answers, logs and the address of its page.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)* }
            }

            /// The code in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(ErrorCode::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The request's body or parameters cannot be read.
    BadRequest = "bad-request", 400, "The request cannot be read";
    /// A definition has errors; all of them are listed.
    InvalidDefinition = "invalid-definition", 422, "The flow definition has errors";
    /// An input does not fit the input schema of the flow or of a node.
    InvalidInput = "invalid-input", 422, "The input does not fit its schema";
    /// An output does not fit the output schema of the flow or of a node.
    InvalidOutput = "invalid-output", 500, "The output does not fit its schema";
    /// The same idempotency key came with another input.
    IdempotencyKeyReused = "idempotency-key-reused", 422, "The idempotency key was used with another input";
    /// The caller did not say who it is, or said it wrongly.
    Unauthenticated = "unauthenticated", 401, "The token is missing or wrong";
    /// A flow, version or execution is not known.
    NotFound = "not-found", 404, "Not found";
    /// The HTTP method is not one the address takes.
    MethodNotAllowed = "method-not-allowed", 405, "The address does not take this method";
    /// The version exists with other content.
    VersionConflict = "version-conflict", 409, "The version exists with other content";
    /// The command does not apply to the execution's state.
    Conflict = "conflict", 409, "The command does not apply now";
    /// A body, payload or state is larger than its limit.
    TooLarge = "payload-too-large", 413, "Larger than the limit";
    /// The content type is not one the address takes.
    UnsupportedMediaType = "unsupported-media-type", 415, "The content type is not supported";
    /// The shard takes no more for now.
    Overloaded = "overloaded", 429, "Too much at once";
    /// A part the request needs is not there for now.
    Unavailable = "unavailable", 503, "Not available for now";
    /// The disk that holds the log is full.
    StorageFull = "storage-full", 503, "The storage is full";
    /// A fault of ours.
    Internal = "internal", 500, "An error in the engine";
    /// An expression could not be evaluated.
    Expression = "expression", 400, "An expression failed";
    /// An attempt or a node took longer than it may.
    Timeout = "timeout", 408, "It took too long";
    /// A task failed for good.
    TaskFailed = "task-failed", 500, "The task failed";
    /// Fewer branches came to a `merge` than it waits for.
    TooFewBranches = "too-few-branches", 500, "Too few branches came";
    /// A `while` would run its body more often than it may.
    TooManyRounds = "too-many-rounds", 500, "Too many rounds of a loop";
    /// An outgoing call failed.
    Communication = "communication", 502, "The call failed";
    /// An execution's state is larger than its limit.
    StateTooLarge = "state-too-large", 413, "The execution's state is larger than its limit";
    /// The engine stopped an execution whose transition panicked.
    Quarantined = "quarantined", 500, "The execution is quarantined";
    /// An input was deferred for longer than it may be.
    DeferralExpired = "deferral-expired", 503, "The input could not be decided in time";
}

impl ErrorCode {
    /// The URI that names the kind in problem details; also the address of its page.
    pub fn type_uri(self) -> String {
        format!("https://flowmill.dev/errors/{}", self.as_str())
    }

    /// Whether the same request may succeed later without a change.
    pub const fn is_retryable(self) -> bool {
        matches!(self.status(), 408 | 425 | 429 | 502 | 503 | 504)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_text() {
        let mut texts: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
    }
}
