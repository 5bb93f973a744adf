//! The engine broken on purpose, so that a test sees that the simulation's checker catches it.
//!
//! This module is there only with the feature `mutations`. No default build has it, and nothing
//! but the simulation's tests asks for it. A mutation takes effect at a line or two of the code
//! it breaks, in the nodes whose settings name it.

use flowmill_engine::{Command, Decision, Execution, evolve};
use flowmill_model::event::Event;

use crate::execution::Birth;

/// One way to break the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// An owner takes every acknowledgement for a commit, wherever the record landed.
    NoGapCheck,
    /// Batches of any epoch count, for owners and replays.
    StaleEpochAccepted,
    /// Tasks are sent as soon as their batch is on its way.
    SentBeforeAcknowledged,
    /// A new owner takes everything before its claim for sent.
    MarkForgotten,
    /// A new owner sends tasks again as of its newest batch.
    SentAgainAsNewest,
    /// The watermark follows the rows, whatever is not sent.
    WatermarkPastMark,
    /// The watermark moves before the rows are there.
    WatermarkBeforeRows,
    /// The watermark moves past inputs that are deferred.
    WatermarkPastDeferral,
    /// A result counts whatever its token.
    TokenUnchecked,
    /// A timer that fires does so twice.
    TimerFiredTwice,
    /// What has come to a node that joins branches is forgotten.
    JoinForgotten,
    /// A start is taken for the first one of its execution.
    DuplicateStart,
    /// Executions are let go before they are in the store.
    PassivatedBeforeFlush,
    /// An owner goes on when another one has claimed its shard.
    FencedGoesOn,
}

impl Mutation {
    /// Every one of them.
    pub const ALL: [Self; 14] = [
        Self::NoGapCheck,
        Self::StaleEpochAccepted,
        Self::SentBeforeAcknowledged,
        Self::MarkForgotten,
        Self::SentAgainAsNewest,
        Self::WatermarkPastMark,
        Self::WatermarkBeforeRows,
        Self::WatermarkPastDeferral,
        Self::TokenUnchecked,
        Self::TimerFiredTwice,
        Self::JoinForgotten,
        Self::DuplicateStart,
        Self::PassivatedBeforeFlush,
        Self::FencedGoesOn,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoGapCheck => "no-gap-check",
            Self::StaleEpochAccepted => "stale-epoch-accepted",
            Self::SentBeforeAcknowledged => "sent-before-acknowledged",
            Self::MarkForgotten => "mark-forgotten",
            Self::SentAgainAsNewest => "sent-again-as-newest",
            Self::WatermarkPastMark => "watermark-past-mark",
            Self::WatermarkBeforeRows => "watermark-before-rows",
            Self::WatermarkPastDeferral => "watermark-past-deferral",
            Self::TokenUnchecked => "token-unchecked",
            Self::TimerFiredTwice => "timer-fired-twice",
            Self::JoinForgotten => "join-forgotten",
            Self::DuplicateStart => "duplicate-start",
            Self::PassivatedBeforeFlush => "passivated-before-flush",
            Self::FencedGoesOn => "fenced-goes-on",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutation| mutation.name() == name)
    }
}

/// The signal that has a transition panic, for the test of the quarantine.
const PANIC: &str = "panic";

/// What such a panic says.
const ASKED: &str = "a signal asked for a panic";

/// Panics if the command asks for it.
///
/// # Panics
/// That is what it is for.
pub(crate) fn panic_if_asked(command: &Command) {
    if let Command::Signal(signal) = command
        && signal.name.as_str() == PANIC
    {
        std::panic::panic_any(ASKED);
    }
}

/// Keeps the panics that signals ask for from being shown; all others are.
pub fn hide_panics() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let asked = panic.payload().downcast_ref::<&str>() == Some(&ASKED);
        if !asked {
            show(panic);
        }
    }));
}

impl Birth {
    /// The command as a broken engine takes it: a result has the right token.
    pub(crate) fn broken_command(&self, before: &Execution, command: &Command) -> Command {
        let mut command = command.clone();
        if self.mutation == Some(Mutation::TokenUnchecked)
            && let Command::Report(result) = &mut command
            && let Some(task) = before.task(result.id.activation)
            && task.attempt == result.id.attempt
        {
            result.token = task.token;
        }
        command
    }

    /// The decision as a broken engine makes it.
    pub(crate) fn broken_decision(
        &self,
        before: &Execution,
        command: &Command,
        decided: Decision,
    ) -> Decision {
        let fires = matches!(command, Command::TimerFired { .. });
        match self.mutation {
            Some(Mutation::TimerFiredTwice) if fires => twice(decided),
            Some(Mutation::JoinForgotten) => without_join(before, decided),
            _ => decided,
        }
    }
}

/// What is done, done twice.
fn twice(decided: Decision) -> Decision {
    let Decision { mut events, mut after } = decided;
    events.iter().for_each(|event| evolve(&mut after, event));
    events.extend_from_within(..);
    Decision { events, after }
}

/// A task's output goes nowhere if nothing takes it at once: only joins let it wait.
fn without_join(before: &Execution, decided: Decision) -> Decision {
    let [Event::TaskCompleted(done)] = &decided.events[..] else { return decided };
    let mut done = done.clone();
    if let Some(emission) = &mut done.emission {
        emission.connections.clear();
    }
    let event = Event::TaskCompleted(done);
    let mut after = before.clone();
    evolve(&mut after, &event);
    Decision { events: vec![event], after }
}
