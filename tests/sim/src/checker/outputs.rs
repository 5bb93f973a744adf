//! What the simulation's flows put out, as their definitions say it in words: an execution that
//! completed has taken every branch, joined what is to be joined, and has nobody's forged result.

use flowmill_engine::Execution;
use serde_json::{Value, json};

/// What is wrong with the output of an execution that completed, if anything.
pub(super) fn check(execution: &Execution) -> Option<String> {
    let output = execution.output()?;
    let (Some((version, _)), Some(input)) = (execution.flow(), execution.input()) else {
        return Some("it completed without a start".to_owned());
    };
    let name = version.flow.name.as_str();
    let input: Option<Value> = serde_json::from_slice(input.as_bytes()).ok();
    let Some(n) = input.and_then(|input| input["n"].as_u64()) else {
        return Some(format!("{name} has an input that no caller sends"));
    };
    let found: Option<Value> = serde_json::from_slice(output.as_bytes()).ok();
    let may_be = outputs(name, n);
    let fits = found.as_ref().is_some_and(|found| {
        let found = if name == "blocks" { without_errors(found) } else { found.clone() };
        may_be.contains(&found)
    });
    (!fits).then(|| format!("{name} put out {found:?} of n = {n}, which is none of {may_be:?}"))
}

/// The output of the flow with blocks, where an item's error stands in place of its result: which
/// items fail is up to the workers.
fn without_errors(found: &Value) -> Value {
    let [done, Value::Array(items)] = found.as_array().map_or(&[][..], Vec::as_slice) else {
        return found.clone();
    };
    let failed = |item: &Value| item.get("type").is_some_and(Value::is_string);
    let items = items.iter().map(|item| if failed(item) { done.clone() } else { item.clone() });
    json!([done, items.collect::<Vec<_>>()])
}

/// What an execution of a flow may put out when its input's `n` is this.
fn outputs(flow: &str, n: u64) -> Vec<Value> {
    let (done, went) = (json!({ "done": true }), json!({ "went": true }));
    match flow {
        // The filter lets odd numbers pass.
        "inline" if n % 2 == 1 => vec![json!({ "n": n, "double": n * 2 })],
        "inline" => vec![Value::Null],
        // Both tasks, and what came if the filter let it pass, in the order of the connections.
        "fan" if n.is_multiple_of(3) => vec![json!([done, done, { "n": n }])],
        "fan" => vec![json!([done, done])],
        // A result of each item, in either of two ways to end.
        "blocks" => {
            let items = (0..n % 4).map(|_| done.clone()).collect::<Vec<_>>();
            vec![json!([done, items]), json!("failed")]
        }
        "waiting" => vec![went, json!("late")],
        "patient" => vec![went, json!("missed")],
        // Small numbers fail.
        "faulty" if n < 3 => vec![],
        "tasks" | "faulty" => vec![done],
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::DEFINITIONS;

    #[test]
    fn every_flow_of_the_simulation_has_outputs() {
        for (name, _) in DEFINITIONS {
            assert!(!outputs(name, 5).is_empty(), "{name}");
        }
    }
}
