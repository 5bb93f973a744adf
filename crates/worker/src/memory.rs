//! What a worker remembers of tasks, so that a redelivery is answered and not run again.
//!
//! A task is known by its id and its token. One that runs is known until it ends; the results of
//! ended ones are kept until newer ones need their place, counted in tasks and in bytes.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use flowmill_log::{Header, Record};
use flowmill_model::task::TaskRecord;
use flowmill_model::{TaskId, TaskToken, limits};
use parking_lot::Mutex;

/// What tells one sending of a task from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TaskKey {
    id: TaskId,
    token: TaskToken,
}

impl TaskKey {
    pub(crate) const fn of(task: &TaskRecord) -> Self {
        Self { id: task.id, token: task.token }
    }
}

/// What to do with a delivered task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Run it; it is remembered as running from now on.
    New,
    /// It runs already.
    Running,
    /// It ended with this result record.
    Ended(Record),
}

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// `None` while the task runs. Never iterated.
    tasks: HashMap<TaskKey, Option<Record>>,
    /// Ended tasks, the oldest first.
    ended: VecDeque<TaskKey>,
    /// Bytes of the results in `tasks`.
    bytes: usize,
}

impl Memory {
    /// A task was delivered.
    pub(crate) fn deliver(&self, key: TaskKey) -> Delivery {
        match self.0.lock().tasks.entry(key) {
            Entry::Vacant(place) => {
                place.insert(None);
                Delivery::New
            }
            Entry::Occupied(known) => match known.get() {
                None => Delivery::Running,
                Some(result) => Delivery::Ended(result.clone()),
            },
        }
    }

    /// A task that was [`Delivery::New`] ended with `result`.
    pub(crate) fn end(&self, key: TaskKey, result: Record) {
        let mut remembered = self.0.lock();
        remembered.bytes += size(&result);
        remembered.tasks.insert(key, Some(result));
        remembered.ended.push_back(key);
        remembered.forget();
    }
}

impl Remembered {
    fn forget(&mut self) {
        while self.ended.len() > limits::WORKER_REMEMBERED_TASKS
            || self.bytes > limits::WORKER_REMEMBERED_BYTES
        {
            let Some(oldest) = self.ended.pop_front() else { return };
            if let Some(Some(result)) = self.tasks.remove(&oldest) {
                self.bytes -= size(&result);
            }
        }
    }
}

/// What a result takes of the memory: its texts, and the list of its headers.
fn size(result: &Record) -> usize {
    result.bytes() + result.headers.len() * size_of::<Header>()
}

#[cfg(test)]
mod tests {
    use flowmill_model::{Activation, ExecutionId, NodeIndex};

    use super::*;

    fn key(number: u128, token: u64) -> TaskKey {
        let activation = Activation::new(NodeIndex::new(1), 0);
        let id = TaskId { execution: ExecutionId::from_bits(number), activation, attempt: 1 };
        TaskKey { id, token: TaskToken::new(token) }
    }

    fn bytes(size: usize) -> Record {
        Record::of(vec![0; size])
    }

    #[test]
    fn a_task_is_new_once_then_runs_then_has_its_result() {
        let memory = Memory::default();
        assert_eq!(memory.deliver(key(1, 1)), Delivery::New);
        assert_eq!(memory.deliver(key(1, 1)), Delivery::Running);
        memory.end(key(1, 1), bytes(3));
        assert_eq!(memory.deliver(key(1, 1)), Delivery::Ended(bytes(3)));
        assert_eq!(memory.deliver(key(1, 2)), Delivery::New, "another token is another sending");
    }

    #[test]
    fn the_oldest_results_make_room_by_number() {
        let memory = Memory::default();
        for number in 0..=limits::WORKER_REMEMBERED_TASKS as u128 {
            memory.deliver(key(number, 0));
            memory.end(key(number, 0), bytes(1));
        }
        assert_eq!(memory.deliver(key(0, 0)), Delivery::New);
        assert_eq!(memory.deliver(key(1, 0)), Delivery::Ended(bytes(1)));
        assert_eq!(memory.0.lock().bytes, limits::WORKER_REMEMBERED_TASKS);
    }

    #[test]
    fn the_oldest_results_make_room_by_size() {
        let memory = Memory::default();
        for number in 0..3 {
            memory.deliver(key(number, 0));
            memory.end(key(number, 0), bytes(limits::WORKER_REMEMBERED_BYTES / 2));
        }
        assert_eq!(memory.deliver(key(0, 0)), Delivery::New);
        assert!(matches!(memory.deliver(key(1, 0)), Delivery::Ended(_)));
        assert_eq!(memory.0.lock().tasks.len(), 3);
    }
}
