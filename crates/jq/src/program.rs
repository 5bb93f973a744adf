//! Programs: compiled once, run as often as needed.

use std::fmt;
use std::sync::Arc;

use crate::code::Code;
use crate::compile;
use crate::fault::Failure;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::meter::Usage;
use crate::natives::Shared;
use crate::references::{self, VariableUse};
use crate::syntax::{self, CompileError};
use crate::value::Value;

/// A compiled program. Cheap to clone.
#[derive(Clone)]
pub struct Program(Arc<Compiled>);

struct Compiled {
    code: Code,
    patterns: Arc<Shared>,
    variables: Vec<VariableUse>,
}

impl Program {
    /// Compiles a program that may name `variables`, without their `$`, and is nested at most
    /// `depth` deep.
    pub fn compile(source: &str, variables: &[&str], depth: usize) -> Result<Self, CompileError> {
        let tree = syntax::parse(source, depth)?;
        let code = compile::compile(&tree, variables)?;
        let variables = references::of(&tree, variables);
        Ok(Self(Arc::new(Compiled { code, patterns: Arc::default(), variables })))
    }

    /// Where the program looks at the variables that it was compiled with, in the order of its
    /// text.
    pub fn variables(&self) -> &[VariableUse] {
        &self.0.variables
    }

    /// Runs the program on a value. The values of the variables come in the order in which they
    /// were given to [`Program::compile`]; missing ones are `null`.
    pub fn run(&self, input: Value, variables: Vec<Value>, limits: Limits) -> Run<'_> {
        let patterns = Arc::clone(&self.0.patterns);
        Run(Machine::new(&self.0.code, patterns, input, variables, limits))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({} instructions)", self.0.code.ops.len())
    }
}

/// A run of a program: its outputs, one by one. After a failure there are no more.
pub struct Run<'p>(Machine<'p>);

impl Run<'_> {
    /// What the run has used so far.
    pub const fn usage(&self) -> Usage {
        self.0.usage()
    }
}

impl Iterator for Run<'_> {
    type Item = Result<Value, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}
