//! Inputs that were read and cannot be decided yet.
//!
//! A batch holds each of them whole, a later one decides and resolves it. Inputs of one execution
//! are decided in the order in which they were deferred. One that has waited for long is renewed,
//! so that it does not pin the watermark, and is given up in the end.

use std::time::Duration;

use std::collections::BTreeMap;

use flowmill_engine::{Command, Execution, Moment, Rejection};
use flowmill_model::history::InputRef;
use flowmill_model::{ErrorCode, ExecutionId, Problem, Timestamp, limits};

use super::deciding::stage;
use super::input::{Input, Parsed, Source};
use super::live::Live;
use super::serving::Serving;
use crate::takeover::PendingDeferral;

impl Serving {
    /// Puts an input into the batch as deferred, and queues it.
    pub(super) fn defer(&mut self, input: Input) {
        match (input.source, input.deferred()) {
            (Source::Timer(key), _) => self.timers.again(key, self.shared.clock.now()),
            (Source::Log(_), entry) => {
                if let Some(open) = &mut self.open {
                    open.deferred.extend(entry);
                }
                self.deferred += 1;
                if let Some(live) = self.executions.get_mut(input.execution) {
                    live.waiting.push_back(input);
                }
            }
        }
    }

    /// What an actor is still deciding leaves the batch; the decision comes in a later one.
    pub(super) fn defer_deciding(&mut self, id: ExecutionId) {
        let Some(live) = self.executions.get_mut(id) else { return };
        let Some(deciding) = live.deciding.as_mut().filter(|deciding| deciding.in_batch) else {
            return;
        };
        deciding.in_batch = false;
        let Some(open) = &mut self.open else { return };
        for input in &deciding.inputs {
            if let Some(entry) = input.deferred() {
                open.deferred.push(entry);
                self.deferred += 1;
            }
        }
    }

    /// Finds deferrals that have grown old: those to be renewed in the next batch, so that they do
    /// not pin the watermark, and those that nobody waits for any longer.
    pub(super) fn look_at_deferrals(&mut self, now: Timestamp) {
        if self.deferred == 0 {
            return;
        }
        let is_old = |live: &Live, age: Duration, since: fn(&Input) -> Timestamp| {
            let mut waiting = live.waiting.iter();
            live.deciding.is_none() && waiting.any(|input| now.since(since(input)) >= age)
        };
        let expired = self.executions.select(|live| {
            live.can_decide() && is_old(live, limits::DEFERRAL_EXPIRY, |input| input.since)
        });
        expired.into_iter().for_each(|id| self.expire(id));
        self.renewals = self
            .executions
            .select(|live| is_old(live, limits::DEFERRAL_RENEWAL, |input| input.renewed));
    }

    /// Resolves deferred inputs and defers them again, all those of an execution, in order.
    pub(super) fn renew(&mut self, now: Timestamp) {
        let Some(open) = &mut self.open else { return };
        for id in std::mem::take(&mut self.renewals) {
            let Some(live) = self.executions.get_mut(id) else { continue };
            if live.deciding.is_some() {
                continue;
            }
            for input in &mut live.waiting {
                input.renewed = now;
                open.renewed.extend(input.of_log());
                open.deferred.extend(input.deferred());
            }
        }
    }

    /// Decides inputs that could not be decided for too long as a fault of their execution.
    fn expire(&mut self, id: ExecutionId) {
        let Some(live) = self.executions.get_mut(id) else { return };
        let (inputs, mut state) =
            (Vec::from(std::mem::take(&mut live.waiting)), live.committed.clone());
        let hours = limits::DEFERRAL_EXPIRY.as_secs() / 3_600;
        let why = format!("the execution's flow was not available for {hours} hours");
        tracing::error!(execution = %id, why, "deferred inputs are given up");
        let problem = Problem::of(ErrorCode::DeferralExpired, &why);
        let mut verdicts = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let moment = Moment { now: self.shared.clock.now(), seed: self.shared.entropy.next() };
            let decided = match (&state, &input.command) {
                (Some(state), _) if state.is_ended() => Err(Rejection::AlreadyEnded),
                (Some(state), _) => Ok(flowmill_engine::fault(state, problem.clone(), &moment)),
                (None, Command::Start { start, trace, sent_at }) => {
                    let (new, problem) = (Execution::new(id), problem.clone());
                    Ok(flowmill_engine::fault_start(
                        &new, start, *trace, *sent_at, problem, &moment,
                    ))
                }
                (None, _) => Err(Rejection::Unknown),
            };
            verdicts.push(stage(id, &mut state, decided));
        }
        self.take_verdicts(id, inputs, verdicts, false);
    }

    pub(super) fn restore_deferrals(&mut self, deferrals: BTreeMap<InputRef, PendingDeferral>) {
        let mut in_order: Vec<_> = deferrals.into_iter().collect();
        in_order.sort_by_key(|(_, pending)| pending.order);
        for (input, pending) in in_order {
            let kept = Parsed::read_deferred(self.id, input, pending.record.0, pending.since);
            let Some(mut input) = kept else { continue };
            input.renewed = self.began;
            self.deferred += 1;
            let id = input.execution;
            self.ensure(id, false);
            if let Some(live) = self.executions.get_mut(id) {
                live.waiting.push_back(input);
            }
            self.give_waiting(id);
        }
    }
}
