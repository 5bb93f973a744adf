//! `end`: takes the token's value as output of the execution.

use flowmill_model::event::{Emission, NodeCompleted, Value};
use flowmill_model::{PortIndex, Problem};

use super::Run;
use crate::draft::Draft;

pub(super) fn run(draft: &mut Draft<'_>, run: &Run) -> Result<(), Problem> {
    let emission = Emission {
        value: Value::Same,
        port: PortIndex::default(),
        connections: Vec::new(),
        keep: false,
        result: Some(run.connection.get()),
    };
    let (activation, consumed) = (run.activation, vec![run.connection]);
    let frame = run.frame;
    draft.record(NodeCompleted { activation, consumed, emission: Some(emission), frame });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, flow, run};

    #[test]
    fn several_values_are_an_array_in_the_order_of_the_connections() {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: a, type: task, parameters: { type: t } }",
            "{ id: b, type: map, parameters: { expression: '\"b\"' } }",
            "{ id: e, type: end }",
        ];
        let connections = ["s.out -> a.in", "s.out -> b.in", "a.out -> e.in", "b.out -> e.in"];
        let mut driver = Driver::started(flow(&nodes, &connections), "null");
        driver.complete("a", "\"a\"");
        assert_eq!(driver.output(), "[\"a\",\"b\"]");
    }

    #[test]
    fn a_node_runs_once_per_token() {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: a, type: map, parameters: { expression: '1' } }",
            "{ id: b, type: map, parameters: { expression: '2' } }",
            "{ id: c, type: map, parameters: { expression: '[., $task.iteration]' } }",
            "{ id: e, type: end }",
        ];
        let connections =
            ["s.out -> a.in", "s.out -> b.in", "a.out -> c.in", "b.out -> c.in", "c.out -> e.in"];
        assert_eq!(run(flow(&nodes, &connections), "null"), "[[1,0],[2,1]]");
    }
}
