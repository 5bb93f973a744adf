//! `merge`: `all` joins the tokens of its branches into an array, `any` passes the first one, `count`
//! joins the first so many.

use flowmill_model::event::{NodeCompleted, Value};
use flowmill_model::{Activation, ConnectionIndex, ErrorCode, FrameId, Payload, Problem};

use super::{Run, fitting};
use crate::draft::Draft;
use crate::output;

/// Mode `any`: the first token goes on, every later one ends here, as what comes after the first so
/// many does.
pub(super) fn pass_first(draft: &mut Draft<'_>, run: &Run) -> Result<(), Problem> {
    let port = draft.out(run.activation);
    let is_first = draft.state.runs_in(run.frame, run.activation.node) == 0;
    draft.pass(run, is_first.then_some(port));
    Ok(())
}

/// An array of the values that came, in the order of the connections into the node. Fewer than are
/// needed are a failure: no more can come.
pub(crate) fn join(
    draft: &mut Draft<'_>,
    frame: FrameId,
    activation: Activation,
    tokens: &[(ConnectionIndex, Payload)],
    needed: usize,
) {
    let consumed: Vec<_> = tokens.iter().map(|(connection, _)| *connection).collect();
    if tokens.len() < needed {
        return draft.fail_run(frame, activation, consumed, too_few(tokens.len(), needed));
    }
    match fitting(output::array(tokens.iter().map(|(_, value)| value))) {
        Err(problem) => draft.fail_run(frame, activation, consumed, problem),
        Ok(joined) => {
            let port = draft.out(activation);
            let emission = Some(draft.emission(frame, activation.node, port, Value::New(joined)));
            draft.record(NodeCompleted { activation, consumed, emission, frame });
        }
    }
}

