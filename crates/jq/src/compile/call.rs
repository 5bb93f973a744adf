//! Definitions and calls.

use crate::code::{Argument, CallSite, Op, Target};
use crate::natives;
use crate::refused;
use crate::syntax::ast::{Ast, Definition, Name};
use crate::syntax::{CompileError, CompileErrorKind};
use crate::value::Text;

use super::scope::{self, Binding, Level};
use super::{Compiled, Compiler, index};

/// What a name that is called stands for.
enum Callee {
    Function(u32),
    Parameter(u16),
}

impl Compiler {
    pub(super) fn define(&mut self, definitions: &[Definition], body: &Ast) -> Compiled {
        let bound = self.level().bound();
        for definition in definitions {
            let function = self.reserve();
            let arity = definition.parameters.len();
            let name = definition.name.text.clone();
            self.level().bind(Binding::Function { name, arity, function });
            self.body(function, definition)?;
        }
        self.filter(body)?;
        self.level().unbind(bound);
        Ok(())
    }

    /// Puts the value of a `$parameter` into a variable.
    pub(super) fn value_parameter(&mut self, index: usize, name: &Text) -> Compiled {
        let slot = self.slot()?;
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        self.emit(Op::SubBegin);
        self.site(Target::Parameter { level: 0, index }, Vec::new());
        self.emit(Op::Leave);
        self.emit(Op::Store(slot));
        self.level().bind(Binding::Variable(name.clone(), slot));
        Ok(())
    }

    pub(super) fn call(&mut self, name: &Name, arguments: &[Ast]) -> Compiled {
        if let Some((level, callee)) = self.callee(&name.text, arguments.len()) {
            let target = match callee {
                Callee::Function(function) => Target::Function { function, level },
                Callee::Parameter(index) => Target::Parameter { level, index },
            };
            let arguments = self.arguments(arguments)?;
            self.site(target, arguments);
            return Ok(());
        }
        if self.inline(&name.text, arguments)? {
            return Ok(());
        }
        if let Some(native) = natives::index(&name.text, arguments.len()) {
            for argument in arguments.iter().rev() {
                self.sub(|compiler| compiler.filter(argument))?;
            }
            self.emit(Op::Native(native));
            return Ok(());
        }
        if let Some(function) = self.library_function(&name.text, arguments.len()) {
            let arguments = self.arguments(arguments)?;
            self.site(Target::Library(function), arguments);
            return Ok(());
        }
        Err(CompileError { offset: name.offset, kind: unknown(&name.text, arguments.len()) })
    }

    /// Calls a function of the library without arguments, whatever the program defines.
    pub(super) fn call_library(&mut self, name: &str) -> Compiled {
        let function = self.library_function(name, 0).expect("it is in the library");
        self.site(Target::Library(function), Vec::new());
        Ok(())
    }

    fn callee(&self, name: &str, arity: usize) -> Option<(u16, Callee)> {
        scope::find(&self.levels, |binding| match binding {
            Binding::Function { name: other, arity: other_arity, function }
                if other.as_str() == name && *other_arity == arity =>
            {
                Some(Callee::Function(*function))
            }
            Binding::Parameter(other, index) if other.as_str() == name && arity == 0 => {
                Some(Callee::Parameter(*index))
            }
            Binding::Function { .. }
            | Binding::Parameter(..)
            | Binding::Variable(..)
            | Binding::Label(..) => None,
        })
    }

    fn arguments(&mut self, arguments: &[Ast]) -> Compiled<Vec<Argument>> {
        arguments.iter().map(|argument| self.argument(argument)).collect()
    }

    /// A filter as an argument: a parameter that is passed on, or a function of its own.
    fn argument(&mut self, argument: &Ast) -> Compiled<Argument> {
        if let Ast::Call(name, arguments) = argument
            && arguments.is_empty()
            && let Some((level, Callee::Parameter(index))) = self.callee(&name.text, 0)
        {
            return Ok(Argument::Parameter { level, index });
        }
        let function = self.reserve();
        self.function(function, Level::default(), |compiler| compiler.filter(argument))?;
        Ok(Argument::Filter(function))
    }

    fn site(&mut self, target: Target, arguments: Vec<Argument>) {
        self.code.calls.push(CallSite { target, arguments: arguments.into() });
        let site = index(self.code.calls.len());
        self.emit(Op::Call(site));
    }

    /// Turns calls whose result is the function's into jumps, unless they need its frame.
    pub(super) fn mark_tail_calls(&mut self) {
        for place in 0..self.ops.len() {
            if let Op::Call(site) = self.ops[place]
                && self.returns(place + 1)
                && !self.needs_frame(site)
            {
                self.ops[place] = Op::TailCall(site);
            }
        }
    }

    fn returns(&self, mut place: usize) -> bool {
        while let Some(Op::Jump(target)) = self.ops.get(place) {
            place = *target as usize;
        }
        matches!(self.ops.get(place), Some(Op::Return))
    }

    fn needs_frame(&self, site: u32) -> bool {
        let site = &self.code.calls[site as usize];
        matches!(site.target, Target::Function { level: 0, .. })
            || site.arguments.iter().any(|argument| matches!(argument, Argument::Filter(_)))
    }
}

fn unknown(name: &str, arity: usize) -> CompileErrorKind {
    match refused::why(name) {
        Some(why) => CompileErrorKind::NotAvailable { name: name.to_owned(), why },
        None => CompileErrorKind::UnknownFunction { name: name.to_owned(), arity },
    }
}
