//! What a failed request means: whether it may have happened, and whether to repeat it.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the driver's errors are not ours, and more may come"
)]

use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};

use crate::contract::StoreError;

/// A failed request, by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// No server has seen it.
    NotSent,
    /// It may have happened, also later.
    Unknown,
    /// It may have happened, and the server has too much to do.
    Overloaded,
    /// It will fail the same way every time; somebody must act.
    Permanent,
}

/// What an error of the driver means.
pub(super) fn class(error: &ExecutionError) -> Class {
    match error {
        ExecutionError::ConnectionPoolError(_) | ExecutionError::EmptyPlan => Class::NotSent,
        ExecutionError::PrepareError(error) => of_prepare(error),
        ExecutionError::LastAttemptError(error) => of_attempt(error),
        ExecutionError::RequestTimeout(_) => Class::Unknown,
        ExecutionError::BadQuery(_) => Class::Permanent,
        // What concerns schemas alone, which no request of the store's own does, and what is to
        // come.
        _ => Class::Unknown,
    }
}

fn of_prepare(error: &PrepareError) -> Class {
    match error {
        PrepareError::ConnectionPoolError(_) => Class::NotSent,
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
        _ => Class::Permanent,
    }
}

fn of_attempt(error: &RequestAttemptError) -> Class {
    match error {
        RequestAttemptError::UnableToAllocStreamId => Class::NotSent,
        RequestAttemptError::DbError(error, _) => of_server(error),
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_)
        | RequestAttemptError::CqlResultParseError(_) => Class::Permanent,
        _ => Class::Unknown,
    }
}

fn of_server(error: &DbError) -> Class {
    match error {
        DbError::Unavailable { .. } | DbError::IsBootstrapping => Class::NotSent,
        DbError::Overloaded | DbError::RateLimitReached { .. } => Class::Overloaded,
        DbError::WriteTimeout { .. } => Class::Overloaded,
        DbError::SyntaxError
        | DbError::Invalid
        | DbError::AlreadyExists { .. }
        | DbError::FunctionFailure { .. }
        | DbError::AuthenticationError
        | DbError::Unauthorized
        | DbError::ConfigError
        | DbError::ProtocolError => Class::Permanent,
        // A server without room says no more than that it failed.
        _ => Class::Unknown,
    }
}

/// What a caller of the store is told.
pub(super) fn answer(error: &ExecutionError) -> StoreError {
    match class(error) {
        Class::NotSent | Class::Unknown | Class::Overloaded => {
            StoreError::Unavailable(error.to_string())
        }
        Class::Permanent => StoreError::Damaged(format!("the server refuses a request: {error}")),
    }
}

/// A row that cannot be understood.
pub(super) fn row(
    table: &str,
    key: impl std::fmt::Display,
    why: impl std::fmt::Display,
) -> StoreError {
    StoreError::Damaged(format!("table {table}, row {key}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::errors::WriteType;
    use scylla::statement::Consistency;

    fn check(error: DbError, expect: Class) {
        let attempt = RequestAttemptError::DbError(error, String::new());
        assert_eq!(class(&ExecutionError::LastAttemptError(attempt)), expect);
    }

    #[test]
    fn a_server_error_says_whether_a_repeat_can_help() {
        let consistency = Consistency::LocalQuorum;
        check(DbError::Unavailable { consistency, required: 2, alive: 1 }, Class::NotSent);
        let write_type = WriteType::Simple;
        let late = DbError::WriteTimeout { consistency, received: 1, required: 2, write_type };
        check(late, Class::Overloaded);
        check(DbError::Overloaded, Class::Overloaded);
        check(DbError::ServerError, Class::Unknown);
        check(DbError::Invalid, Class::Permanent);
        check(DbError::Unauthorized, Class::Permanent);
    }

    #[test]
    fn a_time_out_is_not_taken_for_a_failure() {
        let late = ExecutionError::RequestTimeout(std::time::Duration::from_secs(3));
        assert_eq!(class(&late), Class::Unknown);
        assert!(matches!(answer(&late), StoreError::Unavailable(_)));
    }
}
