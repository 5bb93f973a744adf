//! `switch`: passes a token to the first case that holds, or to each that does; to the default when
//! none holds; else it ends there.

use std::collections::BTreeSet;

use flowmill_flow::{SwitchCase, SwitchMode};
use flowmill_model::event::{Branch, NodeBranched};
use flowmill_model::{PortIndex, Problem};

use super::{Run, faulty};
use crate::draft::Draft;

pub(super) fn run(
    draft: &mut Draft<'_>,
    run: &Run,
    mode: SwitchMode,
    cases: &[SwitchCase],
    default: Option<PortIndex>,
) -> Result<(), Problem> {
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let mut taken = BTreeSet::new();
    for case in cases {
        if case.when.condition(&value, &scope).map_err(|fault| faulty(&fault))? {
            taken.insert(case.port);
            if mode == SwitchMode::First {
                break;
            }
        }
    }
    if taken.len() > 1 {
        draft.branch(run, taken);
    } else {
        draft.pass(run, taken.pop_first().or(default));
    }
    Ok(())
}

impl Draft<'_> {
    /// Ends a run whose token goes on as it is by several ports.
    fn branch(&mut self, run: &Run, ports: BTreeSet<PortIndex>) {
        let node = run.activation.node;
        let branch = |port| Branch { port, connections: self.connections(run.frame, node, port) };
        let branches: Vec<_> = ports.into_iter().map(branch).collect();
        let (activation, consumed) = (run.activation, vec![run.connection]);
        let leads_on = branches.iter().all(|branch| !branch.connections.is_empty());
        let (keep, result) = self.kept(node, leads_on);
        let frame = run.frame;
        self.record(NodeBranched { activation, consumed, branches, keep, result, frame });
    }
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, flow, run, run_faulting};

    #[test]
    fn in_mode_all_each_case_that_holds_is_taken_and_the_default_if_none_does() {
        let check = |input: &str, expect: &str| {
            assert_eq!(run(switch(", default: rest, mode: all"), input), expect, "{input}");
        };
        check("{\"x\":11}", "[\"b\",\"m\"]");
        check("{\"x\":6}", "\"m\"");
        check("{\"x\":1}", "\"o\"");
    }

    #[test]
    fn several_ports_are_one_event_and_a_failing_case_takes_none() {
        let driver = Driver::started(switch(", mode: all"), "{\"x\":11}");
        let branched = driver.events.iter().filter(|event| event.name() == "node-branched");
        assert_eq!(branched.count(), 1);
        assert!(run_faulting(switch(", mode: all"), "[1]").kind.ends_with("/expression"));
    }

    #[test]
    fn a_port_that_leads_nowhere_gives_the_output_its_value_beside_one_that_leads_on() {
        let node = "{ id: n, type: switch, parameters: { mode: all, cases: [{ name: a, when: \
                    'true' }, { name: b, when: 'true' }] } }";
        let map = "{ id: m, type: map, parameters: { expression: '. + 1' } }";
        let nodes = ["{ id: s, type: start }", node, map];
        let flow = flow(&nodes, &["s.out -> n.in", "n.b -> m.in"]);
        assert_eq!(run(flow, "7"), "{\"n\":7,\"m\":8}");
    }

    #[test]
    fn several_ports_that_lead_nowhere_are_one_value_of_the_output() {
        let node = "{ id: n, type: switch, parameters: { mode: all, cases: [{ name: a, when: \
                    'true' }, { name: b, when: 'true' }] } }";
        assert_eq!(run(flow(&["{ id: s, type: start }", node], &["s.out -> n.in"]), "7"), "7");
    }

    fn check(default: &str, input: &str, expect: &str) {
        assert_eq!(run(switch(default), input), expect, "{input}");
    }

    fn switch(default: &str) -> flowmill_flow::Flow {
        let node = format!(
            "{{ id: n, type: switch, parameters: {{ cases: [{{ name: big, when: '.x > 10' }}, \
             {{ name: some, when: '.x > 5' }}]{default} }} }}"
        );
        let label = |id: &str| {
            format!("{{ id: {id}, type: map, parameters: {{ expression: '\"{id}\"' }} }}")
        };
        let (big, some) = (label("b"), label("m"));
        let mut nodes = vec!["{ id: s, type: start }", &node, &big, &some, "{ id: e, type: end }"];
        let mut connections = vec![
            "s.out -> n.in",
            "n.big -> b.in",
            "n.some -> m.in",
            "b.out -> e.in",
            "m.out -> e.in",
        ];
        let other = label("o");
        if default.contains("default") {
            nodes.push(&other);
            connections.extend(["n.rest -> o.in", "o.out -> e.in"]);
        }
        flow(&nodes, &connections)
    }

    #[test]
    fn the_first_case_that_holds_is_taken() {
        check("", "{\"x\":11}", "\"b\"");
        check("", "{\"x\":6}", "\"m\"");
    }

    #[test]
    fn without_a_case_the_default_is_taken_and_without_one_the_token_ends() {
        check(", default: rest", "{\"x\":1}", "\"o\"");
        check("", "{\"x\":1}", "null");
    }

    #[test]
    fn a_condition_that_fails_is_a_fault() {
        assert_eq!(run_faulting(switch(""), "[1]").instance.as_deref(), Some("/nodes/1"));
    }
}
