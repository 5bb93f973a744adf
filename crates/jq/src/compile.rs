//! From a program's tree to its code.
//!
//! Every function has its own frame of variables. What a function sees of those around it is
//! found by counting how many levels out they are. Functions of the library are compiled into a
//! program when it calls them, so that a program carries what it needs and no more.

mod assign;
mod call;
mod control;
mod inline;
mod pattern;
mod scope;
mod term;

use std::collections::BTreeMap;

use crate::code::{Code, Function, Op, Piece};
use crate::library;
use crate::syntax::ast::{Ast, Definition};
use crate::syntax::{CompileError, CompileErrorKind};
use crate::value::Value;

pub(crate) use inline::NAMES;
use scope::{Binding, Level};

type Compiled<T = ()> = Result<T, CompileError>;

/// Instructions that a program may have.
const OPS: usize = 1_000_000;

pub(crate) struct Compiler {
    code: Code,
    /// The instructions of the function that is being compiled.
    ops: Vec<Op>,
    /// The functions around the place that is being compiled, from the outside in.
    levels: Vec<Level>,
    /// The library's functions that the program calls.
    called: BTreeMap<(&'static str, usize), u32>,
    /// Those of them that are not compiled yet.
    waiting: Vec<(u32, &'static Definition)>,
}

/// Compiles a program that sees these variables.
pub(crate) fn compile(program: &Ast, variables: &[&str]) -> Compiled<Code> {
    let mut compiler = Compiler {
        code: Code::default(),
        ops: Vec::new(),
        levels: Vec::new(),
        called: BTreeMap::new(),
        waiting: Vec::new(),
    };
    let main = compiler.reserve();
    compiler.levels.push(Level::default());
    for variable in variables {
        let slot = compiler.slot()?;
        compiler.level().bind(Binding::Variable((*variable).into(), slot));
    }
    compiler.filter(program)?;
    compiler.finish(main)?;
    while let Some((function, definition)) = compiler.waiting.pop() {
        compiler.levels = vec![Level::default()];
        compiler.body(function, definition)?;
    }
    Ok(compiler.code)
}

impl Compiler {
    fn emit(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.ops.len() - 1
    }

    /// Where the next instruction will be.
    fn here(&self) -> u32 {
        u32::try_from(self.ops.len()).unwrap_or(u32::MAX)
    }

    /// Has the instruction at `place` go on where the next one will be.
    fn land(&mut self, place: usize) {
        let here = self.here();
        if let Some(target) = self.ops.get_mut(place).and_then(Op::target) {
            *target = here;
        }
    }

    fn constant(&mut self, value: Value) -> u32 {
        self.code.constants.push(value);
        index(self.code.constants.len())
    }

    fn template(&mut self, pieces: Vec<Piece>) -> u32 {
        self.code.templates.push(pieces);
        index(self.code.templates.len())
    }

    /// A number for a function that is compiled later.
    fn reserve(&mut self) -> u32 {
        self.code.functions.push(Function::default());
        index(self.code.functions.len())
    }

    /// A new variable of the function that is being compiled.
    fn slot(&mut self) -> Compiled<u16> {
        self.level().slot().ok_or(CompileError { offset: 0, kind: CompileErrorKind::TooLarge })
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("a function is being compiled")
    }

    /// Compiles a function's instructions apart from those of the function around it.
    fn function(
        &mut self,
        function: u32,
        level: Level,
        compile: impl FnOnce(&mut Self) -> Compiled,
    ) -> Compiled {
        let around = std::mem::take(&mut self.ops);
        self.levels.push(level);
        compile(self)?;
        self.finish(function)?;
        self.ops = around;
        Ok(())
    }

    /// Ends a function: its instructions go to the program's.
    fn finish(&mut self, function: u32) -> Compiled {
        self.emit(Op::Return);
        self.mark_tail_calls();
        let level = self.levels.pop().expect("a function is being compiled");
        let entry = u32::try_from(self.code.ops.len()).unwrap_or(u32::MAX);
        if self.code.ops.len() + self.ops.len() > OPS {
            return Err(CompileError { offset: 0, kind: CompileErrorKind::TooLarge });
        }
        for mut op in self.ops.drain(..) {
            if let Some(target) = op.target() {
                *target += entry;
            }
            self.code.ops.push(op);
        }
        self.code.functions[function as usize] = Function { entry, locals: level.locals() };
        Ok(())
    }

    /// A definition's body, with its parameters.
    fn body(&mut self, function: u32, definition: &Definition) -> Compiled {
        let mut level = Level::default();
        for (index, parameter) in definition.parameters.iter().enumerate() {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            level.bind(Binding::Parameter(parameter.name.clone(), index));
        }
        self.function(function, level, |compiler| {
            let parameters = definition.parameters.iter().enumerate();
            for (index, parameter) in parameters.filter(|(_, parameter)| parameter.value) {
                compiler.value_parameter(index, &parameter.name)?;
            }
            compiler.filter(&definition.body)
        })
    }

    /// The function of the library with that name and number of arguments.
    fn library_function(&mut self, name: &str, arity: usize) -> Option<u32> {
        let (name, definition) = library::definition(name, arity)?;
        if let Some(function) = self.called.get(&(name, arity)) {
            return Some(*function);
        }
        let function = self.reserve();
        self.called.insert((name, arity), function);
        self.waiting.push((function, definition));
        Some(function)
    }
}

/// The index of the last of so many.
fn index(length: usize) -> u32 {
    u32::try_from(length - 1).unwrap_or(u32::MAX)
}
