//! Random flows: a few nodes of every kind, each connected to nodes before it.

use std::collections::BTreeSet;

use flowmill_flow::Flow;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::driver::flow;

/// What a node does, and what is connected to its `error` port.
#[derive(Clone, Debug)]
struct Inner {
    kind: Kind,
    /// Ports of nodes before it that lead to it.
    sources: Vec<Index>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Map(&'static str),
    Filter(&'static str),
    Switch { all: bool },
    Set(&'static str),
    MergeAll,
    MergeAny,
    MergeCount,
    Skipped(&'static str),
    Wait(u8),
    Signal { timeout: bool },
    Fail,
    Task { attempts: u8, limited: bool },
    Each { parameters: &'static str, inside: Inside },
    While { condition: &'static str, inside: Inside },
    Try { retried: bool, finally: Option<Inside>, inside: Inside },
    Race { inside: Inside },
    Saga { retried: bool },
}

/// What is in a block beside its `start`.
#[derive(Clone, Copy, Debug)]
enum Inside {
    Map(&'static str),
    Task,
    Wait,
    Signal,
    Fail,
    /// A task and a map side by side, joined.
    Join,
    /// A loop over two tasks.
    Loop,
    /// A task, and a map of which the value may have reached the end before.
    Beside,
}

fn insides() -> impl Strategy<Value = Inside> {
    let maps =
        vec![".", "[$input, $nodes]", "error(\"broken\")", "if . == 2 then error(.) else . end"];
    prop_oneof![
        3 => prop::sample::select(maps).prop_map(Inside::Map),
        4 => Just(Inside::Task),
        1 => Just(Inside::Wait),
        1 => Just(Inside::Signal),
        1 => Just(Inside::Fail),
        2 => Just(Inside::Join),
        2 => Just(Inside::Loop),
        2 => Just(Inside::Beside),
    ]
}

impl Inside {
    /// The block, whose ids begin like this.
    fn text(self, id: &str) -> String {
        let task = format!(
            "{{ id: {id}t, type: task, parameters: {{ type: t, input: '${{ . }}' }}, timeout: PT5S, \
             retry: {{ delay: PT1S, limit: {{ attempts: 2 }} }} }}"
        );
        let inner = match self {
            Self::Map(expression) => Kind::Map(expression).text(&format!("{id}i"), 1),
            Self::Wait => Kind::Wait(2).text(&format!("{id}i"), 1),
            Self::Signal => Kind::Signal { timeout: true }.text(&format!("{id}i"), 1),
            Self::Fail => Kind::Fail.text(&format!("{id}i"), 1),
            Self::Task => task.replace(&format!("id: {id}t"), &format!("id: {id}i")),
            Self::Join => {
                let map = Kind::Map(".").text(&format!("{id}m"), 1);
                let nodes = format!(
                    "{{ id: {id}b, type: start }}, {task}, {map}, {{ id: {id}j, type: merge }}"
                );
                return format!(
                    "{{ nodes: [{nodes}], connections: [{id}b.out -> {id}t.in, {id}b.out -> {id}m.in, \
                     {id}t.out -> {id}j.in, {id}m.out -> {id}j.in] }}"
                );
            }
            Self::Beside => {
                let wait = Kind::Wait(1).text(&format!("{id}w"), 1);
                return format!(
                    "{{ nodes: [{{ id: {id}b, type: start }}, {task}, {wait}], \
                     connections: [{id}b.out -> {id}t.in, {id}b.out -> {id}w.in] }}"
                );
            }
            Self::Loop => {
                let each =
                    Kind::Each { parameters: "items: '[7, 8]', parallel: 2", inside: Self::Task };
                each.text(&format!("{id}i"), 1)
            }
        };
        let nodes = format!("{{ id: {id}b, type: start }}, {inner}");
        format!("{{ nodes: [{nodes}], connections: [{id}b.out -> {id}i.in] }}")
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "1",
            "tostring | length",
            "[$input, $task.iteration]",
            "$nodes | length",
            "$nodes.s",
            "empty",
            "error(\"broken\")",
        ])
        .prop_map(Kind::Map),
        2 => prop::sample::select(vec!["true", "false", ". == 1", ".a.b"]).prop_map(Kind::Filter),
        3 => any::<bool>().prop_map(|all| Kind::Switch { all }),
        2 => prop::sample::select(vec!["a: 1", "b: '${ . }'", "a: null", "c: '${ $context }'"])
            .prop_map(Kind::Set),
        2 => Just(Kind::MergeCount),
        2 => prop::sample::select(vec!["false", ". == 1", "$context.a == 1", ".a.b"])
            .prop_map(Kind::Skipped),
        3 => Just(Kind::MergeAll),
        2 => Just(Kind::MergeAny),
        2 => (0..4_u8).prop_map(Kind::Wait),
        2 => any::<bool>().prop_map(|timeout| Kind::Signal { timeout }),
        1 => Just(Kind::Fail),
        6 => (1..4_u8, any::<bool>()).prop_map(|(attempts, limited)| Kind::Task { attempts, limited }),
        3 => (prop::sample::select(PARAMETERS), insides())
            .prop_map(|(parameters, inside)| Kind::Each { parameters, inside }),
        2 => (prop::sample::select(&["$index < 3", ". == 1 and $index < 2", ".a.b", "true"][..]), insides())
            .prop_map(|(condition, inside)| Kind::While { condition, inside }),
        3 => (any::<bool>(), prop::option::of(insides()), insides())
            .prop_map(|(retried, finally, inside)| Kind::Try { retried, finally, inside }),
        2 => insides().prop_map(|inside| Kind::Race { inside }),
        3 => any::<bool>().prop_map(|retried| Kind::Saga { retried }),
    ]
}

/// Ways to go through items.
const PARAMETERS: &[&str] = &[
    "",
    "items: '[1, 2, 3]'",
    "items: '[1, 2, 3]', parallel: 2, failures: keep",
    "items: '[range(4)]', parallel: 3, failures: drop",
    "items: '[]'",
];

/// A `try` around two tasks, the first of which is undone by a third one.
fn saga(id: &str, retried: bool) -> String {
    let retry = if retried { "retry: { delay: PT1S, limit: { attempts: 2 } }, " } else { "" };
    let task = |name: &str, undo: &str| {
        format!(
            "{{ id: {id}{name}, type: task, parameters: {{ type: t }}, timeout: PT5S, retry: \
             {{ delay: PT1S, limit: {{ attempts: 2 }} }}{undo} }}"
        )
    };
    let undo = format!(
        ", compensate: {{ nodes: [{{ id: {id}us, type: start }}, {}], connections: \
         [{id}us.out -> {id}u.in] }}",
        task("u", "")
    );
    let (first, second) = (task("f", &undo), task("g", ""));
    format!(
        "{{ id: {id}, type: try, {retry}body: {{ nodes: [{{ id: {id}b, type: start }}, \
         {first}, {second}], connections: [{id}b.out -> {id}f.in, {id}f.out -> {id}g.in] }} }}"
    )
}

impl Kind {
    /// The node, with so many connections into it.
    fn text(self, id: &str, into: usize) -> String {
        let node = |kind: &str, parameters: &str| {
            format!("{{ id: {id}, type: {kind}, parameters: {{ {parameters} }} }}")
        };
        match self {
            Self::Map(expression) => node("map", &format!("expression: '{expression}'")),
            Self::Filter(condition) => node("filter", &format!("condition: '{condition}'")),
            Self::Switch { all } => {
                let mode = if all { "all" } else { "first" };
                let cases = "{ name: one, when: '. == 1' }, { name: two, when: 'type == \"array\"' }, \
                             { name: three, when: '. != []' }";
                node("switch", &format!("mode: {mode}, cases: [{cases}], default: rest"))
            }
            Self::Set(entries) => node("set", &format!("context: {{ {entries} }}")),
            Self::Skipped(condition) => format!(
                "{{ id: {id}, type: task, if: '{condition}', parameters: {{ type: t }}, \
                 retry: {{ limit: {{ attempts: 1 }} }} }}"
            ),
            Self::MergeAll => node("merge", "mode: all"),
            Self::MergeAny => node("merge", "mode: any"),
            Self::MergeCount => node("merge", &format!("count: {}", into.min(2))),
            Self::Wait(seconds) => node("wait", &format!("for: PT{seconds}S")),
            Self::Signal { timeout: true } => node("signal", "name: go, timeout: PT3S"),
            Self::Signal { timeout: false } => node("signal", "name: stop"),
            Self::Each { parameters, inside } => format!(
                "{{ id: {id}, type: for-each, parameters: {{ {parameters} }}, body: {} }}",
                inside.text(&format!("{id}x"))
            ),
            Self::While { condition, inside } => format!(
                "{{ id: {id}, type: while, parameters: {{ condition: '{condition}', rounds: 4 }}, body: {} }}",
                inside.text(&format!("{id}x"))
            ),
            Self::Saga { retried } => saga(id, retried),
            Self::Race { inside } => {
                format!("{{ id: {id}, type: race, body: {} }}", inside.text(&format!("{id}x")))
            }
            Self::Try { retried, finally, inside } => {
                let retry =
                    if retried { ", retry: { delay: PT1S, limit: { attempts: 2 } }" } else { "" };
                let finally =
                    finally.map(|inside| format!(", finally: {}", inside.text(&format!("{id}y"))));
                let (body, finally) = (inside.text(&format!("{id}x")), finally.unwrap_or_default());
                format!("{{ id: {id}, type: try{retry}, body: {body}{finally} }}")
            }
            Self::Fail => {
                node("fail", "error: { type: 'https://x.test/no', status: 400, title: No }")
            }
            Self::Task { attempts, limited } => {
                let duration = if limited { ", duration: PT20S" } else { "" };
                format!(
                    "{{ id: {id}, type: task, parameters: {{ type: t, input: '${{ . }}' }}, timeout: \
                     PT5S, retry: {{ delay: PT1S, jitter: {{ from: PT0S, to: PT1S }}, limit: {{ \
                     attempts: {attempts}{duration} }} }} }}"
                )
            }
        }
    }

    const fn ports(self) -> &'static [&'static str] {
        match self {
            Self::MergeAll | Self::MergeAny | Self::Wait(_) => &["out"],
            Self::Map(_)
            | Self::Filter(_)
            | Self::Set(_)
            | Self::Skipped(_)
            | Self::MergeCount
            | Self::Signal { .. }
            | Self::Each { .. }
            | Self::While { .. }
            | Self::Try { .. }
            | Self::Race { .. }
            | Self::Saga { .. }
            | Self::Task { .. } => &["out", "error"],
            Self::Switch { .. } => &["one", "two", "three", "rest", "error"],
            Self::Fail => &[],
        }
    }
}

/// Flows of up to seven inner nodes, with and without an `end`.
pub(crate) fn flows() -> impl Strategy<Value = Flow> {
    let inner = (kinds(), prop::collection::vec(any::<Index>(), 1..4))
        .prop_map(|(kind, sources)| Inner { kind, sources });
    let end = prop::option::of(prop::collection::vec(any::<Index>(), 1..4));
    (prop::collection::vec(inner, 1..8), end).prop_map(|(inner, end)| build(&inner, end.as_deref()))
}

fn build(inner: &[Inner], end: Option<&[Index]>) -> Flow {
    let mut nodes = vec!["{ id: s, type: start }".to_owned()];
    let mut ports = vec!["s.out".to_owned()];
    let mut connections = BTreeSet::new();
    for (number, Inner { kind, sources }) in inner.iter().enumerate() {
        let id = format!("n{number}");
        let several = matches!(kind, Kind::MergeAll | Kind::MergeAny | Kind::MergeCount);
        // Two ways into an ordinary node at most: each doubles the tokens.
        let into = connections.len();
        for source in &sources[..sources.len().min(if several { 3 } else { 2 })] {
            connections.insert(format!("{} -> {id}.in", ports[source.index(ports.len())]));
        }
        let into = connections.len() - into;
        nodes.push(kind.text(&id, into));
        ports.extend(kind.ports().iter().map(|port| format!("{id}.{port}")));
    }
    if let Some(sources) = end {
        nodes.push("{ id: e, type: end }".to_owned());
        for source in sources {
            connections.insert(format!("{} -> e.in", ports[source.index(ports.len())]));
        }
    }
    let nodes: Vec<_> = nodes.iter().map(String::as_str).collect();
    let connections: Vec<_> = connections.iter().map(String::as_str).collect();
    flow(&nodes, &connections)
}
