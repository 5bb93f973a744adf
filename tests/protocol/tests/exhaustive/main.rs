//! Every configuration holds in every state that it can reach, and stops holding when a rule is
//! left out.

mod measured;
mod page;

use flowmill_protocol::Mutation::NoGapCheck;
use flowmill_protocol::{Config, Counterexample, End, Found};

use measured::{broken_by, states_of};

fn holds(config: Config) {
    let Found { states, end, .. } = config.search();
    end.must_hold().unwrap_or_else(|why| panic!("{} after {states} states: {why}", config.name()));
    assert_eq!(states, states_of(config), "states of {}", config.name());
}

fn catches_its_mutations(config: Config) {
    for mutation in config.mutations() {
        let End::Broken(Counterexample { broken, steps }) = mutation.search().end else {
            panic!("{mutation:?} breaks nothing: {}", mutation.text());
        };
        let found = (broken.property, steps.len());
        assert_eq!(found, broken_by(mutation), "{mutation:?}: {steps:#?}");
    }
}

#[test]
fn ownership_holds_in_every_state() {
    holds(Config::Ownership);
}

#[test]
fn outputs_hold_in_every_state() {
    holds(Config::Outputs);
}

#[test]
fn the_projection_holds_in_every_state() {
    holds(Config::Projection);
}

#[test]
fn deferrals_hold_in_every_state() {
    holds(Config::Deferrals);
}

#[test]
fn timers_hold_in_every_state() {
    holds(Config::Timers);
}

#[test]
fn a_rule_of_ownership_that_is_left_out_is_missed() {
    catches_its_mutations(Config::Ownership);
}

#[test]
fn a_rule_of_outputs_that_is_left_out_is_missed() {
    catches_its_mutations(Config::Outputs);
}

#[test]
fn a_rule_of_the_projection_that_is_left_out_is_missed() {
    catches_its_mutations(Config::Projection);
}

#[test]
fn a_rule_of_deferrals_that_is_left_out_is_missed() {
    catches_its_mutations(Config::Deferrals);
}

#[test]
fn a_rule_of_timers_that_is_left_out_is_missed() {
    catches_its_mutations(Config::Timers);
}

#[test]
fn a_search_finds_the_same_counterexample_each_time() {
    let shown = || match NoGapCheck.search().end {
        End::Broken(shown) => shown.steps,
        End::Holds | End::Vacuous(_) | End::TooLarge => panic!("it is broken"),
    };
    assert_eq!(shown(), shown());
}
