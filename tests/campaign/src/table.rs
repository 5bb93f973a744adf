//! What a campaign prints at its end.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use flowmill_nodes::{Times, megabytes};
use tokio::time::Instant;

use crate::availability::Windows;
use crate::nemesis::Nemesis;
use crate::verdict::{ENDS_WITHIN, Verdict};

/// Violations that are printed; the record has all.
const SHOWN: usize = 20;

/// What was seen of one kind of fault.
#[derive(Default)]
pub(crate) struct Struck {
    /// How often it struck.
    pub(crate) times: u32,
    /// How long shards took to answer again.
    pub(crate) recovery: Times,
    /// How often a shard did not come back within the time that is waited.
    pub(crate) missed: u32,
    /// From each strike until every shard answered again.
    pub(crate) during: Vec<Range<Instant>>,
    /// The windows of these times.
    pub(crate) windows: Windows,
}

/// The figures of a campaign.
pub(crate) struct Table {
    pub(crate) seed: u64,
    pub(crate) lasted: Duration,
    pub(crate) struck: BTreeMap<Nemesis, Struck>,
    pub(crate) windows: Windows,
    /// Those in which nothing struck and everything had recovered.
    pub(crate) quiet: Windows,
    /// Nodes that ended although nobody ended them.
    pub(crate) dead: u32,
    /// The memory of each node before the first fault and after the last, in bytes.
    pub(crate) memory: Vec<(&'static str, u64, u64)>,
    pub(crate) poison: usize,
    pub(crate) dead_letters: u64,
    pub(crate) verdict: Verdict,
}

impl Table {
    pub(crate) fn print(&self) {
        let Verdict { executions, transitions, batches, skipped, claims, deferred, calls, .. } =
            self.verdict;
        println!("\ncampaign of {:.0} s, seed {}", self.lasted.as_secs_f64(), self.seed);
        println!("\n                 a shard answers again after, ms");
        println!("fault  strikes      p50      p99  longest   missed  available");
        for (nemesis, struck) in &self.struck {
            let Struck { times, recovery, missed, windows, .. } = struck;
            let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|part| recovery.millis(part));
            let percent = windows.percent();
            println!(
                "{nemesis:<5?}  {times:>7}  {p50:>7.0}  {p99:>7.0}  {longest:>7.0}  {missed:>7}  \
                 {percent:>7.2} %"
            );
        }
        println!("quiet  {:>52.2} %", self.quiet.percent());
        println!("\nexecutions           {executions}");
        println!(
            "transitions          {transitions} in {batches} batches, {deferred} inputs deferred"
        );
        println!("claims               {claims}; records that do not count: {skipped}");
        println!("calls                {calls}");
        println!(
            "poison               {} written, {} dead letters",
            self.poison, self.dead_letters
        );
        let Windows { all, starts, reads, .. } = self.windows;
        let percent = self.windows.percent();
        println!(
            "available            {percent:.2} % of {all} seconds (a start in {starts}, a read in {reads})"
        );
        let ended = self.verdict.ended_after;
        let missed = if ended > ENDS_WITHIN { " (missed: 120 s)" } else { "" };
        println!("all ended after      {:.1} s{missed}", ended.as_secs_f64());
        println!("nodes ended alone    {}", self.dead);
        for (role, before, after) in &self.memory {
            let (before, after) = (megabytes(*before), megabytes(*after));
            println!("memory               {role}: {before:.0} MB, at the end {after:.0} MB");
        }
        println!("violations           {}", self.verdict.violations.len());
        for (invariant, count) in self.verdict.by_invariant() {
            println!("  {invariant:<18} {count}");
        }
        for violation in self.verdict.violations.iter().take(SHOWN) {
            println!("  {violation}");
        }
    }
}
