//! How many requests may be in flight, and whether it makes sense to send any.
//!
//! The number is halved when a server says that it has too much to do, at most once in a while,
//! and rises by one with every hundred requests that go well. Where requests fail before they are
//! sent, only one in a pause is tried; the others fail after the pause without being tried, so
//! that no loop around the store spins.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::failure::Class;

/// The fewest requests in flight.
const FEWEST: usize = 4;

/// Requests that must go well before one more may be in flight.
const EASED_AFTER: u32 = 100;

/// The least time between two halvings: those in flight at the first say nothing new.
const HALVED_EVERY: Duration = Duration::from_secs(1);

/// Requests in a row that were not sent, after which the gate is shut.
const SHUT_AFTER: u32 = 8;

/// How long a shut gate lets nobody try.
const SHUT_FOR: Duration = Duration::from_millis(250);

/// Bounds the requests of one store.
#[derive(Debug)]
pub(super) struct Gate {
    semaphore: Arc<Semaphore>,
    state: Mutex<State>,
    most: usize,
}

#[derive(Debug)]
struct State {
    /// Places there are to be.
    open: usize,
    /// Places there are beyond that; each is closed when it is left.
    surplus: usize,
    halved: Option<Instant>,
    well: u32,
    not_sent: u32,
    /// When the next request may be tried; those before it fail.
    try_at: Instant,
}

/// What a gate says to a request.
pub(super) enum Passage {
    /// It may be sent; the place is given back by [`Gate::leave`].
    Open(OwnedSemaphorePermit),
    /// The servers are away; there is no use in trying.
    Shut,
}

impl Gate {
    /// A gate for at most `most` requests at a time.
    pub(super) fn new(most: usize) -> Self {
        let try_at = Instant::now();
        let state = State { open: most, surplus: 0, halved: None, well: 0, not_sent: 0, try_at };
        let semaphore = Arc::new(Semaphore::new(most));
        Self { semaphore, state: Mutex::new(state), most }
    }

    /// The most requests at a time.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// Waits for a place.
    pub(super) async fn pass(&self) -> Passage {
        if let Some(until) = self.shut_until() {
            sleep_until(until).await;
            return Passage::Shut;
        }
        match Arc::clone(&self.semaphore).acquire_owned().await {
            Ok(place) => Passage::Open(place),
            Err(_) => Passage::Shut,
        }
    }

    /// Until when the gate is shut; `None` when the caller may try.
    fn shut_until(&self) -> Option<Instant> {
        let mut state = self.state.lock();
        if state.not_sent < SHUT_AFTER {
            return None;
        }
        let now = Instant::now();
        if now >= state.try_at {
            state.try_at = now + SHUT_FOR;
            return None;
        }
        Some(state.try_at)
    }

    /// Gives a place back, and says how the request ended: well, or how it failed.
    pub(super) fn leave(&self, place: OwnedSemaphorePermit, failed: Option<Class>) {
        let mut state = self.state.lock();
        match failed {
            None => state.went_well(self.most, &self.semaphore),
            Some(Class::NotSent) => state.not_sent = state.not_sent.saturating_add(1),
            Some(Class::Overloaded) => state.halve(self.most),
            Some(Class::Unknown | Class::Permanent) => {}
        }
        if state.surplus > 0 {
            state.surplus -= 1;
            place.forget();
        }
    }
}

impl State {
    fn went_well(&mut self, most: usize, semaphore: &Semaphore) {
        self.not_sent = 0;
        self.well += 1;
        if self.well < EASED_AFTER || self.open >= most {
            return;
        }
        self.well = 0;
        self.open += 1;
        match self.surplus.checked_sub(1) {
            Some(fewer) => self.surplus = fewer,
            None => semaphore.add_permits(1),
        }
    }

    fn halve(&mut self, most: usize) {
        self.well = 0;
        let now = Instant::now();
        if self.halved.is_some_and(|last| now < last + HALVED_EVERY) {
            return;
        }
        self.halved = Some(now);
        let fewer = (self.open / 2).max(FEWEST.min(most));
        self.surplus += self.open - fewer;
        self.open = fewer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    async fn places(gate: &Gate) -> Vec<OwnedSemaphorePermit> {
        let mut places = Vec::new();
        while gate.semaphore.available_permits() > 0 {
            match gate.pass().await {
                Passage::Open(place) => places.push(place),
                Passage::Shut => panic!("the gate is shut"),
            }
        }
        places
    }

    /// Fills every place, and has every request end like this; how many places there are then.
    async fn all_end(gate: &Gate, how: Option<Class>) -> usize {
        for place in places(gate).await {
            gate.leave(place, how);
        }
        gate.semaphore.available_permits()
    }

    #[tokio::test(start_paused = true)]
    async fn overload_halves_the_places_once_and_success_brings_them_back() {
        let gate = Gate::new(32);
        for expected in [16, 8, 4, 4] {
            assert_eq!(all_end(&gate, Some(Class::Overloaded)).await, expected);
            advance(HALVED_EVERY).await;
        }
        while all_end(&gate, None).await < 32 {}
        for _ in 0..1_000 {
            assert_eq!(all_end(&gate, None).await, 32);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_that_is_shut_lets_one_try_in_a_pause() {
        let gate = Gate::new(1);
        for _ in 0..SHUT_AFTER {
            assert_eq!(all_end(&gate, Some(Class::NotSent)).await, 1);
        }
        let start = Instant::now();
        let Passage::Open(first) = gate.pass().await else { panic!("the first one tries") };
        assert!(matches!(gate.pass().await, Passage::Shut));
        assert_eq!(start.elapsed(), SHUT_FOR, "the next one fails, but not at once");
        gate.leave(first, None);
        assert!(matches!(gate.pass().await, Passage::Open(_)));
    }
}
