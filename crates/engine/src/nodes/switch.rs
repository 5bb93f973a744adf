//! `switch`: passes a token to the first case that holds, else to the default, else it ends there.

use flowmill_flow::SwitchCase;
use flowmill_model::{PortIndex, Problem};

use super::{Run, faulty};
use crate::draft::Draft;

pub(super) fn run(
    draft: &mut Draft<'_>,
    run: &Run,
    cases: &[SwitchCase],
    default: Option<PortIndex>,
) -> Result<(), Problem> {
    let (value, scope) = (draft.value(run)?, draft.scope(run.activation)?);
    for case in cases {
        if case.when.condition(&value, &scope).map_err(|fault| faulty(&fault))? {
            draft.pass(run, Some(case.port));
            return Ok(());
        }
    }
    draft.pass(run, default);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::driver::{flow, run, run_faulting};

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
        if !default.is_empty() {
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
