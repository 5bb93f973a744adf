//! Joins and skipped branches against a reference that computes what every node must give.
//!
//! In these flows each connection carries at most one token, so the output does not depend on the
//! order in which tasks finish.

#[path = "../src/driver.rs"]
mod driver;

use std::fmt::Write as _;

use driver::{Driver, flow};
use flowmill_model::task::Outcome;
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
struct Inner {
    kind: Kind,
    sources: Vec<Index>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Pass,
    Drop,
    Task,
    FailingTask,
    Merge,
}

/// The definition's parts, and what leads where.
struct Built {
    nodes: Vec<String>,
    connections: Vec<String>,
    /// Per inner node: the ports it is fed from, as indices of all ports; `start`'s is 0.
    fed_by: Vec<Vec<usize>>,
}

fn inner() -> impl Strategy<Value = Inner> {
    let kinds =
        vec![Kind::Pass, Kind::Drop, Kind::Task, Kind::FailingTask, Kind::Merge, Kind::Merge];
    (prop::sample::select(kinds), prop::collection::vec(any::<Index>(), 1..5))
        .prop_map(|(kind, sources)| Inner { kind, sources })
}

/// `backwards` lists the nodes from the end: nothing may depend on their order in the document.
fn build(inner: &[Inner], backwards: bool) -> Built {
    let mut nodes = vec!["{ id: s, type: start }".to_owned()];
    let (mut connections, mut fed_by) = (Vec::new(), Vec::new());
    let mut names = vec!["s.out".to_owned()];
    for (place, Inner { kind, sources }) in inner.iter().enumerate() {
        let number = place + 1;
        let most = if *kind == Kind::Merge { sources.len() } else { 1 };
        let mut own: Vec<usize> =
            sources[..most].iter().map(|source| source.index(names.len())).collect();
        own.sort_unstable();
        own.dedup();
        connections.extend(own.iter().map(|port| format!("{} -> n{number}.in", names[*port])));
        fed_by.push(own);
        nodes.push(text(*kind, number));
        names.push(format!("n{number}.out"));
        if *kind == Kind::FailingTask {
            names.push(format!("n{number}.error"));
        }
    }
    // The end takes every port, so that nothing is lost from sight and no failure faults.
    nodes.push("{ id: e, type: end }".to_owned());
    connections.extend(names.iter().map(|port| format!("{port} -> e.in")));
    if backwards {
        nodes.reverse();
    }
    Built { nodes, connections, fed_by }
}

fn text(kind: Kind, number: usize) -> String {
    let node = |kind: &str, parameters: &str| {
        format!("{{ id: n{number}, type: {kind}, parameters: {{ {parameters} }} }}")
    };
    match kind {
        Kind::Pass => node("map", &format!("expression: '[{number}, .]'")),
        Kind::Drop => node("filter", "condition: 'false'"),
        Kind::Task | Kind::FailingTask => node("task", "type: t"),
        Kind::Merge => node("merge", "mode: all"),
    }
}

/// What each port must carry, and from that the output.
fn reference(inner: &[Inner], built: &Built) -> Vec<Option<String>> {
    let mut carried: Vec<Option<String>> = vec![Some("0".to_owned())];
    for (place, Inner { kind, .. }) in inner.iter().enumerate() {
        let number = place + 1;
        let came: Vec<String> =
            built.fed_by[place].iter().filter_map(|port| carried[*port].clone()).collect();
        let first = came.first().cloned();
        match kind {
            Kind::Pass => carried.push(first.map(|value| format!("[{number},{value}]"))),
            Kind::Drop => carried.push(None),
            Kind::Task => carried.push(first.map(|_| format!("\"t{number}\""))),
            Kind::FailingTask => {
                carried.push(None);
                carried.push(first.map(|_| "\"failed\"".to_owned()));
            }
            Kind::Merge => {
                let joined = (!came.is_empty()).then(|| format!("[{}]", came.join(",")));
                carried.push(joined);
            }
        }
    }
    carried
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_of_results_gives_what_the_reference_says(
        inner in prop::collection::vec(inner(), 1..9),
        picks in prop::collection::vec(any::<Index>(), 9),
        backwards in any::<bool>(),
    ) {
        let built = build(&inner, backwards);
        let nodes: Vec<_> = built.nodes.iter().map(String::as_str).collect();
        let connections: Vec<_> = built.connections.iter().map(String::as_str).collect();
        let mut driver = Driver::started(flow(&nodes, &connections), "0");
        let mut picks = picks.iter();
        while !driver.execution.is_ended() {
            let tasks: Vec<_> = driver.execution.tasks().collect();
            prop_assert!(!tasks.is_empty(), "it hangs: {:?}", driver.execution);
            let task = &tasks[picks.next().map_or(0, |pick| pick.index(tasks.len()))];
            let id = &driver.flow.node(task.activation.node).id;
            let number: usize = id[1..].parse().expect("the tests' own ids");
            let outcome = if inner[number - 1].kind == Kind::FailingTask {
                Outcome::Failed(driver::failure(false))
            } else {
                Outcome::Completed(driver::payload(&format!("\"t{number}\"")))
            };
            driver.report(task, outcome).expect("it is pending");
        }
        prop_assert_eq!(simplified(&driver.output()), expected(&inner, &built));
    }
}

/// The end's values in the order of its connections, which is that of the ports.
fn expected(inner: &[Inner], built: &Built) -> String {
    let values: Vec<String> = reference(inner, built).into_iter().flatten().collect();
    match &values[..] {
        [only] => only.clone(),
        several => format!("[{}]", several.join(",")),
    }
}

/// The output with every problem of a failed task written as `"failed"`.
fn simplified(output: &str) -> String {
    let mut rest = output;
    let mut text = String::new();
    while let Some(start) = rest.find("{\"type\"") {
        let end = start + rest[start..].find('}').expect("a problem is an object without objects");
        write!(text, "{}\"failed\"", &rest[..start]).expect("text takes text");
        rest = &rest[end + 1..];
    }
    text + rest
}
