//! A broken engine is caught: each way to break it is seen by some seed below a stated number.

use flowmill_orchestrator::mutations::Mutation;
use flowmill_sim::mutated::first_caught;

/// Fails unless one of the seeds below `most` shows the mutation.
#[track_caller]
fn check(mutation: Mutation, most: u64) {
    let caught = first_caught(mutation, 0..most).expect("the simulation runs");
    assert!(caught.is_some(), "{} is seen by no seed below {most}", mutation.name());
}

#[test]
fn an_owner_that_does_not_look_into_the_gap_is_caught() {
    check(Mutation::NoGapCheck, 50);
}

#[test]
fn batches_of_earlier_epochs_that_count_are_caught() {
    check(Mutation::StaleEpochAccepted, 50);
}

#[test]
fn a_watermark_before_its_rows_is_caught() {
    check(Mutation::WatermarkBeforeRows, 50);
}

#[test]
fn a_watermark_past_a_deferral_is_caught() {
    check(Mutation::WatermarkPastDeferral, 50);
}

#[test]
fn tasks_that_are_sent_before_their_batch_is_committed_are_caught() {
    check(Mutation::SentBeforeAcknowledged, 50);
}

#[test]
fn a_new_owner_that_forgets_the_mark_is_caught() {
    check(Mutation::MarkForgotten, 50);
}

#[test]
fn tasks_that_are_sent_again_as_of_the_newest_batch_are_caught() {
    check(Mutation::SentAgainAsNewest, 50);
}

#[test]
fn a_watermark_past_the_mark_is_caught() {
    check(Mutation::WatermarkPastMark, 50);
}

#[test]
fn a_token_that_is_not_checked_is_caught() {
    check(Mutation::TokenUnchecked, 50);
}

#[test]
fn a_timer_that_fires_twice_is_caught() {
    check(Mutation::TimerFiredTwice, 50);
}

#[test]
fn a_repeated_start_that_is_taken_for_new_is_caught() {
    check(Mutation::DuplicateStart, 50);
}

#[test]
fn an_execution_that_is_let_go_before_it_is_stored_is_caught() {
    check(Mutation::PassivatedBeforeFlush, 50);
}

#[test]
fn a_fenced_owner_that_goes_on_is_caught() {
    check(Mutation::FencedGoesOn, 50);
}

#[test]
fn a_join_that_forgets_what_has_come_is_caught() {
    check(Mutation::JoinForgotten, 50);
}
