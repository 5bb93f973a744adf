//! Makes a script that shows a difference smaller, as long as it shows one.

use super::script::Script;

/// Tries that a shrinking takes at most: each runs a script on real brokers.
const TRIES: usize = 60;

/// Leaves out steps, the larger pieces first, and then appends. `fails` says whether a script still
/// shows a difference.
pub(crate) async fn shrink(script: Script, mut fails: impl AsyncFnMut(&Script) -> bool) -> Script {
    let mut smallest = script;
    let mut tries = 0;
    let mut piece = smallest.steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < smallest.steps.len() && tries < TRIES {
            let smaller = smallest.without(at..(at + piece).min(smallest.steps.len()));
            tries += 1;
            if fails(&smaller).await {
                smallest = smaller;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    for step in 0..smallest.steps.len() {
        let mut second = false;
        while let Some(smaller) = smallest.with_fewer_sends(step, second).filter(|_| tries < TRIES)
        {
            tries += 1;
            if fails(&smaller).await {
                smallest = smaller;
                second = false;
            } else if second {
                break;
            } else {
                second = true;
            }
        }
    }
    smallest
}

#[tokio::test]
async fn what_makes_no_difference_is_left_out() {
    let script = super::drawing::of_records(3, 30);
    let has_trim = |script: &Script| {
        script.steps.iter().any(|s| matches!(s, super::script::Step::Trim { .. }))
    };
    assert!(has_trim(&script));
    let small = shrink(script, async |script: &Script| has_trim(script)).await;
    assert_eq!(small.steps.len(), 1, "{small}");
}
