//! `merge`: `all` joins the tokens of its branches into an array, `any` passes the first one.

use flowmill_model::event::{NodeCompleted, Value};
use flowmill_model::{Activation, ConnectionIndex, Payload, Problem};

use super::{Run, fitting};
use crate::draft::Draft;
use crate::output;

/// Mode `any`: the first token goes on, every later one ends here.
pub(super) fn pass_first(draft: &mut Draft<'_>, run: &Run) -> Result<(), Problem> {
    let port = draft.out(run.activation);
    draft.pass(run, (run.activation.iteration == 0).then_some(port));
    Ok(())
}

/// Mode `all`: an array of the values that came, in the order of the connections into the node.
pub(crate) fn join(
    draft: &mut Draft<'_>,
    activation: Activation,
    tokens: &[(ConnectionIndex, Payload)],
) {
    let consumed: Vec<_> = tokens.iter().map(|(connection, _)| *connection).collect();
    match fitting(output::array(tokens.iter().map(|(_, value)| value))) {
        Err(problem) => draft.fail_run(activation, consumed, problem),
        Ok(joined) => {
            let port = draft.out(activation);
            let emission = Some(draft.emission(activation.node, port, Value::New(joined)));
            draft.record(NodeCompleted { activation, consumed, emission });
        }
    }
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
