//! What a node does.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::{BlockIndex, PortIndex, Problem, Queue, Timestamp};

use crate::expression::{Expression, ExpressionFault, FaultKind, Scope};
use crate::json::Json;
use crate::template::{RequestTemplate, Template};

use super::point_in_time;

/// What a node does with a token.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Passes the execution's input on.
    Start,
    /// Takes a value as the execution's output.
    End,
    /// Passes a value on if a condition holds.
    Filter {
        /// The condition.
        condition: Expression,
    },
    /// Passes on what an expression makes of a value.
    Map {
        /// The expression.
        expression: Expression,
    },
    /// Changes the execution's context.
    Set {
        /// The entries that it gets: an object.
        context: Template,
    },
    /// Passes a value to the port of the first case that holds, or of each that does.
    Switch {
        /// Which of the cases that hold are taken.
        mode: SwitchMode,
        /// The cases, in their order.
        cases: Vec<SwitchCase>,
        /// The port taken when none holds; without it the value is dropped.
        default: Option<PortIndex>,
    },
    /// Joins branches.
    Merge {
        /// When it passes a value on.
        mode: MergeMode,
    },
    /// Passes a value on later.
    Wait(Wait),
    /// Waits for a signal and passes its content on.
    Signal {
        /// The signal's name.
        name: Queue,
        /// How long it waits before it fails.
        timeout: Option<Duration>,
    },
    /// Runs a block once for each item of an array, and passes the results on.
    ForEach {
        /// What gives the array; the value itself if nothing does.
        items: Option<Expression>,
        /// Items that are worked on at the same time, at most.
        parallel: NonZeroU32,
        /// What an item does whose body fails.
        failures: Failures,
        /// What expressions call the item, without the `$`.
        item: Arc<str>,
        /// What expressions call its place.
        index: Arc<str>,
        /// The block.
        body: BlockIndex,
    },
    /// Runs a block on a value while a condition holds, each time on what the time before gave.
    While {
        /// The condition.
        condition: Expression,
        /// How many rounds there may be.
        rounds: u32,
        /// What expressions call the round, from 0, without the `$`.
        index: Arc<str>,
        /// The block.
        body: BlockIndex,
    },
    /// Runs a block, again if it fails, and another one after it.
    Try {
        /// The block.
        body: BlockIndex,
        /// What is run after it, however it ended.
        finally: Option<BlockIndex>,
    },
    /// Runs a block until the first value reaches its end.
    Race {
        /// The block.
        body: BlockIndex,
    },
    /// Fails the block that it is in, or the execution.
    Fail {
        /// With which error.
        error: ErrorTemplate,
    },
    /// Has a worker run a task.
    Task {
        /// Which handler runs it.
        task_type: Queue,
        /// The handler's input.
        input: Template,
        /// The queue that carries it.
        queue: Queue,
    },
    /// Has a worker make an HTTP request.
    HttpRequest {
        /// The request.
        request: RequestTemplate,
        /// The queue that carries it.
        queue: Queue,
    },
    /// Has a worker write a record to a Kafka topic.
    KafkaProduce {
        /// The record: an object of `topic`, `value`, and `key`, `headers`, `event` where given.
        record: Template,
        /// The queue that carries it.
        queue: Queue,
    },
}

/// One case of a switch.
#[derive(Clone, Debug)]
pub struct SwitchCase {
    /// Its name, and its port's.
    pub name: String,
    /// When it is taken.
    pub when: Expression,
    /// Its port.
    pub port: PortIndex,
}

/// Which of a switch's cases are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchMode {
    /// The first that holds.
    First,
    /// Each that holds.
    All,
}

/// What an item of a `for-each` does whose body fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// It fails the node.
    Fail,
    /// Its error is its result.
    Keep,
    /// It has no result.
    Drop,
}

/// When a merge passes a value on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMode {
    /// When every branch has come or ended.
    All,
    /// With the first branch that comes.
    Any,
    /// When so many branches have come.
    Count(NonZeroUsize),
}

/// Until when a node waits.
#[derive(Clone, Debug)]
pub enum Wait {
    /// For this long.
    For(Duration),
    /// Until the time an expression gives.
    Until(Expression),
}

/// The error of a `fail` node.
#[derive(Clone, Debug)]
pub struct ErrorTemplate(Template);

