//! Why something is no event.

use flowmill_flow::JsonError;

/// Why a message is no event that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Nothing in it says that it is an event.
    #[error("there is neither a specversion nor a content type of CloudEvents")]
    NotAnEvent,
    /// It is of another version of the specification.
    #[error("the specversion is `{0}`; 1.0 is supported")]
    Version(String),
    /// A required attribute is not there, or empty.
    #[error("the attribute `{0}` is missing")]
    Missing(&'static str),
    /// An attribute's name breaks the rules.
    #[error("`{0}` is no name of an attribute: use lower-case letters and digits")]
    Name(String),
    /// An attribute's value is not what it must be.
    #[error("the attribute `{name}` is not {expected}")]
    Value {
        /// Its name.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The event's format is not JSON.
    #[error("events in the format `{0}` are not supported; application/cloudevents+json is")]
    Format(String),
    /// A batch stands where one event is expected, or where there are no batches.
    #[error("a batch of events stands where one event is expected")]
    Batch,
    /// The JSON of the event, or its data, cannot be read.
    #[error("{what} is no JSON")]
    Json {
        /// What cannot be read.
        what: &'static str,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// The document is no JSON object, or no array of them.
    #[error("the event is {0}; a JSON object is expected")]
    Shape(&'static str),
    /// There are `data` and `data_base64`.
    #[error("there are both `data` and `data_base64`")]
    TwoData,
}
