//! The output of an execution: what reached its ends, put together.
//!
//! Values stay text: an array or object of them is made by concatenation.

use flowmill_flow::{Flow, Json, Schema};
use flowmill_model::event::Value;
use flowmill_model::{BlockIndex, ErrorCode, NodeIndex, Payload, Problem, limits};

use crate::draft::Draft;
use crate::execution::Arrival;
use crate::nodes::{too_large, unreadable};

/// The output of a block whose branches have all ended.
///
/// With an `end` node: the value that reached it; several in the order of the connections they
/// came by. Without: the value of the leaf, or an object by node id if several leaves ended with
/// one. `null` if nothing arrived anywhere.
pub(crate) fn of(flow: &Flow, block: BlockIndex, arrivals: &[Arrival]) -> Value {
    let [first, rest @ ..] = arrivals else { return Value::New(Payload::null()) };
    if rest.is_empty() {
        return Value::Same;
    }
    if flow.block(block).has_end || rest.iter().all(|arrival| arrival.node == first.node) {
        return Value::New(array(in_order(arrivals)));
    }
    Value::New(by_node(flow, arrivals))
}

/// Checks an output against its limit and the flow's schema.
pub(crate) fn check(draft: &mut Draft<'_>, output: &Value) -> Result<(), Problem> {
    check_size(output, &draft.state.arrivals)?;
    let Some(schema) = &draft.flow.output_schema else { return Ok(()) };
    let output = whole(output, &draft.state.arrivals).cloned().unwrap_or_else(Payload::null);
    let value = draft.values.parse(&output).map_err(|error| unreadable(&error))?;
    fits(schema, &value).map_err(|detail| Problem::of(ErrorCode::InvalidOutput, detail))
}

/// Checks an output against its limit.
pub(crate) fn check_size(output: &Value, arrivals: &[Arrival]) -> Result<(), Problem> {
    let bytes = whole(output, arrivals).map_or(0, Payload::len);
    if bytes > limits::PAYLOAD_BYTES { Err(too_large(bytes)) } else { Ok(()) }
}

/// The value of an output; nothing stands for `null`.
fn whole<'a>(output: &'a Value, arrivals: &'a [Arrival]) -> Option<&'a Payload> {
    match output {
        Value::New(output) => Some(output),
        Value::Same => arrivals.first().map(|arrival| &arrival.value),
    }
}

/// Checks a value against a schema; otherwise says what is wrong.
pub(crate) fn fits(schema: &Schema, value: &Json) -> Result<(), String> {
    let Err(violations) = schema.validate(value) else { return Ok(()) };
    let texts: Vec<_> = violations.iter().map(ToString::to_string).collect();
    Err(texts.join("; "))
}

fn in_order(arrivals: &[Arrival]) -> impl Iterator<Item = &Payload> {
    let mut sorted: Vec<_> = arrivals.iter().collect();
    sorted.sort_by_key(|arrival| (arrival.place, arrival.node));
    sorted.into_iter().map(|arrival| &arrival.value)
}

/// An object by node id; a leaf that ended several times has an array of its values.
fn by_node(flow: &Flow, arrivals: &[Arrival]) -> Payload {
    let mut nodes: Vec<NodeIndex> = arrivals.iter().map(|arrival| arrival.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let mut out = vec![b'{'];
    for (place, node) in nodes.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        Json::string(&flow.node(node).id).write_to(&mut out);
        out.push(b':');
        let own = arrivals.iter().filter(|arrival| arrival.node == node);
        let values: Vec<_> = own.map(|arrival| &arrival.value).collect();
        match values[..] {
            [only] => out.extend_from_slice(only.as_bytes()),
            _ => out.extend_from_slice(array(values.into_iter()).as_bytes()),
        }
    }
    out.push(b'}');
    out.into()
}

/// An array of values.
pub(crate) fn array<'a>(values: impl Iterator<Item = &'a Payload>) -> Payload {
    let mut out = vec![b'['];
    for (place, value) in values.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b']');
    out.into()
}

#[cfg(test)]
mod tests {
    use crate::driver::{flow, flow_with, run, run_faulting};

    const START: &str = "{ id: s, type: start }";

    fn map(id: &str, expression: &str) -> String {
        format!("{{ id: {id}, type: map, parameters: {{ expression: '{expression}' }} }}")
    }

    #[test]
    fn without_an_end_the_leaves_make_the_output() {
        let (a, b) = (map("a", "1"), map("b", "2"));
        assert_eq!(run(flow(&[START, &a], &["s.out -> a.in"]), "null"), "1");
        let both = flow(&[START, &b, &a], &["s.out -> a.in", "s.out -> b.in"]);
        assert_eq!(run(both, "null"), "{\"b\":2,\"a\":1}");
        let drop = "{ id: f, type: filter, parameters: { condition: 'false' } }";
        let one = flow(&[START, &a, drop], &["s.out -> a.in", "s.out -> f.in"]);
        assert_eq!(run(one, "null"), "1", "a leaf that ended without a value is none");
        assert_eq!(run(flow(&[START, drop], &["s.out -> f.in"]), "null"), "null");
    }

    #[test]
    fn a_leaf_that_ended_several_times_has_an_array() {
        let (a, b) = (map("a", "1"), map("b", "."));
        let nodes = [START, &a, &b];
        let flow = flow(&nodes, &["s.out -> a.in", "a.out -> b.in", "s.out -> b.in"]);
        assert_eq!(run(flow, "5"), "[1,5]");
    }

    #[test]
    fn an_output_that_does_not_fit_its_schema_is_a_fault() {
        let schema = "output: { schema: { type: string } }";
        let a = map("a", ".");
        let flow = |_| flow_with(schema, &[START, &a], &["s.out -> a.in"]);
        assert_eq!(run(flow(()), "\"x\""), "\"x\"");
        assert!(run_faulting(flow(()), "1").kind.ends_with("/invalid-output"));
    }
}