impl NodeKind {
    /// The type's name in definitions.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
            Self::Filter { .. } => "filter",
            Self::Map { .. } => "map",
            Self::Set { .. } => "set",
            Self::Switch { .. } => "switch",
            Self::Merge { .. } => "merge",
            Self::Wait(_) => "wait",
            Self::Signal { .. } => "signal",
            Self::ForEach { .. } => "for-each",
            Self::While { .. } => "while",
            Self::Try { .. } => "try",
            Self::Race { .. } => "race",
            Self::Fail { .. } => "fail",
            Self::Task { .. } => "task",
            Self::HttpRequest { .. } => "http.request",
            Self::KafkaProduce { .. } => "kafka.produce",
        }
    }

    /// Whether a worker does the node's work.
    pub const fn is_task(&self) -> bool {
        matches!(self, Self::Task { .. } | Self::HttpRequest { .. } | Self::KafkaProduce { .. })
    }

    /// The block that it runs first, if it runs any.
    pub const fn body(&self) -> Option<BlockIndex> {
        if let Self::ForEach { body, .. }
        | Self::While { body, .. }
        | Self::Try { body, .. }
        | Self::Race { body } = self
        {
            Some(*body)
        } else {
            None
        }
    }

    /// Whether it runs this block again if that fails, and undoes what the block has done.
    pub fn runs_attempts_of(&self, block: BlockIndex) -> bool {
        matches!(self, Self::Try { body, .. } if *body == block)
    }

    /// What its blocks' expressions may name besides, without the `$`.
    pub fn bound_names(&self) -> impl Iterator<Item = &Arc<str>> {
        let item = if let Self::ForEach { item, .. } = self { Some(item) } else { None };
        let index = if let Self::ForEach { index, .. } | Self::While { index, .. } = self {
            Some(index)
        } else {
            None
        };
        item.into_iter().chain(index)
    }

    /// The expressions inside.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Start
            | Self::End
            | Self::Merge { .. }
            | Self::Wait(Wait::For(_))
            | Self::Try { .. }
            | Self::Race { .. }
            | Self::Signal { .. } => Vec::new(),
            Self::ForEach { items, .. } => items.iter().collect(),
            Self::Filter { condition: expression }
            | Self::Map { expression }
            | Self::While { condition: expression, .. }
            | Self::Wait(Wait::Until(expression)) => vec![expression],
            Self::Switch { cases, .. } => cases.iter().map(|case| &case.when).collect(),
            Self::Fail { error } => error.0.expressions(),
            Self::Set { context: template }
            | Self::Task { input: template, .. }
            | Self::KafkaProduce { record: template, .. } => template.expressions(),
            Self::HttpRequest { request, .. } => request.expressions(),
        }
    }
}

impl ErrorTemplate {
    pub(crate) const fn new(template: Template) -> Self {
        Self(template)
    }

    /// The error for `input`. `type` is `about:blank` and `status` 500 unless given.
    pub fn render(&self, input: &Json, scope: &Scope) -> Result<Problem, ExpressionFault> {
        let error = self.0.render(input, scope)?;
        let text = |field: &str| {
            let value = error.get(field).filter(|value| !value.is_null())?;
            Some(match value.as_str() {
                Some(text) => text.to_owned(),
                None => String::from_utf8_lossy(&value.to_bytes()).into_owned(),
            })
        };
        let kind = text("type").unwrap_or_else(|| "about:blank".to_owned());
        let title = text("title").unwrap_or_default();
        let mut problem = Problem::new(kind, status(&error)?, title);
        problem.detail = text("detail");
        Ok(problem)
    }
}

fn status(error: &Json) -> Result<u16, ExpressionFault> {
    const DEFAULT: u16 = 500;
    let Some(value) = error.get("status").filter(|value| !value.is_null()) else {
        return Ok(DEFAULT);
    };
    let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
    status.filter(|status| (100..600).contains(status)).ok_or_else(|| {
        let expected = "a status is a whole number from 100 to 599";
        ExpressionFault::new("status", FaultKind::unexpected(&value, expected))
    })
}

impl Wait {
    /// The point in time up to which a node waits that began at `now`.
    pub fn until(
        &self,
        now: Timestamp,
        input: &Json,
        scope: &Scope,
    ) -> Result<Timestamp, ExpressionFault> {
        match self {
            Self::For(duration) => Ok(now.after(*duration)),
            Self::Until(expression) => {
                let value = expression.evaluate(input, scope)?;
                point_in_time::read(&value).ok_or_else(|| {
                    let expected = "a time is RFC 3339 text such as 2026-01-02T03:04:05Z, \
                                    or seconds since 1970, not before and not after the year 9999";
                    expression.fault(FaultKind::unexpected(&value, expected))
                })
            }
        }
    }
}
