//! What must hold of a graph as a whole.

use std::collections::BTreeMap;

use crate::diagnostic::{DiagnosticCode, Finding, Report, excerpt, suggest};

use super::build::{DraftNode, Edge, Form, Role};
use super::{MergeMode, NodeKind};

/// Checks the graph; gives its nodes in topological order if there is no cycle.
pub(super) fn check(
    form: &Form<'_>,
    by_id: &BTreeMap<String, usize>,
    report: &mut Report,
) -> Option<Vec<usize>> {
    counts(form, report);
    if !form.unread {
        inputs(form, report);
    }
    let outgoing = outgoing(form);
    let order = sort(form, &outgoing);
    if order.len() < form.nodes.len() {
        cycle(form, &order, report);
        unknown_references(form, by_id, report);
        return None;
    }
    if !(form.partial || form.unread) {
        merges(form, report);
        reachability(form, &outgoing, report);
    }
    unknown_references(form, by_id, report);
    upstream(form, &order, by_id, report);
    Some(order)
}

fn add(report: &mut Report, node: &DraftNode, finding: Finding) {
    report.add(finding.at(node.place, &node.pointer));
}

/// Exactly one start and at most one end in each block.
fn counts(form: &Form<'_>, report: &mut Report) {
    for (index, block) in form.blocks.iter().enumerate() {
        let inside = || form.nodes.iter().filter(move |node| node.block.index() == index);
        let of = |role| inside().filter(move |node| node.role == role);
        if of(Role::Start).next().is_none() && inside().all(|node| node.ports.is_some()) {
            let what = if block.owner.is_some() { "block" } else { "flow" };
            let message = format!("the {what} has no start node");
            let help = "add a node such as { id: source, type: start } and connect it";
            let finding = Finding::new(DiagnosticCode::MissingStart, message, help);
            report.add(finding.at(block.place, format!("{}/nodes", block.pointer)));
        }
        let again = of(Role::Start).skip(1).map(|node| (node, "start"));
        for (node, role) in again.chain(of(Role::End).skip(1).map(|node| (node, "end"))) {
            let message = format!("`{}` is a second {role} node", node.id);
            let help = format!("keep one {role} node and connect to it whatever belongs there");
            add(report, node, Finding::new(DiagnosticCode::SeveralNodes, message, help));
        }
    }
}

/// Every input port has a connection.
fn inputs(form: &Form<'_>, report: &mut Report) {
    let mut connected = vec![false; form.nodes.len()];
    form.edges.iter().for_each(|edge| connected[edge.to] = true);
    for (index, node) in form.nodes.iter().enumerate() {
        if node.role == Role::Start || connected[index] || form.meant.contains(&index) {
            continue;
        }
        let message = format!("nothing is connected to the input of `{}`", node.id);
        let help =
            format!("add a connection such as `other.out -> {}.in`, or remove the node", node.id);
        add(report, node, Finding::new(DiagnosticCode::UnconnectedInput, message, help));
    }
}

/// No merge waits for more branches than there are.
fn merges(form: &Form<'_>, report: &mut Report) {
    for (index, node) in form.nodes.iter().enumerate() {
        let Some(NodeKind::Merge { mode: MergeMode::Count(count) }) = node.kind() else { continue };
        let there = form.edges.iter().filter(|edge| edge.to == index).count();
        // Without any it is reported as one to which nothing is connected.
        if there == 0 || count.get() <= there {
            continue;
        }
        let message = format!("`{}` waits for {count} branches and {there} lead to it", node.id);
        let help = format!("connect more branches to it, or lower `count` to {there} at most");
        let finding = Finding::new(DiagnosticCode::InvalidValue, message, help);
        report.add(finding.at(node.place, format!("{}/parameters/count", node.pointer)));
    }
}

/// The edges out of each node.
fn outgoing<'a>(form: &'a Form<'_>) -> Vec<Vec<&'a Edge>> {
    let mut outgoing = vec![Vec::new(); form.nodes.len()];
    for edge in &form.edges {
        outgoing[edge.from].push(edge);
    }
    outgoing
}

/// The node that owns the block that a node is in.
fn owner(form: &Form<'_>, node: usize) -> Option<usize> {
    form.blocks[form.nodes[node].block.index()].owner
}

