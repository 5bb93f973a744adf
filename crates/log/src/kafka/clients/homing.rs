//! What keeps a client from staying without a broker for ever.
//!
//! The library forgets a broker that the cluster does not name any more. While every broker is taken
//! for dead, such as after a pause of all, the one that is asked may name none. The library then
//! forgets that one too, has nobody left to ask, and does not begin anew by itself
//! (<https://github.com/confluentinc/librdkafka/issues/5301>). So it is looked at from time to
//! time, and given the brokers that it began with.

use std::time::{Duration, Instant};

use flowmill_librdkafka::{add_brokers, brokers_known};
use rdkafka::ClientContext;
use rdkafka::client::Client;

/// How often a client is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// After how many looks a client that knows no broker yet is helped, as if it had known one: it may
/// have forgotten all between two looks.
const YOUNG: u32 = 8;

/// After how many looks a client that was helped is helped again, at the latest. Each time costs it a
/// few bytes for ever.
const AGAIN: u32 = 64;

/// What the looks at one client have shown.
#[derive(Default)]
pub(super) struct Homing {
    looked: Option<Instant>,
    knew: bool,
    /// Looks that found no broker known, since the last that found one.
    without: u32,
}

impl Homing {
    /// Looks at a client, if it is time to.
    pub(super) fn tend<C: ClientContext>(&mut self, client: &Client<C>, name: &str, began: &str) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        if !self.is_lost(brokers_known(client)) {
            return;
        }
        match add_brokers(client, began) {
            Ok(_) => tracing::warn!(client = name, "a client knows no broker: it begins anew"),
            Err(error) => tracing::error!(client = name, %error, "a client knows no broker"),
        }
    }

    /// Whether a client that knows so many brokers needs help now. It does so again and again, less
    /// and less often: it may have known a broker between two looks and have forgotten it.
    fn is_lost(&mut self, known: usize) -> bool {
        if known > 0 {
            (self.knew, self.without) = (true, 0);
            return false;
        }
        self.without = self.without.saturating_add(1);
        let due = self.without.is_power_of_two() && self.without < AGAIN;
        let due = due || self.without.is_multiple_of(AGAIN);
        due && (self.knew || self.without >= YOUNG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_forgotten_all_is_helped_less_and_less_often() {
        let mut homing = Homing::default();
        assert!(!homing.is_lost(3));
        let helped: Vec<u32> = (1..=2 * AGAIN).filter(|_| homing.is_lost(0)).collect();
        assert_eq!(helped, [1, 2, 4, 8, 16, 32, AGAIN, 2 * AGAIN]);
        assert!(!homing.is_lost(1));
        assert!(homing.is_lost(0));
    }

    #[test]
    fn a_client_that_knows_nobody_yet_is_given_time() {
        let mut homing = Homing::default();
        let first = (1..=AGAIN).find(|_| homing.is_lost(0));
        assert_eq!(first, Some(YOUNG));
    }
}
