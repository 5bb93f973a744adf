//! The machine that runs a program.
//!
//! Everything that can grow is on the heap and bounded: a stack of values, a stack of frames, and
//! points to go back to. What a point may still need stays below its floor; above it, taking from
//! a stack really takes. So a value that nobody shares is changed in place.

mod assign;
mod backtrack;
mod calls;
mod construct;
mod index;
mod path;
mod run;
mod stack;

use std::sync::Arc;

use crate::code::Code;
use crate::fault::{Failure, Fault, Raise};
use crate::limits::Limits;
use crate::meter::{Meter, Usage};
use crate::natives::{Patterns, Shared};
use crate::value::Value;

use backtrack::Fork;
use calls::{Closure, Frame};
use path::PathState;
use stack::Cell;

/// No entry of a stack.
const NONE: u32 = u32::MAX;

/// A run of a program: gives its outputs one by one.
pub(crate) struct Machine<'p> {
    code: &'p Code,
    meter: Meter,
    patterns: Patterns,
    /// The next instruction.
    at: u32,
    cells: Vec<Cell>,
    top: u32,
    frames: Vec<Frame>,
    frame: u32,
    locals: Vec<Value>,
    closures: Vec<Closure>,
    forks: Vec<Fork>,
    /// The path so far, while one is noted.
    path: Option<Arc<PathState>>,
    /// How many subs there are around, in which paths do not count.
    subs: u32,
    /// How many labels there were.
    labels: i64,
    ended: bool,
}

/// What an instruction does to the run.
enum Flow {
    Next,
    Output,
}

impl<'p> Machine<'p> {
    pub(crate) fn new(
        code: &'p Code,
        patterns: Arc<Shared>,
        input: Value,
        variables: Vec<Value>,
        limits: Limits,
    ) -> Self {
        let mut machine = Self {
            code,
            meter: Meter::new(limits),
            patterns: Patterns::new(patterns),
            at: 0,
            cells: Vec::with_capacity(16),
            top: NONE,
            frames: Vec::with_capacity(8),
            frame: NONE,
            locals: variables,
            closures: Vec::new(),
            forks: Vec::with_capacity(8),
            path: None,
            subs: 0,
            labels: 0,
            ended: false,
        };
        machine.start(input);
        machine
    }

    pub(crate) const fn usage(&self) -> Usage {
        self.meter.usage()
    }

    /// The next output.
    pub(crate) fn next(&mut self) -> Option<Result<Value, Failure>> {
        if self.ended {
            return None;
        }
        let mut raise = None;
        if self.frame == NONE {
            raise = Some(None);
        }
        loop {
            let resumed = match raise.take() {
                None => true,
                Some(None) => match self.backtrack() {
                    Ok(resumed) => resumed,
                    Err(again) => {
                        raise = Some(Some(again));
                        continue;
                    }
                },
                Some(Some(Raise::Fault(fault))) => return Some(self.fail(fault.into())),
                Some(Some(Raise::Error(error))) => match self.catch(error) {
                    Ok(()) => true,
                    Err(error) => return Some(self.fail(Failure::Raised(error))),
                },
                Some(Some(Raise::Break(label))) => {
                    self.unwind_to(label);
                    raise = Some(None);
                    continue;
                }
            };
            if !resumed {
                self.ended = true;
                return None;
            }
            match self.run() {
                Ok(Some(output)) => return Some(Ok(output)),
                Ok(None) => raise = Some(None),
                Err(again) => raise = Some(Some(again)),
            }
        }
    }

    fn fail(&mut self, failure: Failure) -> Result<Value, Failure> {
        self.ended = true;
        Err(failure)
    }

    fn full<T>(&self) -> Result<T, Raise> {
        Err(Fault::Stack(self.meter.limits().stack).into())
    }
}
