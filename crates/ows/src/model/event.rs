//! Events: published and waited for.

use flowmill_flow::{Expression, Template, TextTemplate};

use super::{Data, Task, Uri};

/// An event to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct EventTemplate {
    /// What kind of event.
    pub kind: TextTemplate,
    /// Its id; made up if nothing is said.
    pub id: Option<TextTemplate>,
    /// Where it happened; made of the workflow's name if nothing is said.
    pub source: Option<Uri>,
    /// When it happened, as RFC 3339 text; when it is published, if nothing is said.
    pub time: Option<TextTemplate>,
    /// What it is about.
    pub subject: Option<TextTemplate>,
    /// The content type of its data.
    pub content_type: Option<TextTemplate>,
    /// The schema of its data.
    pub schema: Option<Uri>,
    /// Its data.
    pub data: Option<Template>,
    /// Attributes beyond those of CloudEvents, by name.
    pub extensions: Vec<(String, TextTemplate)>,
}

/// Waiting for events. The output is an array of what was read of them, in their order.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Which events.
    pub to: Strategy,
    /// What is read of each event.
    pub read: EventRead,
    /// What is done with each event, one after the other.
    pub each: Option<EventLoop>,
}

/// Which events are waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// One event of this kind.
    One(EventFilter),
    /// One event of each of these kinds.
    All(Vec<EventFilter>),
    /// Events of any of these kinds, or any event at all if there are none.
    Any {
        /// The kinds.
        filters: Vec<EventFilter>,
        /// When to stop; after the first event, if nothing is said.
        until: Option<Until>,
    },
}

/// When waiting for events stops.
#[derive(Clone, Debug, PartialEq)]
pub enum Until {
    /// When this holds, asked after each event, of the array of events so far.
    Condition(Expression),
    /// When these events came, which are no part of the output. Never has an `until` of its own.
    Events(Box<Strategy>),
}

/// What is read of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventRead {
    /// Its data.
    #[default]
    Data,
    /// All of it, with its attributes.
    Envelope,
    /// Its data as they came.
    Raw,
}

/// A kind of events.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFilter {
    /// What its attributes, `data` among them, must be; at least one.
    pub with: Vec<(String, EventMatch)>,
    /// What ties it to others, each with its name.
    pub correlate: Vec<(String, Correlation)>,
}

/// What an attribute of an event must be.
#[derive(Clone, Debug, PartialEq)]
pub enum EventMatch {
    /// This value; a text may be a regular expression.
    Value(Template),
    /// One for which this expression holds.
    Expression(Expression),
}

/// What an event has in common with others.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// What gives the value, of the event.
    pub from: Expression,
    /// What the value must be; what the first event gave, if nothing is said.
    pub expect: Option<Template>,
}

/// What is done with each event.
#[derive(Clone, Debug)]
pub struct EventLoop {
    /// The name that what was read of the event is bound to, without its `$`.
    pub item: String,
    /// The name that the event's number, counted from 0, is bound to.
    pub index: String,
    /// The tasks for each event; there may be none.
    pub tasks: Vec<Task>,
    /// What becomes of the event's output.
    pub output: Data,
    /// What becomes the context.
    pub export: Data,
}
