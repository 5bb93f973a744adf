//! Handlers: what runs a task of one type.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_model::{ErrorCode, Payload, Problem, Queue};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{TaskContext, TaskError};

/// What a handler answers.
pub(crate) type Answer = BoxFuture<'static, Result<Payload, TaskError>>;

/// Runs one task.
pub(crate) type Handler = Arc<dyn Fn(TaskContext, Payload) -> Answer + Send + Sync>;

/// The handlers of a worker.
#[derive(Default)]
pub(crate) struct Handlers {
    /// By task type.
    pub(crate) by_type: BTreeMap<Queue, Handler>,
    /// For every other type.
    pub(crate) any: Option<Handler>,
}

impl Handlers {
    /// The handler of a type.
    pub(crate) fn of(&self, task_type: &Queue) -> Option<&Handler> {
        self.by_type.get(task_type).or(self.any.as_ref())
    }
}

/// A handler of JSON as it is.
pub(crate) fn raw<H, F>(handler: H) -> Handler
where
    H: Fn(TaskContext, Payload) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Payload, TaskError>> + Send + 'static,
{
    Arc::new(move |context, input| handler(context, input).boxed())
}

/// A handler of values that are read from JSON and written as JSON.
pub(crate) fn typed<H, F, I, O>(handler: H) -> Handler
where
    H: Fn(TaskContext, I) -> F + Send + Sync + 'static,
    F: Future<Output = Result<O, TaskError>> + Send + 'static,
    I: DeserializeOwned,
    O: Serialize,
{
    Arc::new(move |context, input| match serde_json::from_slice(input.as_bytes()) {
        Ok(input) => {
            let answer = handler(context, input);
            async move { written(&answer.await?) }.boxed()
        }
        Err(error) => ready(Err(misfit(&error))).boxed(),
    })
}

fn written(output: &impl Serialize) -> Result<Payload, TaskError> {
    let json = serde_json::to_vec(output).map_err(|error| {
        let detail = format!("the handler's output cannot be written as JSON: {error}");
        TaskError::fatal(Problem::of(ErrorCode::TaskFailed, detail))
    })?;
    Ok(Payload::from(json))
}

fn misfit(error: &serde_json::Error) -> TaskError {
    let detail = format!("the task's input is not what its handler takes: {error}");
    TaskError::fatal(Problem::of(ErrorCode::InvalidInput, detail))
}
