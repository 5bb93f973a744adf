//! Whether the log lately had no room for a command.

use std::time::Duration;

use flowmill_model::Timestamp;
use parking_lot::Mutex;

/// How long a refusal for want of room counts. After it the gateway takes starts again, to find
/// out whether there is room; as long as callers are told to wait before they repeat one.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(5);

/// What the last appends found.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<Option<Timestamp>>);

impl Room {
    /// The log had no room.
    pub(crate) fn missing(&self, now: Timestamp) {
        *self.0.lock() = Some(now);
    }

    /// The log took a command.
    pub(crate) fn found(&self) {
        *self.0.lock() = None;
    }

    /// Whether the log must be taken to be full.
    pub(crate) fn is_missing(&self, now: Timestamp) -> bool {
        self.0.lock().is_some_and(|since| now.since(since) < REMEMBERED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_remembered_until_an_append_succeeds_or_a_while_has_passed() {
        let (room, now) = (Room::default(), Timestamp::from_millis(1_000));
        assert!(!room.is_missing(now));
        room.missing(now);
        assert!(room.is_missing(now));
        assert!(!room.is_missing(now.after(REMEMBERED)));
        room.missing(now);
        room.found();
        assert!(!room.is_missing(now));
    }
}
