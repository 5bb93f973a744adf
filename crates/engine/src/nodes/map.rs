//! `map`: passes on what an expression makes of a token's value.

use flowmill_flow::Expression;
use flowmill_model::Problem;
use flowmill_model::event::{NodeCompleted, Value};

use super::{Run, faulty};
use crate::draft::Draft;

pub(super) fn run(
    draft: &mut Draft<'_>,
    run: &Run,
    expression: &Expression,
) -> Result<(), Problem> {
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let output = expression.evaluate(&value, &scope).map_err(|fault| faulty(&fault))?;
    draft.check_made(run.activation.node, &output)?;
    let output = Value::New(draft.text(output)?);
    let port = draft.out(run.activation);
    let emission = Some(draft.emission(run.frame, run.activation.node, port, output));
    let (activation, consumed) = (run.activation, vec![run.connection]);
    draft.record(NodeCompleted { activation, consumed, emission, frame: run.frame });
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::driver::{Driver, around, around_with_errors, flow, run, run_faulting};

    fn node(expression: &str) -> String {
        format!("{{ id: n, type: map, parameters: {{ expression: '{expression}' }} }}")
    }

    #[test]
    fn the_value_of_the_expression_goes_on() {
        let check = |expression: &str, expect: &str| {
            assert_eq!(run(around(&node(expression)), "{\"a\":[1,2]}"), expect, "{expression}");
        };
        check(".", "{\"a\":[1,2]}");
        check("{b: (.a | add)}", "{\"b\":3}");
        check("$input.a[1]", "2");
        check("$context", "{}");
        check("$nodes.s.a[0]", "1");
        check("[$nodes | keys[]]", "[\"s\"]");
        check("$runtime.name", "\"flowmill\"");
    }

    #[test]
    fn workflow_and_task_are_described_as_the_specification_has_it() {
        let driver = Driver::started(around(&node("[$workflow, $task]")), "7");
        let found: Value = serde_json::from_str(&driver.output()).expect("JSON");
        let at = serde_json::json!({
            "iso8601": "2026-01-02T03:04:05.000Z",
            "epoch": { "seconds": 1_767_323_045_u64, "milliseconds": 1_767_323_045_000_u64 },
        });
        let workflow = serde_json::json!({
            "id": driver.execution.id().to_string(),
            "definition": { "namespace": "test", "name": "case", "version": "1.2.3" },
            "input": 7,
            "startedAt": at,
        });
        let task = serde_json::json!({ "name": "n", "reference": "/nodes/1", "iteration": 0, "startedAt": at });
        assert_eq!(found, serde_json::json!([workflow, task]));
    }

    #[test]
    fn no_value_several_values_and_errors_are_faults_that_say_so() {
        let check = |expression: &str, expect: &str| {
            let problem = run_faulting(around(&node(expression)), "{\"a\":[1,2]}");
            let detail = problem.detail.expect("a detail");
            assert!(detail.contains(expect), "{expression}: {detail}");
        };
        check("empty", "gave no value");
        check(".a[]", "gave several values");
        check("error(\"broken\")", "broken");
    }

    #[test]
    fn a_value_over_its_limit_is_a_fault_of_the_node() {
        let problem = run_faulting(around(&node("[range(400000)]")), "null");
        assert!(problem.kind.ends_with("/payload-too-large"), "{problem:?}");
    }

    #[test]
    fn a_connected_error_port_takes_the_problem() {
        let output = run(around_with_errors(&node(".a.b")), "{\"a\":[1]}");
        let found: Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!(found["status"], 400);
        assert_eq!(found["instance"], "/nodes/1");
        for member in ["type", "title", "detail"] {
            assert!(found[member].is_string(), "{member}: {found}");
        }
    }

    #[test]
    fn data_is_never_evaluated() {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: a, type: map, parameters: { expression: '{text: \"${ 1 + 1 }\"}' } }",
            "{ id: b, type: map, parameters: { expression: '.' } }",
            "{ id: e, type: end }",
        ];
        let flow = flow(&nodes, &["s.out -> a.in", "a.out -> b.in", "b.out -> e.in"]);
        assert_eq!(run(flow, "null"), "{\"text\":\"${ 1 + 1 }\"}");
    }
}
