//! Any events in any order, folded: the state changes by what it can, and survives its encoding.

use arbitrary::{Result, Unstructured};
use flowmill_engine::{Execution, effects, evolve, lifecycle};
use flowmill_model::event::Event;

use crate::make::Make;

/// Events that are folded at most.
const EVENTS: usize = 64;

/// Folds the events that the bytes stand for.
pub fn check(data: &[u8]) {
    fold(&mut Unstructured::new(data)).ok();
}

fn fold(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut state = Execution::new(Make::make(bytes)?);
    for folded in 1..=EVENTS {
        if bytes.is_empty() {
            break;
        }
        let event = Event::make(bytes)?;
        evolve(&mut state, &event);
        assert_eq!(state.sequence().get(), folded as u64);
        effects(&state, &event);
        lifecycle(&event).for_each(drop);
        check_state(&state);
    }
    Ok(())
}

fn check_state(state: &Execution) {
    let stored = state.encode();
    assert!(stored.len() <= state.encoded_size(), "a state is larger than it says");
    let read = Execution::decode(&stored).expect("it was just written");
    assert!(read == *state, "a state that is read is another one");
    assert_eq!(read.encode(), stored, "equal states have different bytes");
    state.status();
    state.is_idle();
}
