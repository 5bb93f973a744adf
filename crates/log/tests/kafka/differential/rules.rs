//! What the memory log and Kafka may differ in, each with its reason.

use std::collections::BTreeMap;

/// A difference that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    Interleaving,
    Unknown,
    NotHeardOf,
    KnownPartitions,
    AskedBefore,
    Repeated,
    EndOfBefore,
    ReadSizes,
    FetchedAhead,
    LateCompaction,
    WhoHolds,
    NotToldOfOthers,
    Backpressure,
}

/// Every rule: where the two differ, and why.
pub(crate) const RULES: &[(Rule, &str, &str)] = &[
    (
        Rule::Interleaving,
        "Appends of several processes at the same time land in any order among them. Each process's own order, and which offsets they have together, are compared.",
        "Every process has a connection of its own to the leader. The memory log takes the order of the calls; the simulation delays appends to get the others.",
    ),
    (
        Rule::Unknown,
        "An append that nobody answers, or of a process that ends, is there once or not at all, at any place.",
        "A broker may have it or not. The memory log is told what became of it, by its faults, and must then show the same records and answers.",
    ),
    (
        Rule::NotHeardOf,
        "A process refuses the first appends to a partition that another process has made, and takes them when they are tried again.",
        "Its client asks the brokers for topics only now and then. The memory log knows at once.",
    ),
    (
        Rule::KnownPartitions,
        "The number of partitions that a process knows may be one of earlier, never one that was not.",
        "The same.",
    ),
    (
        Rule::AskedBefore,
        "A process that asks for the topic it asked for last is told that it is there, although another process has given it more partitions since. The memory log says that there are more.",
        "What was asked once is not asked again: owners ask before every flow that is deployed.",
    ),
    (
        Rule::Repeated,
        "Questions and trims may find nobody to answer, and are repeated.",
        "Brokers are away, leaders move.",
    ),
    (
        Rule::EndOfBefore,
        "After the leader of a partition has changed, its end may be told as it was before, without what was acknowledged since; it is asked again until it has that. The memory log always tells the end as it is.",
        "A broker that stood still, or that the others cannot reach, does not know that another one leads, and answers whoever does not know either.",
    ),
    (
        Rule::ReadSizes,
        "How many records one read gives, within its limits, is not compared; all reads of a reader together are.",
        "It depends on what has been fetched by then.",
    ),
    (
        Rule::FetchedAhead,
        "A reader that a trim overtakes may get records that are gone, in order and without a gap, before it is told or instead. The memory log tells it at once.",
        "They had been fetched before.",
    ),
    (
        Rule::LateCompaction,
        "Of a compacted topic the last record of each key is compared; records that a later one replaces may be there or not.",
        "Brokers compact now and then, the memory log at once.",
    ),
    (
        Rule::WhoHolds,
        "Which member has which partition is not compared; that each has one owner, and how many each member has, is.",
        "Kafka keeps partitions where they are as far as it can; the memory log deals them out in order.",
    ),
    (
        Rule::NotToldOfOthers,
        "Who leaves a group may be told that nobody stays although somebody does, never the other way round.",
        "The brokers may not answer in time.",
    ),
    (
        Rule::Backpressure,
        "A process that has more than 64 MiB under way to the brokers is refused; scripts stay below.",
        "The memory log writes at once, and has nothing under way but by its faults.",
    ),
];

/// How often each rule was needed.
#[derive(Debug, Default)]
pub(crate) struct Needed(BTreeMap<Rule, usize>);

impl Needed {
    pub(crate) fn note(&mut self, rule: Rule) {
        *self.0.entry(rule).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (rule, times) in &other.0 {
            *self.0.entry(*rule).or_default() += times;
        }
    }
}

/// The rules are in the documentation, word by word.
#[test]
fn every_rule_is_documented() {
    let page = std::fs::read_to_string("../../docs/reliability.md").unwrap();
    for (rule, what, why) in RULES {
        let row = format!("| {what} | {why} |");
        assert!(page.contains(&row), "docs/reliability.md has no line for {rule:?}:\n{row}");
    }
}
