//! What a program is compiled to: instructions of a machine with a stack of values and a stack of
//! points to go back to.
//!
//! An instruction finds its input on top of the stack of values and leaves its output there. A
//! filter with several outputs leaves a point behind at which the next one is made; going back
//! there is the only loop. "Sub" is a filter whose input is a copy and whose paths do not count.

use crate::syntax::ast::{Format, Operator};
use crate::value::{Text, Value};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Replaces the top by a constant.
    Const(u32),
    /// Replaces the top by a variable of the function so many levels out.
    Load {
        level: u16,
        slot: u16,
    },
    /// Pushes a variable.
    Push(u16),
    /// Pushes a variable and leaves `null` in it.
    PushTaken(u16),
    /// Replaces the top by a variable and leaves `null` in it.
    Take(u16),
    /// Pops the top into a variable.
    Store(u16),
    /// Puts `null` into a variable.
    Clear(u16),
    Dup,
    Pop,
    /// Copies the top, and starts a sub.
    SubBegin,
    /// Ends a sub: puts its output under the copy of its input.
    SubEnd,
    /// Starts a sub without a copy.
    Enter,
    /// Ends a sub, its output on top.
    Leave,

    /// Replaces the top by what is under a constant key.
    Field(u32),
    /// Pops a value, then a key; pushes what is there.
    Index,
    /// Pops a value, then the end and the start as far as they are given; pushes the part.
    Slice {
        from: bool,
        to: bool,
    },
    /// Replaces the top by each of its items in turn.
    Each,
    /// Pops a value, then a path; pushes what is there.
    GetPath,
    /// Pops a value, then numbers; pushes each number from the first to before the second.
    Range {
        by: bool,
    },

    /// Ends a sub: pops the left operand, then the right one.
    Binary(Operator),
    /// The same with a constant on the right.
    BinaryConst(Operator, u32),
    Negate,
    /// Ends a sub: replaces its output by whether it is true.
    Truth,
    Format(Format),
    /// Pops the input, then the parts of a string; pushes the string.
    Interpolate(u32),
    /// Starts an array in a variable.
    NewArray(u16),
    /// Pops the top into the array in a variable.
    Append(u16),
    /// Puts an empty object under the top.
    NewObject,
    /// Pops the input, a value, a key; puts them into the object that is next, and the input back.
    Insert,
    /// The same with a constant key.
    InsertConst(u32),

    Jump(u32),
    /// Ends a sub: pops its output, and jumps if it is `null` or `false`.
    BranchFalse(u32),
    /// Leaves a point behind that goes on there.
    Fork(u32),
    Backtrack,
    /// Goes back if the top is false (or true).
    BacktrackIf(bool),
    /// Leaves a point behind that takes errors: it goes on there, with the error as its input.
    TryBegin(u32),
    /// From here on errors are none of the last `try`'s.
    TryEnd,
    /// Leaves a point behind that takes errors and goes on there as if there were none.
    OrElse(u32),
    /// Leaves a point behind that a `break` of this variable finds.
    Label(u16),
    Break {
        level: u16,
        slot: u16,
    },
    /// Leaves a point behind that goes on there, and remembers it in a variable.
    Mark(u16, u32),
    /// Forgets the points since that mark; the top replaces what was on top then.
    Cut(u16),

    Call(u32),
    /// A call whose result is the caller's.
    TailCall(u32),
    Return,
    /// Calls a function that is not written in jq: pops the input, then the arguments.
    Native(u16),

    /// Starts to note the path from here.
    PathBegin,
    /// Replaces the top by the path to it.
    PathEnd,
    /// Pops a path, sets what is there in the first variable to the second.
    SetPath {
        state: u16,
        value: u16,
    },
    /// Pops a path; changes what is there in a variable by an operator and another variable.
    Update {
        operator: Update,
        state: u16,
        operand: u16,
    },
    /// Replaces a path on top by what is there in a variable, and leaves `null` there.
    TakePath(u16),
    /// Pops a value; puts it at the path in the second variable into the first.
    PutPath {
        state: u16,
        path: u16,
    },
    /// Replaces the top by the first variable without the paths in the second.
    DeletePaths {
        state: u16,
        paths: u16,
    },
}

/// What an updating assignment does with a value and its operand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Update {
    Operator(Operator),
    /// The operand, unless the value is true.
    Alternative,
}

/// A function written in jq.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Function {
    pub(crate) entry: u32,
    /// How many variables it has.
    pub(crate) locals: u16,
}

#[derive(Debug)]
pub(crate) struct CallSite {
    pub(crate) target: Target,
    pub(crate) arguments: Box<[Argument]>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// A function defined in the function so many levels out.
    Function { function: u32, level: u16 },
    /// A function that sees nothing but its arguments.
    Library(u32),
    /// An argument of the function so many levels out.
    Parameter { level: u16, index: u16 },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument {
    /// A filter of the caller.
    Filter(u32),
    /// An argument of the function so many levels out, passed on.
    Parameter { level: u16, index: u16 },
}

#[derive(Debug)]
pub(crate) enum Piece {
    Text(Text),
    Hole,
}

/// A compiled program.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub(crate) ops: Vec<Op>,
    pub(crate) constants: Vec<Value>,
    pub(crate) templates: Vec<Vec<Piece>>,
    pub(crate) calls: Vec<CallSite>,
    pub(crate) functions: Vec<Function>,
}

impl Op {
    /// Where the instruction may go on.
    pub(crate) const fn target(&mut self) -> Option<&mut u32> {
        match self {
            Self::Jump(target)
            | Self::BranchFalse(target)
            | Self::Fork(target)
            | Self::TryBegin(target)
            | Self::OrElse(target)
            | Self::Mark(_, target) => Some(target),
            Self::Const(_)
            | Self::Load { .. }
            | Self::Push(_)
            | Self::PushTaken(_)
            | Self::Take(_)
            | Self::Store(_)
            | Self::Clear(_)
            | Self::Dup
            | Self::Pop
            | Self::SubBegin
            | Self::SubEnd
            | Self::Enter
            | Self::Leave
            | Self::Field(_)
            | Self::Index
            | Self::Slice { .. }
            | Self::Each
            | Self::GetPath
            | Self::Range { .. }
            | Self::Binary(_)
            | Self::BinaryConst(..)
            | Self::Negate
            | Self::Truth
            | Self::Format(_)
            | Self::Interpolate(_)
            | Self::NewArray(_)
            | Self::Append(_)
            | Self::NewObject
            | Self::Insert
            | Self::InsertConst(_)
            | Self::Backtrack
            | Self::BacktrackIf(_)
            | Self::TryEnd
            | Self::Label(_)
            | Self::Break { .. }
            | Self::Cut(_)
            | Self::Call(_)
            | Self::TailCall(_)
            | Self::Return
            | Self::Native(_)
            | Self::PathBegin
            | Self::PathEnd
            | Self::SetPath { .. }
            | Self::Update { .. }
            | Self::TakePath(_)
            | Self::PutPath { .. }
            | Self::DeletePaths { .. } => None,
        }
    }
}
