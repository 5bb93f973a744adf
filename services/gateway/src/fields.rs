//! Names of the fields that this crate puts on spans.

/// The request's method.
pub(crate) const METHOD: &str = "http.request.method";

/// The route's pattern, never the path: a path may be private and has no bound.
pub(crate) const ROUTE: &str = "http.route";

/// The answer's status.
pub(crate) const STATUS: &str = "http.response.status_code";

/// The error code of an answer that is a problem.
pub(crate) const CODE: &str = "error.type";

/// The trace that the caller says the request belongs to.
pub(crate) const TRACE: &str = "trace.parent";
