//! `if`: a token for which a node's condition does not hold goes past the node, as it is.

use flowmill_model::Problem;
use flowmill_model::event::{NodeSkipped, Value};

use super::{Run, faulty};
use crate::draft::Draft;

/// Whether the token is to go past the node.
pub(super) fn is_due(draft: &mut Draft<'_>, run: &Run) -> Result<bool, Problem> {
    let flow = draft.flow;
    let Some(condition) = &flow.node(run.activation.node).condition else { return Ok(false) };
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let holds = condition.condition(&value, &scope).map_err(|fault| faulty(&fault))?;
    Ok(!holds)
}

pub(super) fn run(draft: &mut Draft<'_>, run: &Run) -> Result<(), Problem> {
    let node = run.activation.node;
    let port = draft.flow.node(node).port("out");
    let emission = port.map(|port| draft.emission(run.frame, node, port, Value::Same));
    let (activation, consumed) = (run.activation, vec![run.connection]);
    draft.record(NodeSkipped { activation, consumed, emission, frame: run.frame });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, around, around_with_errors, names, run, run_faulting};
    use crate::execution::Status;

    const TASK: &str = "{ id: n, type: task, if: .big, parameters: { type: t } }";

    #[test]
    fn a_token_for_which_it_does_not_hold_goes_past_the_node() {
        let driver = Driver::started(around(TASK), "{\"big\":false}");
        assert_eq!(driver.output(), "{\"big\":false}");
        let expect = ["started", "node-completed", "node-skipped", "node-completed", "completed"];
        assert_eq!(names(&driver.events), expect);
    }

    #[test]
    fn a_token_for_which_it_holds_has_the_node_run() {
        let mut driver = Driver::started(around(TASK), "{\"big\":true}");
        assert_eq!(driver.status(), Status::Running);
        driver.complete("n", "1");
        assert_eq!(driver.output(), "1");
    }

    #[test]
    fn past_a_node_without_an_output_port_a_token_ends() {
        let fail = "{ id: n, type: fail, if: .bad, parameters: { error: { title: bad } } }";
        let nodes = ["{ id: s, type: start }", fail, "{ id: e, type: end }"];
        let flow = || crate::driver::flow(&nodes, &["s.out -> n.in", "s.out -> e.in"]);
        assert_eq!(run(flow(), "{\"bad\":false}"), "{\"bad\":false}");
        assert_eq!(run_faulting(flow(), "{\"bad\":true}").title, "bad");
    }

    #[test]
    fn it_sees_what_the_nodes_own_expressions_see() {
        let node = "{ id: n, type: map, if: '$nodes.s.x and $task.name == \"n\"', \
                    parameters: { expression: '1' } }";
        assert_eq!(run(around(node), "{\"x\":true}"), "1");
        assert_eq!(run(around(node), "{\"x\":false}"), "{\"x\":false}");
    }

    #[test]
    fn one_that_fails_is_a_failure_of_the_node() {
        let node = "{ id: n, type: map, if: .x.y, parameters: { expression: '1' } }";
        assert!(run_faulting(around(node), "{\"x\":5}").kind.ends_with("/expression"));
        assert!(run(around_with_errors(node), "{\"x\":5}").contains("/errors/expression"));
    }
}