fn too_few(came: usize, needed: usize) -> Problem {
    let detail = format!("{came} branches came and no more can; the merge waits for {needed}");
    Problem::of(ErrorCode::TooFewBranches, detail)
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, failure, flow, names, run};
    use crate::execution::Status;

    /// Two branches from `start`, each dropped or not, into a `merge` and an `end`.
    fn branches(mode: &str, left: &str, right: &str) -> flowmill_flow::Flow {
        let merge = format!("{{ id: m, type: merge, parameters: {{ mode: {mode} }} }}");
        let filter = |id: &str, condition: &str| {
            format!("{{ id: {id}, type: filter, parameters: {{ condition: '{condition}' }} }}")
        };
        let map = |id: &str| {
            format!("{{ id: {id}m, type: map, parameters: {{ expression: '\"{id}\"' }} }}")
        };
        let (l, r) = (filter("l", left), filter("r", right));
        let (lm, rm) = (map("l"), map("r"));
        let nodes = ["{ id: s, type: start }", &l, &r, &lm, &rm, &merge, "{ id: e, type: end }"];
        let connections = [
            "s.out -> l.in",
            "s.out -> r.in",
            "l.out -> lm.in",
            "r.out -> rm.in",
            "rm.out -> m.in",
            "lm.out -> m.in",
            "m.out -> e.in",
        ];
        flow(&nodes, &connections)
    }

    #[test]
    fn all_joins_what_came_in_the_order_of_its_connections() {
        let check = |left: &str, right: &str, expect: &str| {
            assert_eq!(run(branches("all", left, right), "1"), expect, "{left} {right}");
        };
        check("true", "true", "[\"r\",\"l\"]");
        check("true", "false", "[\"l\"]");
        check("false", "true", "[\"r\"]");
        check("false", "false", "null");
    }

    #[test]
    fn any_passes_the_first_and_absorbs_the_rest() {
        let check = |left: &str, right: &str, expect: &str| {
            assert_eq!(run(branches("any", left, right), "1"), expect, "{left} {right}");
        };
        check("true", "true", "\"r\"");
        check("true", "false", "\"l\"");
        check("false", "false", "null");
    }

    /// Three tasks beside each other into a merge of two.
    fn two_of_three() -> Driver {
        let task = |id: &str| {
            format!(
                "{{ id: {id}, type: task, parameters: {{ type: t }}, \
                 retry: {{ limit: {{ attempts: 1 }} }} }}"
            )
        };
        let (a, b, c) = (task("a"), task("b"), task("c"));
        let drop = "{ id: dead, type: filter, parameters: { condition: 'false' } }";
        let merge = "{ id: m, type: merge, parameters: { count: 2 } }";
        let nodes = ["{ id: s, type: start }", &a, &b, &c, drop, merge, "{ id: e, type: end }"];
        let connections = [
            "s.out -> a.in",
            "s.out -> b.in",
            "s.out -> c.in",
            "a.out -> m.in",
            "b.out -> m.in",
            "c.out -> m.in",
            "a.error -> dead.in",
            "b.error -> dead.in",
            "m.out -> e.in",
            "m.error -> e.in",
        ];
        Driver::started(flow(&nodes, &connections), "null")
    }

    #[test]
    fn so_many_of_its_branches_are_joined_and_the_rest_end_there() {
        let mut driver = two_of_three();
        driver.complete("c", "3");
        assert_eq!(driver.status(), Status::Running);
        let events = driver.complete("a", "1");
        assert_eq!(names(&events), ["task-completed", "node-completed", "node-completed"]);
        driver.complete("b", "2");
        assert_eq!(driver.output(), "[1,3]");
    }

    #[test]
    fn fewer_branches_than_are_waited_for_are_a_failure_once_no_more_can_come() {
        let mut driver = two_of_three();
        driver.complete("c", "3");
        driver.fail("a", failure(false));
        assert_eq!(driver.status(), Status::Running);
        driver.fail("b", failure(false));
        let output = driver.output();
        assert!(output.contains("/errors/too-few-branches"), "{output}");
        assert!(output.contains("1 branches came"), "{output}");
    }

    #[test]
    fn a_merge_of_so_many_to_which_nothing_comes_runs_never() {
        let drop = "{ id: dead, type: filter, parameters: { condition: 'false' } }";
        let merge = "{ id: m, type: merge, parameters: { count: 1 } }";
        let nodes = ["{ id: s, type: start }", drop, merge];
        assert_eq!(run(flow(&nodes, &["s.out -> dead.in", "dead.out -> m.in"]), "1"), "null");
    }

    #[test]
    fn a_join_does_not_wait_for_branches_that_a_merge_before_it_absorbs() {
        for parameter in ["mode: any", "count: 1"] {
            let merge = format!("{{ id: m, type: merge, parameters: {{ {parameter} }} }}");
            let nodes = [
                "{ id: s, type: start }",
                "{ id: slow, type: task, parameters: { type: t } }",
                "{ id: fast, type: map, parameters: { expression: '1' } }",
                &merge,
                "{ id: other, type: map, parameters: { expression: '2' } }",
                "{ id: all, type: merge }",
                "{ id: w, type: signal, parameters: { name: go } }",
            ];
            let connections = [
                "s.out -> slow.in",
                "s.out -> fast.in",
                "s.out -> other.in",
                "slow.out -> m.in",
                "fast.out -> m.in",
                "m.out -> all.in",
                "other.out -> all.in",
                "all.out -> w.in",
            ];
            let driver = Driver::started(flow(&nodes, &connections), "0");
            let waits = driver.execution.pending().iter().any(|p| p.node == driver.index("w"));
            assert!(waits, "{parameter}: the join has run while `slow` still does");
        }
    }

    fn two_tasks() -> Driver {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: a, type: task, parameters: { type: t, input: 1 }, retry: { limit: { attempts: 1 } } }",
            "{ id: b, type: task, parameters: { type: t, input: 2 } }",
            "{ id: dead, type: filter, parameters: { condition: 'false' } }",
            "{ id: m, type: merge, parameters: { mode: all } }",
        ];
        let connections = [
            "s.out -> a.in",
            "s.out -> b.in",
            "a.out -> m.in",
            "b.out -> m.in",
            "a.error -> dead.in",
            "dead.out -> m.in",
        ];
        Driver::started(flow(&nodes, &connections), "null")
    }

    #[test]
    fn all_waits_for_a_branch_that_may_still_come() {
        let mut driver = two_tasks();
        driver.complete("b", "\"b\"");
        assert_eq!(driver.status(), Status::Running);
        driver.complete("a", "\"a\"");
        assert_eq!(driver.output(), "[\"a\",\"b\"]");
    }

    #[test]
    fn a_branch_that_ends_in_its_error_port_does_not_hold_a_join_up() {
        let mut driver = two_tasks();
        driver.complete("b", "\"b\"");
        let events = driver.fail("a", failure(false));
        let expect = ["node-failed", "node-completed", "node-completed", "completed"];
        assert_eq!(names(&events), expect);
        assert_eq!(driver.output(), "[\"b\"]");
    }
}
