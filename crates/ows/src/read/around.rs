//! What an expression may name: what its moment gives it, and what is bound around it.

use flowmill_flow::DiagnosticCode;
use flowmill_flow::reading::{Item, Names, Variable, excerpt};

use super::Reader;

/// When an expression is evaluated, which says what it sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the first task.
    WorkflowInput,
    /// Before a task has its input.
    BeforeTask,
    /// When a task has its input.
    Task,
    /// When a task has its output.
    Export,
    /// After the last task.
    WorkflowOutput,
}

impl Moment {
    const fn variables(self) -> &'static [Variable] {
        use Variable::{Context, Input, Runtime, Task, Workflow};
        match self {
            Self::WorkflowInput => &[Workflow, Runtime],
            Self::BeforeTask => &[Context, Task, Workflow, Runtime],
            Self::Task | Self::Export => &[Context, Input, Task, Workflow, Runtime],
            Self::WorkflowOutput => &[Context, Workflow, Runtime],
        }
    }
}

/// The names that are bound around a place, the innermost last.
#[derive(Clone, Default)]
pub(super) struct Around<'d>(Vec<&'d str>);

/// Where the resolved authorization would be; its use is refused by name.
pub(super) const AUTHORIZATION: &str = "authorization";

/// Names that cannot be bound: they mean something whatever is bound.
const RESERVED: [&str; 5] = ["secrets", AUTHORIZATION, "ENV", "__loc__", "__prog_args"];

impl<'d> Around<'d> {
    /// These and one more.
    pub(super) fn with(&self, name: &'d str) -> Self {
        let mut names = self.0.clone();
        names.push(name);
        Self(names)
    }

    /// What an expression may name here at this moment.
    pub(super) fn names(&self, moment: Moment) -> Names {
        let known = Names::of(moment.variables());
        let names = if moment == Moment::Export { known.with("output") } else { known };
        self.0.iter().fold(names, |names, name| names.with(name))
    }
}

impl<'d> Reader<'d> {
    /// The name that a value is bound to: that in `item`, or else this one.
    pub(super) fn bound_name(&mut self, item: Option<&'d Item>, default: &'d str) -> &'d str {
        let Some(item) = item else { return default };
        let Some(name) = self.text(item) else { return default };
        if is_variable(name) && !RESERVED.contains(&name) {
            return name;
        }
        let message = format!("`{}` cannot be the name of a variable", excerpt(name));
        let help = "use letters, digits and underscores, beginning with a letter, and no `$`";
        self.fault(item, DiagnosticCode::InvalidName, message, help);
        default
    }

    /// The names of an item and its number, which must differ.
    pub(super) fn bound_pair(
        &mut self,
        item: Option<&'d Item>,
        index: Option<&'d Item>,
    ) -> (&'d str, &'d str) {
        let names = (self.bound_name(item, "item"), self.bound_name(index, "index"));
        if let (Some(at), true) = (index.or(item), names.0 == names.1) {
            let message = format!("the item and its number are both called `{}`", names.0);
            self.fault(at, DiagnosticCode::DuplicateName, message, "rename one of them");
        }
        names
    }
}

/// Whether jq takes `$name` for a variable.
fn is_variable(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
        && name.len() <= flowmill_model::limits::NAME_CHARS
}
