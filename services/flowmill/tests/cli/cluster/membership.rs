//! An orchestrator that restarts in place and has its shards back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::node::{Node, Role};
use super::servers::{Cluster, SOON};

/// Longer than a start takes, on a machine that has much to do.
const AWAY: &str = "60s";

fn start(cluster: &Cluster, name: &str) -> Node {
    let variables = [("FLOWMILL_NODE", name), ("FLOWMILL_ORCHESTRATOR_STATIC_MEMBER", AWAY)];
    cluster.node_with(Role::Orchestrator, &variables)
}

/// The shards that a node has claimed, each with its last epoch, once it has claimed so many.
fn claimed(node: &Node, count: usize) -> BTreeMap<String, u64> {
    let deadline = Instant::now() + SOON;
    loop {
        let said = node.said();
        let claims = said.lines().filter(|line| line.contains(": claimed ")).map(claim);
        let claims: BTreeMap<_, _> = claims.collect();
        if claims.len() >= count {
            return claims;
        }
        assert!(Instant::now() < deadline, "{count} shards are expected: {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn claim(line: &str) -> (String, u64) {
    let value = |name: &str| {
        let value = line.split(' ').find_map(|word| word.strip_prefix(name));
        value.unwrap_or_else(|| panic!("no {name} in {line}"))
    };
    (value("shard=").to_owned(), value("epoch=").parse().unwrap())
}

#[test]
fn a_static_member_that_comes_back_has_its_shards_back_and_no_other_moves() {
    let cluster = Cluster::new(6);
    let mut first = start(&cluster, "first");
    assert_eq!(claimed(&first, 6).len(), 6);
    let second = start(&cluster, "second");
    let moved = claimed(&second, 3);
    for (kill, epoch) in [(true, 2), (false, 3)] {
        if kill {
            first.kill();
        } else {
            let (status, said) = first.terminate();
            assert_eq!(status.code(), Some(0), "{said}");
        }
        first = start(&cluster, "first");
        let back = claimed(&first, 3);
        assert!(back.values().all(|of| *of == epoch), "{back:?}");
        assert!(back.keys().all(|shard| !moved.contains_key(shard)), "{back:?} {moved:?}");
        assert_eq!(claimed(&second, 3), moved, "a shard moved: {}", second.said());
    }
}
