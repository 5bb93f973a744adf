//! What a handler knows of the attempt it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::task::TaskRecord;
use flowmill_model::{FlowName, Queue, TaskId, TaskToken, TraceContext, limits};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::remote::Sign;
use crate::reporter::Reporter;

/// The attempt that a handler runs. Cheap to clone.
#[derive(Clone)]
pub struct TaskContext(Arc<Inner>);

struct Inner {
    /// The task, its input moved out.
    task: TaskRecord,
    signs: Signs,
    pace: Mutex<Pace>,
    /// Who waits to hear whether the result was written.
    written: Mutex<Option<oneshot::Sender<bool>>>,
}

/// Where an attempt's signs of life go.
pub(crate) enum Signs {
    /// To the owner, through the log.
    Log(Arc<Reporter>),
    /// To the gateway that has lent the task.
    Gateway(Sign),
}

impl Signs {
    fn give(&self, task: &TaskRecord) {
        match self {
            Self::Log(reporter) => reporter.still_running(task),
            Self::Gateway(sign) => sign(),
        }
    }
}

/// When an attempt's time is up and when it gives signs of life.
#[derive(Clone, Copy, Debug)]
struct Pace {
    timeout: Duration,
    deadline: Instant,
    last_sign: Instant,
}

/// What an attempt's alarm asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The attempt's time is up.
    TimedOut,
    /// Nothing before this.
    Until(Instant),
}

impl TaskContext {
    /// An attempt that begins now.
    pub(crate) fn begin(task: TaskRecord, signs: Signs) -> Self {
        let timeout = Duration::from_millis(task.timeout_ms).min(limits::DURATION);
        let now = Instant::now();
        let pace = Mutex::new(Pace { timeout, deadline: now + timeout, last_sign: now });
        Self(Arc::new(Inner { task, signs, pace, written: Mutex::new(None) }))
    }

    /// Which attempt of what.
    pub fn task_id(&self) -> TaskId {
        self.0.task.id
    }

    /// The attempt's fencing token.
    pub fn token(&self) -> TaskToken {
        self.0.task.token
    }

    /// Start-to-close time of the attempt; a heartbeat begins it anew.
    pub fn timeout(&self) -> Duration {
        self.0.pace.lock().timeout
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.task.id.attempt
    }

    /// The type of the task.
    pub fn task_type(&self) -> &Queue {
        &self.0.task.task_type
    }

    /// The flow the task belongs to.
    pub fn flow(&self) -> &FlowName {
        &self.0.task.flow
    }

    /// The key to send with every call that changes something: the same in every attempt and
    /// every repeat of this task, and in no other task.
    pub fn idempotency_key(&self) -> String {
        self.0.task.idempotency_key()
    }

    /// The trace that the task continues.
    pub fn trace(&self) -> Option<TraceContext> {
        self.0.task.trace
    }

    /// Whether somebody records the trace that the task continues.
    pub fn is_sampled(&self) -> bool {
        self.trace().is_some_and(|trace| trace.is_sampled())
    }

    /// The time until the attempt is ended as timed out.
    pub fn time_left(&self) -> Duration {
        self.0.pace.lock().deadline.saturating_duration_since(Instant::now())
    }

    /// Says that the attempt is alive: its time-out starts anew, here and at the execution's
    /// owner. More than one sign in [`limits::HEARTBEAT_PAUSE`] counts as one.
    pub fn heartbeat(&self) {
        let now = Instant::now();
        let mut pace = self.0.pace.lock();
        if now - pace.last_sign < limits::HEARTBEAT_PAUSE || pace.deadline <= now {
            return;
        }
        pace.last_sign = now;
        pace.deadline = now + pace.timeout;
        drop(pace);
        self.0.signs.give(&self.0.task);
    }

    /// Whether the attempt's result is in the log, once that is known: for a handler whose answer
    /// is somebody else's, who must not hear of success before. To be called before the handler
    /// answers; the last call counts.
    pub fn written(&self) -> impl Future<Output = bool> + Send + 'static {
        let (teller, listener) = oneshot::channel();
        *self.0.written.lock() = Some(teller);
        async move { listener.await.unwrap_or(false) }
    }

    pub(crate) fn tell_written(&self, written: bool) {
        let teller = self.0.written.lock().take();
        if let Some(teller) = teller {
            // Who asked may have gone.
            teller.send(written).unwrap_or_default();
        }
    }

    pub(crate) fn record(&self) -> &TaskRecord {
        &self.0.task
    }

    /// What is to be done now; gives the sign of life that is due. It does not move the deadline:
    /// only the handler knows that it gets on.
    pub(crate) fn alarm(&self) -> Alarm {
        let now = Instant::now();
        let mut pace = self.0.pace.lock();
        if pace.deadline <= now {
            return Alarm::TimedOut;
        }
        if pace.timeout <= limits::QUIET_ATTEMPT {
            return Alarm::Until(pace.deadline);
        }
        let pause = pace.timeout / 3;
        if pace.last_sign + pause <= now {
            pace.last_sign = now;
            self.0.signs.give(&self.0.task);
        }
        Alarm::Until(pace.deadline.min(pace.last_sign + pause))
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaskRecord { id, task_type, flow, .. } = self.record();
        write!(f, "TaskContext({task_type} {id} of {flow})")
    }
}
