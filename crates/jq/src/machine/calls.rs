//! Frames: calls, arguments, results.

use crate::code::{Argument, Target};
use crate::fault::Outcome;
use crate::value::Value;

use super::stack::last;
use super::{Machine, NONE};

/// A call of a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The frame of the function around it.
    around: u32,
    /// Who called it, and where it goes on.
    caller: u32,
    returns_to: u32,
    /// Where its variables start.
    pub(super) locals: u32,
    /// Where its arguments start.
    closures: u32,
}

/// A filter as an argument, with the frame that it sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closure {
    function: u32,
    around: u32,
}

impl Machine<'_> {
    /// Calls the program itself. Its variables are there.
    pub(super) fn start(&mut self, input: Value) {
        let main = self.code.functions[0];
        self.locals.resize(usize::from(main.locals).max(self.locals.len()), Value::Null);
        self.frames.push(Frame {
            around: NONE,
            caller: NONE,
            returns_to: 0,
            locals: 0,
            closures: 0,
        });
        self.frame = 0;
        self.at = main.entry;
        let pushed = self.push(input);
        self.ended = pushed.is_err();
    }

    /// The frame so many levels out.
    pub(super) fn frame_at(&self, level: u16) -> u32 {
        let mut frame = self.frame;
        for _ in 0..level {
            frame = self.frames[frame as usize].around;
        }
        frame
    }

    fn argument(&self, level: u16, index: u16) -> Closure {
        let frame = self.frames[self.frame_at(level) as usize];
        self.closures[frame.closures as usize + usize::from(index)]
    }

    /// Calls; `tail` says that the caller's frame is of no more use.
    pub(super) fn call(&mut self, site: u32, tail: bool) -> Outcome<()> {
        let site = &self.code.calls[site as usize];
        let (function, around) = match site.target {
            Target::Function { function, level } => (function, self.frame_at(level)),
            Target::Library(function) => (function, NONE),
            Target::Parameter { level, index } => {
                let closure = self.argument(level, index);
                (closure.function, closure.around)
            }
        };
        let first = self.closures.len();
        for argument in &site.arguments {
            let closure = match *argument {
                Argument::Filter(function) => Closure { function, around: self.frame },
                Argument::Parameter { level, index } => self.argument(level, index),
            };
            self.closures.push(closure);
        }
        let (mut caller, mut returns_to) = (self.frame, self.at);
        let mut closures = first;
        if tail {
            let own = self.frames[self.frame as usize];
            (caller, returns_to) = (own.caller, own.returns_to);
            if self.frame_is_last() {
                self.closures.drain(own.closures as usize..first);
                closures = own.closures as usize;
                self.locals.truncate(own.locals as usize);
                self.frames.pop();
            }
        }
        self.enter(
            function,
            Frame {
                around,
                caller,
                returns_to,
                locals: last(self.locals.len() + 1),
                closures: last(closures + 1),
            },
        )
    }

    fn enter(&mut self, function: u32, frame: Frame) -> Outcome<()> {
        let limit = self.meter.limits().stack;
        let function = self.code.functions[function as usize];
        let locals = self.locals.len() + usize::from(function.locals);
        if self.frames.len() >= limit || locals > limit || self.closures.len() > limit {
            return self.full();
        }
        self.meter.steps(usize::from(function.locals) / 8)?;
        self.locals.resize(locals, Value::Null);
        self.frames.push(frame);
        self.frame = last(self.frames.len());
        self.at = function.entry;
        Ok(())
    }

    /// Returns to the caller; says whether there is one.
    pub(super) fn leave(&mut self) -> bool {
        let own = self.frames[self.frame as usize];
        if own.caller == NONE {
            return false;
        }
        if self.frame_is_last() {
            self.frames.pop();
            self.locals.truncate(own.locals as usize);
            self.closures.truncate(own.closures as usize);
        }
        self.frame = own.caller;
        self.at = own.returns_to;
        true
    }

    /// Whether no point to go back to, and no later frame, needs the frame.
    fn frame_is_last(&self) -> bool {
        let floor = self.forks.last().map_or(0, |fork| fork.frames);
        self.frame >= floor && self.frame as usize + 1 == self.frames.len()
    }
}
