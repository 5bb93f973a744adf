//! Tasks, and how one follows another.

use flowmill_flow::reading::Place;
use flowmill_flow::{Expression, Json, Template};

use super::{Call, Data, ErrorTemplate, EventTemplate, Listen, RunWorkflow, Span, Try};

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// The name, unique in its list.
    pub name: String,
    /// Where it stands, as a JSON pointer: `$task.reference`, and the instance of its errors.
    pub reference: String,
    /// Where its definition begins in the text.
    pub place: Place,
    /// Whether it runs at all, asked of its raw input; a task that does not gives that input.
    pub condition: Option<Expression>,
    /// What becomes of its input.
    pub input: Data,
    /// What becomes of its output.
    pub output: Data,
    /// What becomes the context.
    pub export: Data,
    /// How long it may take.
    pub timeout: Option<Span>,
    /// What comes after it.
    pub then: Directive,
    /// Whatever else is said about it: an object.
    pub metadata: Option<Json>,
    /// What it does.
    pub action: Action,
}

/// What comes after a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directive {
    /// The next task of the list; after the last one, the end of the list.
    #[default]
    Continue,
    /// The end of the list.
    Exit,
    /// The end of the workflow.
    End,
    /// This task of the same list, which may be the task itself or one before it.
    Task(TaskIndex),
}

/// A task's place in its list, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskIndex(usize);

impl TaskIndex {
    pub(crate) const fn new(index: usize) -> Self {
        Self(index)
    }

    /// The number.
    pub const fn get(self) -> usize {
        self.0
    }
}

/// What a task does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Calls a service or a function.
    Call(Call),
    /// Performs tasks one after the other.
    Do(Vec<Task>),
    /// Publishes an event.
    Emit(EventTemplate),
    /// Performs tasks for each item of an array.
    For(Loop),
    /// Performs tasks beside each other.
    Fork(Fork),
    /// Waits for events.
    Listen(Listen),
    /// Fails with an error.
    Raise(ErrorTemplate),
    /// Runs another workflow.
    Run(RunWorkflow),
    /// Gives a value.
    Set(Template),
    /// Says what comes next. When no case holds, the task's `then` counts.
    Switch(Vec<Case>),
    /// Performs tasks and handles their errors.
    Try(Box<Try>),
    /// Waits for a time.
    Wait(Span),
}

/// One case of a switch, tried in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The name.
    pub name: String,
    /// When it holds; the one case without a condition holds when no other does, wherever it
    /// stands.
    pub when: Option<Expression>,
    /// What comes next.
    pub then: Directive,
}

/// Tasks for each item of an array. The output of one round is the input of the next.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The name that the item is bound to, without its `$`.
    pub item: String,
    /// The name that the item's number, counted from 0, is bound to.
    pub index: String,
    /// What gives the array.
    pub collection: Template,
    /// What must hold for another round; sees the item and its number.
    pub condition: Option<Expression>,
    /// The tasks of a round.
    pub tasks: Vec<Task>,
}

/// Tasks beside each other.
#[derive(Clone, Debug)]
pub struct Fork {
    /// The branches. No branch leads to another.
    pub branches: Vec<Task>,
    /// Whether the first that completes gives the output and ends the others; else the output is
    /// an array of all outputs, in the order of the branches.
    pub compete: bool,
}
