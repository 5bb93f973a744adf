//! Hears what the nodes log, so that it stands in the run's trace with the simulated time.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::trace::Trace;

/// Notes what is logged in a trace.
pub struct Hearing {
    trace: Trace,
    level: Level,
}

impl Hearing {
    /// Hears what is as important as `level`.
    pub const fn new(trace: Trace, level: Level) -> Self {
        Self { trace, level }
    }
}

impl<S: Subscriber> Layer<S> for Hearing {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event()
            && *metadata.level() <= self.level
            && metadata.target().starts_with("flowmill")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(event.metadata().level().as_str().to_owned());
        event.record(&mut line);
        self.trace.note(line.0);
    }
}

/// One line: the message and the fields, as they come.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.0, " {value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
        written.expect("writing to memory does not fail");
    }
}