/// The nodes in topological order, each after the one that owns its block; those on a cycle or
/// behind one are left out.
fn sort(form: &Form<'_>, outgoing: &[Vec<&Edge>]) -> Vec<usize> {
    let mut before = vec![0_usize; form.nodes.len()];
    form.edges.iter().for_each(|edge| before[edge.to] += 1);
    let mut owned = vec![Vec::new(); form.nodes.len()];
    for (node, before) in before.iter_mut().enumerate() {
        if let Some(owner) = owner(form, node) {
            *before += 1;
            owned[owner].push(node);
        }
    }
    let mut order: Vec<usize> = (0..before.len()).filter(|&node| before[node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        let behind = outgoing[node].iter().map(|edge| edge.to).chain(owned[node].iter().copied());
        for next in behind {
            before[next] -= 1;
            if before[next] == 0 {
                order.push(next);
            }
        }
    }
    order
}

/// Reports one cycle among the nodes that `order` lacks.
fn cycle(form: &Form<'_>, order: &[usize], report: &mut Report) {
    let mut stuck = vec![true; form.nodes.len()];
    order.iter().for_each(|&node| stuck[node] = false);
    let into = |node: usize| form.edges.iter().find(|edge| edge.to == node && stuck[edge.from]);
    // Every node that is stuck, but not for its owner's sake, has a stuck one before it, so walking
    // backwards comes to a cycle.
    let by_itself = |node: &usize| stuck[*node] && owner(form, *node).is_none_or(|o| !stuck[o]);
    let Some(first) = (0..stuck.len()).find(by_itself) else { return };
    let mut path: Vec<&Edge> = Vec::new();
    let mut position: BTreeMap<usize, usize> = BTreeMap::new();
    let mut at = first;
    while !position.contains_key(&at) {
        let Some(edge) = into(at) else { return };
        position.insert(at, path.len());
        path.push(edge);
        at = edge.from;
    }
    path.drain(..position[&at]);
    path.reverse();
    // The last one in the document is taken to close the circle.
    let Some(last) = (0..path.len()).max_by_key(|&index| path[index].place) else {
        return;
    };
    path.rotate_left(last + 1);
    let Some(closing) = path.last() else { return };
    let ids = path.iter().map(|edge| edge.from).chain([closing.to]);
    let names: Vec<_> = ids.map(|node| form.nodes[node].id.as_str()).collect();
    let message = format!("the connections lead in a circle: {}", shortened(&names));
    let finding = Finding::new(DiagnosticCode::Cycle, message, "remove one of these connections");
    report.add(finding.at(closing.place, &closing.pointer));
}

fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    match names {
        [first @ .., last] if names.len() > SHOWN => {
            format!("{} -> ... -> {last}", first[..SHOWN - 1].join(" -> "))
        }
        all => all.join(" -> "),
    }
}

/// A path leads from the start of its block to every connected node.
fn reachability(form: &Form<'_>, outgoing: &[Vec<&Edge>], report: &mut Report) {
    let starts = form.nodes.iter().enumerate().filter(|(_, node)| node.role == Role::Start);
    let starts: BTreeMap<usize, usize> =
        starts.rev().map(|(index, node)| (node.block.index(), index)).collect();
    let mut reached = vec![false; form.nodes.len()];
    let mut open: Vec<usize> = starts.values().copied().collect();
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut reached[node], true) {
            open.extend(outgoing[node].iter().map(|edge| edge.to));
        }
    }
    for (index, node) in form.nodes.iter().enumerate() {
        let connected = form.edges.iter().any(|edge| edge.to == index);
        let Some(start) = starts.get(&node.block.index()) else { continue };
        if connected && !reached[index] {
            let start = &form.nodes[*start].id;
            let message = format!("no path leads from `{start}` to `{}`", node.id);
            let help = "connect what comes before it to the start, or remove it";
            add(report, node, Finding::new(DiagnosticCode::Unreachable, message, help));
        }
    }
}

/// `$nodes.<id>` names a node.
fn unknown_references(form: &Form<'_>, by_id: &BTreeMap<String, usize>, report: &mut Report) {
    for reference in form.nodes.iter().flat_map(|node| &node.references) {
        if by_id.contains_key(&reference.id) {
            continue;
        }
        let message = format!("`$nodes` has no node `{}`", excerpt(&reference.id));
        let help = suggest(&reference.id, by_id.keys().map(String::as_str), || {
            "name a node that comes before this one".to_owned()
        });
        let finding = Finding::new(DiagnosticCode::UnknownReference, message, help);
        report.add(finding.at(reference.place, &reference.pointer));
    }
}

/// `$nodes.<id>` names a node that lies on a path to the one that uses it.
fn upstream(
    form: &Form<'_>,
    order: &[usize],
    by_id: &BTreeMap<String, usize>,
    report: &mut Report,
) {
    let any = form.nodes.iter().any(|node| !node.references.is_empty());
    if !any || form.partial || form.unread {
        return;
    }
    let ancestors = ancestors(form, order);
    for (index, node) in form.nodes.iter().enumerate() {
        for reference in &node.references {
            let Some(&named) = by_id.get(&reference.id) else { continue };
            if ancestors[index].contains(named) {
                continue;
            }
            let message =
                format!("`{}` does not come before `{}`", excerpt(&reference.id), node.id);
            let help = "use a node that lies on a path from the start to this one, or to a node that \
                        owns the block of this one";
            let finding = Finding::new(DiagnosticCode::NotUpstream, message, help);
            report.add(finding.at(reference.place, &reference.pointer));
        }
    }
}

/// A set of nodes.
#[derive(Clone)]
struct Set(Vec<u64>);

impl Set {
    fn contains(&self, node: usize) -> bool {
        self.0[node / 64] & (1 << (node % 64)) != 0
    }

    fn insert(&mut self, node: usize) {
        self.0[node / 64] |= 1 << (node % 64);
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }
}

/// The nodes before each node, and before the one that owns its block.
fn ancestors(form: &Form<'_>, order: &[usize]) -> Vec<Set> {
    let mut incoming = vec![Vec::new(); form.nodes.len()];
    form.edges.iter().for_each(|edge| incoming[edge.to].push(edge.from));
    let mut ancestors = vec![Set(vec![0; form.nodes.len().div_ceil(64)]); form.nodes.len()];
    for &node in order {
        let mut set = match owner(form, node) {
            Some(owner) => ancestors[owner].clone(),
            None => ancestors[node].clone(),
        };
        for &before in &incoming[node] {
            set.insert(before);
            set.join(&ancestors[before]);
        }
        ancestors[node] = set;
    }
    ancestors
}
