//! Where a client's own writes stand, so that its reads see them.

use std::collections::{BTreeMap, VecDeque};

use flowmill_model::{ExecutionId, limits};
use parking_lot::Mutex;

/// The last position of each execution written to, for as many as fit. A position is opaque: it
/// goes back to the server as it came.
#[derive(Debug, Default)]
pub(crate) struct Positions(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    positions: BTreeMap<ExecutionId, String>,
    oldest: VecDeque<ExecutionId>,
}

impl Positions {
    pub(crate) fn remember(&self, id: ExecutionId, position: String) {
        let mut known = self.0.lock();
        if known.positions.insert(id, position).is_none() {
            known.oldest.push_back(id);
        }
        if known.oldest.len() > limits::CLIENT_POSITIONS
            && let Some(id) = known.oldest.pop_front()
        {
            known.positions.remove(&id);
        }
    }

    pub(crate) fn of(&self, id: ExecutionId) -> Option<String> {
        self.0.lock().positions.get(&id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_position_counts_and_the_oldest_execution_is_forgotten_first() {
        let positions = Positions::default();
        let id = |number: usize| ExecutionId::from_bits(number as u128);
        positions.remember(id(0), "first".into());
        positions.remember(id(0), "second".into());
        assert_eq!(positions.of(id(0)).as_deref(), Some("second"));
        for number in 1..=limits::CLIENT_POSITIONS {
            positions.remember(id(number), number.to_string());
        }
        assert_eq!(positions.of(id(0)), None);
        assert_eq!(positions.of(id(1)).as_deref(), Some("1"));
    }
}
