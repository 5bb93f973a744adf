//! `docs/explanation/protocol.md` says what the code says. Times alone are written by hand.

use std::path::Path;

use flowmill_protocol::{Config, End, Mutation, Property};

use crate::measured::{broken_by, states_of};

const PAGE: &str = "docs/explanation/protocol.md";

/// A table's rows: every line below its head, up to one that is none.
#[track_caller]
fn table(head: &str) -> Vec<String> {
    let page = page();
    let mut lines = page.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "{PAGE} has no table `{head}`");
    lines.skip(1).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

fn page() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
    std::fs::read_to_string(file).expect("the page is there")
}

/// A number with its thousands apart.
fn grouped(number: usize) -> String {
    let mut text = number.to_string();
    let mut at = text.len();
    while at > 3 {
        at -= 3;
        text.insert(at, ',');
    }
    text
}

#[test]
fn the_page_names_the_properties() {
    let row = |property: &Property| format!("| {property} | {} |", property.text());
    let expect: Vec<_> = Property::ALL.iter().map(row).collect();
    assert_eq!(table("| Property | What must hold |"), expect);
}

#[test]
fn the_page_names_the_configurations() {
    let row = |config: &Config| {
        let checks: Vec<_> = config.checks().iter().map(ToString::to_string).collect();
        let (name, bounds, states) = (config.name(), config.bounds(), states_of(*config));
        format!("| `{name}` | {} | {bounds} | {} |", checks.join(" "), grouped(states))
    };
    let expect: Vec<_> = Config::ALL.iter().map(row).collect();
    let mut found = table("| Model | Checks | Bounds | States | Time |");
    for row in &mut found {
        // The last cell is the time.
        let (before, _) = row.trim_end_matches('|').rsplit_once('|').expect("a row has cells");
        *row = format!("{before}|");
    }
    assert_eq!(found, expect);
}

#[test]
fn the_page_names_the_mutations() {
    let row = |mutation: &Mutation| {
        let (property, steps) = broken_by(*mutation);
        format!("| `{}` | {} | {property} | {steps} |", mutation.name(), mutation.text())
    };
    let expect: Vec<_> = Mutation::ALL.iter().map(row).collect();
    assert_eq!(table("| Mutation | What is done | Breaks | Steps |"), expect);
}

#[test]
fn the_page_shows_the_counterexample_that_is_found() {
    let End::Broken(shown) = Mutation::NoGapCheck.search().end else { panic!("it is broken") };
    let mut expect = String::new();
    for (number, step) in (1..).zip(&shown.steps) {
        expect += &format!("{number:3}. {step}\n");
    }
    expect += &format!("     {}\n", shown.broken);
    assert!(page().contains(&format!("```text\n{expect}```\n")), "{PAGE} should show\n{expect}");
}

#[test]
fn thousands_are_apart() {
    let check = |number, expect: &str| assert_eq!(grouped(number), expect);
    check(999, "999");
    check(1_000, "1,000");
    check(12_345_678, "12,345,678");
}
