//! Random flows under random worlds.
//!
//! A world sends results, repeats, forgeries, stale results, due and early timers, signals,
//! suspensions, quarantines and cancellations in any order. After every step the driver checks
//! that folding equals deciding; here it is checked that a result counts exactly when its attempt
//! is pending, that every pending task and timer was asked for by an effect, and that every
//! execution comes to an end once the world behaves.

#[path = "../src/driver.rs"]
mod driver;
#[path = "properties/graph.rs"]
mod graph;
#[path = "properties/world.rs"]
mod world;

use flowmill_engine::{Execution, evolve};
use flowmill_model::event::Event;
use proptest::prelude::*;

use driver::Driver;
use world::{Action, World};

/// Cases per property: `PROPTEST_CASES`, else 256.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_interleaving_reaches_a_legal_end(
        flow in graph::flows(),
        input in 0..4_u8,
        actions in prop::collection::vec(any::<Action>(), 0..40),
    ) {
        let mut world = World::new(Driver::new(flow));
        world.start(input);
        actions.iter().for_each(|action| world.act(action));
        world.behave();
        let driver = world.driver;
        prop_assert!(driver.execution.is_ended());
        prop_assert!(driver.execution.pending().is_empty());
        prop_assert_eq!(driver.execution.timers().count(), 0);
        prop_assert_eq!(driver.execution.tasks().count(), 0);
        prop_assert!(driver.execution.ended_at() >= driver.execution.started_at());
        let ends = driver.events.iter().filter(|event| is_end(event)).count();
        prop_assert_eq!(ends, 1, "an execution ends once");
        let mut replayed = Execution::new(driver.execution.id());
        driver.events.iter().for_each(|event| evolve(&mut replayed, event));
        prop_assert_eq!(replayed, driver.execution);
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Completed(_) | Event::Faulted(_) | Event::Cancelled(_))
}
