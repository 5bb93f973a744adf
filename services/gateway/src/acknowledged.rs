//! The starts that this gateway acknowledged last, so that a read of one of them has an answer
//! while its owner is away.
//!
//! Bounded: the oldest is forgotten. Whoever has been forgotten is answered "not available", and
//! never "unknown".

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use flowmill_model::history::DefinitionRecord;
use flowmill_model::{ExecutionId, Offset, limits};
use parking_lot::Mutex;

/// A start that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct AcknowledgedStart {
    /// The version it names.
    pub(crate) definition: Arc<DefinitionRecord>,
    /// Its place in its shard's commands.
    pub(crate) offset: Offset,
}

#[derive(Debug, Default)]
struct Memory {
    starts: BTreeMap<ExecutionId, AcknowledgedStart>,
    order: VecDeque<ExecutionId>,
}

/// The last starts, by id.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged(Mutex<Memory>);

impl Acknowledged {
    pub(crate) fn remember(&self, id: ExecutionId, start: AcknowledgedStart) {
        let mut memory = self.0.lock();
        if memory.starts.insert(id, start).is_some() {
            return;
        }
        memory.order.push_back(id);
        if memory.order.len() > limits::ACKNOWLEDGED_STARTS
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.starts.remove(&oldest);
        }
    }

    pub(crate) fn find(&self, id: ExecutionId) -> Option<AcknowledgedStart> {
        self.0.lock().starts.get(&id).cloned()
    }
}
