//! How old the records of a partition are, roughly: enough to let go of those whose time is over.
//!
//! Records are put into spans of a minute. It does not matter where their frames lie, so moving
//! them does not make them younger.

use std::collections::VecDeque;
use std::time::Duration;

use flowmill_model::Timestamp;

/// Records written within this long of each other may share a span.
const SPAN: Duration = Duration::from_secs(60);

/// The ages of one partition's records.
#[derive(Default)]
pub(super) struct Ages {
    /// In order of their offsets.
    spans: VecDeque<Span>,
}

struct Span {
    /// The offset after its last record; it begins where the one before it ends.
    end: u64,
    since: Timestamp,
    until: Timestamp,
}

impl Ages {
    /// Notes a record. One below an offset noted before is as old as what was noted there.
    pub(super) fn note(&mut self, offset: u64, at: Timestamp) {
        match self.spans.back_mut() {
            Some(last) if offset < last.end => {}
            Some(last) if at < last.since.after(SPAN) => {
                last.end = offset + 1;
                last.until = last.until.max(at);
            }
            Some(_) | None => {
                self.spans.push_back(Span { end: offset + 1, since: at, until: at });
            }
        }
    }

    /// The offset below which every record was written longer than `keep` before `now`, if there
    /// is any.
    pub(super) fn older_than(&self, keep: Duration, now: Timestamp) -> Option<u64> {
        let old = self.spans.iter().take_while(|span| span.until.after(keep) < now);
        old.last().map(|span| span.end)
    }

    /// Forgets records below an offset.
    pub(super) fn trim(&mut self, before: u64) {
        while self.spans.pop_front_if(|span| span.end <= before).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn records_are_old_a_span_at_a_time_and_never_early() {
        let mut ages = Ages::default();
        for (offset, seconds) in [(0, 0), (1, 59), (2, 60), (3, 200), (1, 500)] {
            ages.note(offset, at(seconds));
        }
        let check = |ages: &Ages, now, expect| {
            assert_eq!(ages.older_than(Duration::from_secs(10), at(now)), expect, "{now}");
        };
        check(&ages, 69, None);
        check(&ages, 70, Some(2));
        check(&ages, 71, Some(3));
        check(&ages, 1_000, Some(4));
        ages.trim(2);
        check(&ages, 70, None);
        check(&ages, 71, Some(3));
    }
}
