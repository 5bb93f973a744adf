//! Header names of the API, beside those of HTTP itself.

/// On a write's answer: where the write stands. On a read: the write that the answer must have
/// seen. Opaque: send it back as it came.
pub const POSITION: &str = "flowmill-position";

/// On a start or a command: makes it repeatable. The same key means the same request.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// W3C trace context: the trace a start or command continues.
pub const TRACEPARENT: &str = "traceparent";

/// The content type of every error: RFC 9457 problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";
