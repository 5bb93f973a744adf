//! Deciding: what a command makes of an execution.

mod cancel;
mod report;
mod resume;
mod signal;
mod start;
mod suspend;
mod timer;

use flowmill_flow::Flow;
use flowmill_model::command::Control;
use flowmill_model::event::Event;
use flowmill_model::{ErrorCode, Problem, limits};

use crate::command::{Command, Moment};
use crate::draft::Draft;
use crate::drain;
use crate::execution::Execution;
use crate::incident;
use crate::rejection::{Rejection, Unexpected};

/// What was decided on one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What happens, in order.
    pub events: Vec<Event>,
    /// The state after it: the events folded into the state before.
    pub after: Execution,
}

/// Decides what `command` makes of `execution`, which runs `flow`.
///
/// A function of its arguments. A decision never holds more events than may be written at once
/// ([`limits::DECISION_BYTES`]) nor leads to a state that is larger than it may be
/// ([`limits::STATE_BYTES`]): it is a fault of the execution then.
///
/// # Errors
/// The command changes nothing; the rejection says why.
pub fn decide(
    flow: &Flow,
    execution: &Execution,
    command: &Command,
    moment: &Moment,
) -> Result<Decision, Rejection> {
    let mut draft = Draft::new(flow, execution, moment);
    match command {
        Command::Start { start, trace, sent_at } => {
            start::decide(&mut draft, start, *trace, *sent_at)?;
        }
        Command::Signal(signal) => signal::decide(&mut draft, signal)?,
        Command::Cancel(control) => cancel::decide(&mut draft, control)?,
        Command::Suspend(control) => suspend::decide(&mut draft, control)?,
        Command::Resume(control) => resume::decide(&mut draft, control)?,
        Command::Report(result) => report::decide(&mut draft, result)?,
        Command::TimerFired { timer, whereabouts } => {
            timer::decide(&mut draft, *timer, *whereabouts)?;
        }
    }
    Ok(draft.finish(execution, command))
}

impl Draft<'_> {
    /// Refuses what a command of its own id has done before, and whatever cannot be told to the
    /// execution any more.
    fn admit(&self, control: &Control) -> Result<(), Rejection> {
        if self.state.has_applied(control.id) {
            return Err(Rejection::Duplicate(control.id));
        }
        self.admit_running()
    }

    /// Refuses what cannot be told to an execution that is not there, not this flow's, or ended.
    fn admit_running(&self) -> Result<(), Rejection> {
        let Some((_, hash)) = self.state.flow() else { return Err(Rejection::Unknown) };
        if self.state.is_ended() {
            return Err(Rejection::AlreadyEnded);
        }
        if *hash != self.flow.hash {
            return Err(Rejection::OtherFlow);
        }
        Ok(())
    }

    /// The decision, or a fault in its place if it is larger than it may be.
    fn finish(self, before: &Execution, command: &Command) -> Decision {
        let problem = if self.bytes > limits::DECISION_BYTES {
            Problem::of(ErrorCode::TooLarge, drain::too_much())
        } else if self.state.encoded_size() > limits::STATE_BYTES {
            let bytes = limits::STATE_BYTES;
            let detail = format!("values on their way take more than {bytes} bytes");
            Problem::of(ErrorCode::StateTooLarge, detail)
        } else {
            return Decision { events: self.events, after: self.state };
        };
        match command {
            Command::Start { start, trace, sent_at } => {
                incident::fault_start(before, start, *trace, *sent_at, problem, self.moment)
            }
            Command::Signal(_)
            | Command::Cancel(_)
            | Command::Suspend(_)
            | Command::Resume(_)
            | Command::Report(_)
            | Command::TimerFired { .. } => incident::fault(before, problem, self.moment),
        }
    }
}

/// A refusal of a command that does not apply now.
const fn unexpected(reason: Unexpected) -> Rejection {
    Rejection::NotExpected(reason)
}
