//! Runs with nodes that are broken on purpose: the checker must see it.

use std::ops::Range;
use std::sync::Arc;

use flowmill_orchestrator::Settings;
use flowmill_orchestrator::mutations::Mutation;

use crate::world::run_with;

/// The first of the seeds whose run shows that every node is broken in that way, and what it shows.
///
/// # Errors
/// The simulation itself cannot go on.
pub fn first_caught(
    mutation: Mutation,
    seeds: Range<u64>,
) -> anyhow::Result<Option<(u64, Vec<String>)>> {
    for seed in seeds {
        let mutate = move |settings| Settings { mutation: Some(mutation), ..settings };
        let report = run_with(seed, Arc::new(mutate))?.report;
        if !report.violations.is_empty() {
            return Ok(Some((seed, report.violations)));
        }
    }
    Ok(None)
}
