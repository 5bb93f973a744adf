//! No host holds more than its share of the slots.
//!
//! A call over the share is not made: it is handed back, to come again at about the time when its
//! turn would be, judged by how long the host's calls take, those under way too. So a host that hangs
//! costs the others nothing, and a queue full of its calls costs few turns.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::limits;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a host's calls are taken to last before the first has ended.
const FIRST_GUESS: Duration = Duration::from_millis(100);

/// The calls under way, by host. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    share: usize,
    busy: Arc<Mutex<BTreeMap<String, Host>>>,
}

/// A host with calls under way.
#[derive(Clone, Copy, Debug)]
struct Host {
    calls: usize,
    /// How long a call that ended took, newer ones counting more.
    lasts: Duration,
    /// A time before any of the calls under way began.
    begun: Instant,
    /// How long after it they began, added up.
    starts: Duration,
    /// The turn given out last.
    last_turn: Instant,
}

/// A call that may be made. The host's place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    hosts: Hosts,
    host: String,
    since: Instant,
}

impl Hosts {
    /// Each host may hold a quarter of `slots`, and one at least.
    pub(crate) fn sharing(slots: NonZeroUsize) -> Self {
        Self { share: (slots.get() / 4).max(1), busy: Arc::default() }
    }

    /// A place for a call to `host`, or how long to stay away.
    pub(crate) fn enter(&self, host: &str) -> Result<Place, Duration> {
        let now = Instant::now();
        let mut busy = self.busy.lock();
        let idle = || Host::idle(now);
        let entry = busy.entry(host.to_owned()).or_insert_with(idle);
        if entry.calls >= self.share {
            return Err(entry.next_turn(now, self.share));
        }
        entry.calls += 1;
        entry.starts += now - entry.begun;
        Ok(Place { hosts: self.clone(), host: host.to_owned(), since: now })
    }

    fn leave(&self, host: &str, since: Instant) {
        let mut busy = self.busy.lock();
        let Some(entry) = busy.get_mut(host) else { return };
        entry.calls -= 1;
        entry.starts -= since - entry.begun;
        entry.lasts = (entry.lasts * 7 + since.elapsed()) / 8;
        if entry.calls == 0 {
            busy.remove(host);
        }
    }
}

impl Host {
    fn idle(now: Instant) -> Self {
        Self { calls: 0, lasts: FIRST_GUESS, begun: now, starts: Duration::ZERO, last_turn: now }
    }

    /// How long a call is taken to last: as long as those that ended did, and not less than those
    /// under way have on average. Of a host that hangs none ends.
    fn lasting(&self, now: Instant) -> Duration {
        let calls = u32::try_from(self.calls).unwrap_or(u32::MAX);
        let began = self.starts.checked_div(calls).unwrap_or_default();
        self.lasts.max((now - self.begun).saturating_sub(began))
    }

    /// The turns follow each other as fast as the host's places become free.
    fn next_turn(&mut self, now: Instant, share: usize) -> Duration {
        let pause = self.lasting(now) / u32::try_from(share).unwrap_or(u32::MAX);
        let latest = now + limits::HOST_TURN_MAX;
        self.last_turn = (self.last_turn.max(now) + pause).min(latest);
        (self.last_turn - now).max(limits::HOST_TURN_MIN)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hosts.leave(&self.host, self.since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(slots: usize) -> Hosts {
        Hosts::sharing(NonZeroUsize::new(slots).expect("not zero"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_holds_a_quarter_and_another_one_too() {
        let hosts = hosts(8);
        let one = hosts.enter("a").expect("free");
        let _two = hosts.enter("a").expect("free");
        assert!(hosts.enter("a").is_err());
        let _other = hosts.enter("b").expect("its own share");
        drop(one);
        let _three = hosts.enter("a").expect("free again");
    }

    #[tokio::test(start_paused = true)]
    async fn few_slots_leave_each_host_one() {
        let hosts = hosts(1);
        let place = hosts.enter("a").expect("free");
        assert!(hosts.enter("a").is_err());
        drop(place);
        assert!(hosts.busy.lock().is_empty(), "idle hosts are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_as_fast_as_the_host_is_and_never_too_far_off() {
        let hosts = hosts(8);
        let _one = hosts.enter("a").expect("free");
        let _two = hosts.enter("a").expect("free");
        let first = hosts.enter("a").expect_err("full");
        let second = hosts.enter("a").expect_err("full");
        assert_eq!((first, second), (Duration::from_millis(50), Duration::from_millis(100)));
        for _ in 0..10_000 {
            assert!(hosts.enter("a").expect_err("full") <= limits::HOST_TURN_MAX);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_hangs_spreads_its_turns_before_any_of_its_calls_has_ended() {
        let hosts = hosts(8);
        let _one = hosts.enter("a").expect("free");
        tokio::time::advance(Duration::from_secs(2)).await;
        let two = hosts.enter("a").expect("free");
        tokio::time::advance(Duration::from_secs(4)).await;
        // They have lasted for 6 s and 4 s.
        assert_eq!(hosts.enter("a").expect_err("full"), Duration::from_millis(2_500));
        drop(two);
        let _three = hosts.enter("a").expect("free");
        // For 6 s, and not at all.
        assert_eq!(hosts.enter("a").expect_err("full"), Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_found_slow_spreads_its_turns() {
        let hosts = hosts(8);
        let _one = hosts.enter("a").expect("free");
        let slow = hosts.enter("a").expect("free");
        tokio::time::advance(Duration::from_secs(45)).await;
        drop(slow);
        let _two = hosts.enter("a").expect("free");
        assert!(hosts.enter("a").expect_err("full") > Duration::from_secs(2));
    }
}
