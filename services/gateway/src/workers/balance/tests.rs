use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const ROUND_ROBIN: Balance = Balance::RoundRobin;
const WEIGHTED: Balance = Balance::Weighted;

/// A queue and its workers, which have letters for names.
struct Table(Turns);

impl Table {
    fn of(balance: Balance, workers: &[&str]) -> Self {
        let mut turns = Turns::new(balance);
        workers.iter().for_each(|worker| turns.sit(worker));
        Self(turns)
    }

    /// Lends a task to one of these, who all take more.
    fn lend(&mut self, willing: &[(&'static str, u32)]) -> &'static str {
        let (worker, weight) = *willing
            .iter()
            .min_by_key(|(worker, _)| self.0.rank(worker, 0, 1))
            .expect("somebody takes it");
        self.0.lent(worker, Weight::stated(weight).unwrap());
        worker
    }

    /// Lends so many tasks and says who got them.
    fn lend_all(&mut self, tasks: usize, willing: &[(&'static str, u32)]) -> String {
        (0..tasks).map(|_| self.lend(willing)).collect()
    }

    /// A poll of each of these, who wait together until they all have a task.
    fn poll(&mut self, workers: &[(&'static str, u32)]) -> String {
        workers.iter().for_each(|(worker, _)| self.0.sit(worker));
        let mut waiting = workers.to_vec();
        let mut got = String::new();
        while !waiting.is_empty() {
            let worker = self.lend(&waiting);
            waiting.retain(|(other, _)| *other != worker);
            self.0.leave(worker);
            got.push_str(worker);
        }
        got
    }
}

fn count(got: &str, worker: &str) -> usize {
    got.matches(worker).count()
}

#[test]
fn the_least_busy_worker_is_the_one_with_the_fewest_tasks_then_the_most_credits() {
    let mut turns = Turns::new(Balance::LeastBusy);
    ["a", "b", "c"].into_iter().for_each(|worker| turns.sit(worker));
    // Turns are not looked at, nor weights.
    (0..5).for_each(|_| turns.lent("b", Weight::stated(1).unwrap()));
    let check = |seats: &[(&str, usize, usize)], expect: &str| {
        let rank = |seat: &&(&str, usize, usize)| turns.rank(seat.0, seat.1, seat.2);
        assert_eq!(seats.iter().min_by_key(rank).unwrap().0, expect, "{seats:?}");
    };
    check(&[("a", 2, 9), ("b", 1, 1), ("c", 3, 9)], "b");
    check(&[("a", 2, 3), ("b", 2, 4), ("c", 2, 3)], "b");
    check(&[("a", 2, 3), ("b", 2, 3), ("c", 2, 3)], "a");
    assert!(turns.workers.is_empty());
}

#[test]
fn workers_of_round_robin_take_turns_whatever_their_weights() {
    let mut table = Table::of(ROUND_ROBIN, &["a", "b", "c"]);
    assert_eq!(table.lend_all(7, &[("a", 1), ("b", 100), ("c", 7)]), "abcabca");
}

#[test]
fn a_worker_of_three_times_the_weight_gets_three_times_the_tasks_evenly_mixed() {
    let mut table = Table::of(WEIGHTED, &["a", "b"]);
    let got = table.lend_all(40, &[("a", 3), ("b", 1)]);
    assert_eq!((count(&got, "a"), count(&got, "b")), (30, 10));
    assert!(!got.contains("aaaa") && !got.contains("bb"), "{got}");
}

#[test]
fn equal_turns_go_to_the_worker_with_the_fewest_tasks_if_nobody_had_one() {
    let turns = Turns::new(ROUND_ROBIN);
    let seats = [("a", 3, 1), ("b", 2, 1), ("c", 2, 5)];
    let first = seats.iter().min_by_key(|seat| turns.rank(seat.0, seat.1, seat.2));
    assert_eq!(first.unwrap().0, "c");
}

#[test]
fn a_worker_that_comes_late_gets_its_share_from_then_on_and_no_more() {
    let mut table = Table::of(WEIGHTED, &["a"]);
    table.lend_all(50, &[("a", 1)]);
    table.0.sit("b");
    let got = table.lend_all(10, &[("a", 1), ("b", 1)]);
    assert_eq!(got, "bababababa");
}

#[test]
fn a_worker_that_took_nothing_for_a_while_does_not_catch_up() {
    let mut table = Table::of(WEIGHTED, &["a", "b"]);
    table.lend_all(4, &[("a", 2), ("b", 2)]);
    table.lend_all(50, &[("a", 2)]);
    let got = table.lend_all(10, &[("a", 2), ("b", 2)]);
    assert_eq!(got, "bababababa");
}

#[test]
fn workers_that_poll_take_turns_though_their_seats_come_and_go() {
    let mut table = Table::of(ROUND_ROBIN, &[]);
    assert_eq!(table.poll(&[("a", 1), ("b", 1), ("c", 1)]), "abc");
    assert_eq!(table.poll(&[("c", 1), ("b", 1), ("a", 1)]), "abc");
    // One that was lent to comes back at once and waits for its turn.
    ["b", "a", "c"].into_iter().for_each(|worker| table.0.sit(worker));
    let all = [("c", 1), ("b", 1), ("a", 1)];
    let mut got = String::new();
    for _ in 0..6 {
        let worker = table.lend(&all);
        table.0.leave(worker);
        table.0.sit(worker);
        got.push_str(worker);
    }
    assert_eq!(got, "abcabc");
}

#[test]
fn weights_hold_for_workers_that_poll() {
    let mut table = Table::of(WEIGHTED, &["a", "b"]);
    let mut got = String::new();
    for _ in 0..40 {
        let worker = table.lend(&[("a", 1), ("b", 3)]);
        table.0.leave(worker);
        table.0.sit(worker);
        got.push_str(worker);
    }
    assert_eq!((count(&got, "a"), count(&got, "b")), (10, 30));
}

#[test]
fn several_seats_of_a_worker_share_its_turn() {
    let mut table = Table::of(WEIGHTED, &["a", "a", "b"]);
    assert_eq!(table.lend_all(6, &[("a", 1), ("a", 1), ("b", 1)]), "ababab");
    table.0.leave("a");
    assert_eq!(table.lend_all(4, &[("a", 1), ("b", 1)]), "abab");
    assert!(table.0.away.is_empty(), "it has a seat");
}

#[test]
fn of_several_seats_of_a_worker_the_one_with_the_most_credits_is_used() {
    let turns = Table::of(ROUND_ROBIN, &["a", "a"]).0;
    assert!(turns.rank("a", 1, 7) < turns.rank("a", 1, 6));
}

#[test]
fn turns_that_are_over_are_forgotten_with_their_workers() {
    let mut table = Table::of(ROUND_ROBIN, &["seated"]);
    table.poll(&[("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(table.0.workers.len(), 4);
    table.lend_all(3, &[("seated", 1)]);
    assert_eq!(table.0.workers.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["seated"]);
    assert!(table.0.away.is_empty());
    // One that never had a task leaves nothing behind.
    table.0.sit("d");
    table.0.leave("d");
    assert_eq!(table.0.workers.len(), 1);
}

#[test]
fn names_that_come_once_each_are_remembered_up_to_a_limit() {
    let mut turns = Turns::new(ROUND_ROBIN);
    for number in 0..limits::GATEWAY_WORKERS + 500 {
        let worker = format!("pod-{number}");
        turns.sit(&worker);
        turns.lent(&worker, Weight::stated(0).unwrap());
        turns.leave(&worker);
    }
    assert_eq!(turns.away.len(), limits::GATEWAY_WORKERS);
    assert_eq!(turns.workers.len(), limits::GATEWAY_WORKERS);
}

#[test]
fn a_weight_is_1_unless_stated_and_has_a_limit() {
    let check = |stated, expect| assert_eq!(Weight::stated(stated), expect, "{stated}");
    check(0, Ok(Weight(1)));
    check(1, Ok(Weight(1)));
    check(limits::WORKER_WEIGHT, Ok(Weight(limits::WORKER_WEIGHT)));
    check(limits::WORKER_WEIGHT + 1, Err(TooHeavy));
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

proptest! {
    /// The workers of the queue and which of them would take each task.
    #[test]
    fn round_robin_is_whoever_was_lent_to_longest_ago(
        tasks in vec(vec(0..NAMES.len(), 1..NAMES.len()), 0..200),
    ) {
        let mut table = Table::of(ROUND_ROBIN, &NAMES);
        let mut last = [0; NAMES.len()];
        for (number, willing) in (1..).zip(tasks) {
            let expect = *willing.iter().min_by_key(|at| last[**at]).expect("it is not empty");
            let willing: Vec<_> = willing.into_iter().map(|at| (NAMES[at], 1)).collect();
            prop_assert_eq!(table.lend(&willing), NAMES[expect]);
            last[expect] = number;
        }
    }

    /// Weights up to 16 have exact shares: no two workers are ever further apart than a task each.
    #[test]
    fn workers_get_tasks_in_proportion_to_their_weights(
        weights in vec(1_u32..=16, 2..=NAMES.len()),
        tasks in 0..500_usize,
    ) {
        let workers: Vec<_> = NAMES.into_iter().zip(weights).collect();
        let mut table = Table::of(WEIGHTED, &NAMES[..workers.len()]);
        let got = table.lend_all(tasks, &workers);
        for (one, by) in &workers {
            for (other, than) in &workers {
                let one = count(&got, one) as u32 * than;
                let other = count(&got, other) as u32 * by;
                prop_assert!(one.abs_diff(other) <= by + than, "{:?}: {}", workers, got);
            }
        }
    }
}
