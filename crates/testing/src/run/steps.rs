//! What comes next: a result, a signal or a timer.

use flowmill_engine::{Command, PendingTimer, Rejection, Whereabouts};
use flowmill_model::command::Signal;
use flowmill_model::task::{Failure as TaskFailed, Outcome, ResultRecord};
use flowmill_model::{CommandId, Payload, TaskId, Timestamp, limits};

use super::{Underway, World, wrong};
use crate::Failure;

/// One thing that is going to happen. The order is that of things that are due at one time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The attempt at this place among those under way ends.
    Result(usize),
    /// The signal at this place among those to send is sent.
    Signal(usize),
    /// The timer at this place among those that are pending fires.
    Timer(usize),
}

/// What happens next, and when.
pub(super) struct Next {
    pub(super) due: Timestamp,
    pub(super) step: Step,
}

impl World<'_> {
    /// What happens next; `None` if nothing does.
    pub(super) fn next(&self) -> Option<Next> {
        let end = |(at, attempt): (usize, &Underway<'_>)| {
            (attempt.since.after(attempt.outcome.after), Step::Result(at))
        };
        let results = self.underway.iter().enumerate().map(end);
        let timers = self.execution.timers().enumerate();
        let timers = timers.map(|(at, timer)| (timer.due, Step::Timer(at)));
        let next = results.chain(self.signal_steps()).chain(timers).min();
        next.map(|(due, step)| Next { due, step })
    }

    /// The signals that nodes wait for: of each name the first one that is not sent yet.
    fn signal_steps(&self) -> Vec<(Timestamp, Step)> {
        let mut steps = Vec::new();
        for (name, pending) in self.awaited() {
            let first = self.signals.iter().position(|signal| signal.name.as_str() == name);
            let step =
                first.map(|at| (pending.since.after(self.signals[at].after), Step::Signal(at)));
            steps.extend(step);
        }
        steps
    }

    pub(super) fn step(&mut self, step: Step) -> Result<(), Failure> {
        if self.is_endless() {
            let what = format!("the case did not end within {} steps", limits::CASE_STEPS);
            let help = "are there fewer attempts to make, or fewer signals to send?".to_owned();
            return Err(Failure { help, ..wrong(what) });
        }
        match step {
            Step::Result(at) => self.end(at),
            Step::Signal(at) => self.send(at),
            Step::Timer(at) => self.fire(at),
        }
    }

    fn end(&mut self, at: usize) -> Result<(), Failure> {
        let Underway { task, outcome, .. } = self.underway.remove(at);
        let outcome = match &outcome.result {
            Ok(output) => Outcome::Completed(Payload::new(output.to_bytes())),
            Err(failure) => Outcome::Failed(TaskFailed {
                problem: failure.problem.clone(),
                retryable: failure.retryable,
                retry_after_ms: None,
            }),
        };
        let (activation, attempt) = (task.activation, task.attempt);
        let id = TaskId { execution: self.execution.id(), activation, attempt };
        let result = ResultRecord { id, token: task.token, outcome, trace: None };
        match self.decide(&Command::Report(result)) {
            // Its time was up before.
            Ok(()) | Err(Rejection::Stale) => Ok(()),
            Err(rejection) => {
                let id = &self.flow.node(activation.node).id;
                Err(wrong(format!("the outcome of `{id}` is refused: {rejection}")))
            }
        }
    }

    fn send(&mut self, at: usize) -> Result<(), Failure> {
        let signal = self.signals.remove(at);
        let command = Command::Signal(Signal {
            execution: self.execution.id(),
            id: CommandId::from_bits(self.steps as u128 + 1),
            name: signal.name.clone(),
            payload: Payload::new(signal.payload.to_bytes()),
        });
        let refused =
            |rejection| wrong(format!("the signal `{}` is refused: {rejection}", signal.name));
        self.decide(&command).map_err(refused)
    }

    fn fire(&mut self, at: usize) -> Result<(), Failure> {
        let Some(timer) = self.execution.timers().nth(at) else { return Ok(()) };
        let whereabouts = self.whereabouts(&timer);
        let fired = self.decide(&Command::TimerFired { timer: timer.id, whereabouts });
        fired.map_err(|rejection| wrong(format!("a timer is refused: {rejection}")))
    }

    fn whereabouts(&self, timer: &PendingTimer) -> Whereabouts {
        let of_it = |attempt: &&Underway<'_>| Some(attempt.task.activation) == timer.activation;
        let attempt = self.underway.iter().rfind(of_it);
        attempt.map_or(Whereabouts::NotATask, |attempt| Whereabouts::PickedUp { at: attempt.since })
    }
}
