//! `set`: changes the execution's context and passes a token on as it is.

use flowmill_flow::{Json, Template};
use flowmill_model::Problem;
use flowmill_model::event::{ContextSet, Value};

use super::{Run, faulty};
use crate::draft::Draft;
use crate::scope::Scopes;

pub(super) fn run(draft: &mut Draft<'_>, run: &Run, entries: &Template) -> Result<(), Problem> {
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let entries = entries.render(&value, &scope).map_err(|fault| faulty(&fault))?;
    let context = merged(&draft.context()?, &entries);
    let context = draft.text(context)?;
    let (activation, port) = (run.activation, draft.out(run.activation));
    let emission = draft.emission(run.frame, activation.node, port, Value::Same);
    let (consumed, frame) = (vec![run.connection], run.frame);
    draft.record(ContextSet { activation, consumed, context, emission, frame });
    // What was made of the context before is out of date.
    draft.scopes = Scopes::default();
    Ok(())
}

/// The context with these entries in place of those of the same name; `null` takes one away.
fn merged(context: &Json, entries: &Json) -> Json {
    let entries: Vec<_> = entries.entries().into_iter().flatten().collect();
    let replaced = |name: &str| entries.iter().any(|(entry, _)| entry == name);
    let kept: Vec<_> =
        context.entries().into_iter().flatten().filter(|(name, _)| !replaced(name)).collect();
    let new = entries.iter().filter(|(_, value)| !value.is_null()).cloned();
    Json::object(kept.into_iter().chain(new))
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, around, around_with_errors, flow, names, run, run_faulting};

    fn set(id: &str, entries: &str) -> String {
        format!("{{ id: {id}, type: set, parameters: {{ context: {{ {entries} }} }} }}")
    }

    /// Sets the context twice and looks at it.
    fn twice(first: &str, second: &str) -> flowmill_flow::Flow {
        let (a, b) = (set("a", first), set("b", second));
        let look = "{ id: c, type: map, parameters: { expression: '[., $context]' } }";
        let nodes = ["{ id: s, type: start }", &a, &b, look, "{ id: e, type: end }"];
        flow(&nodes, &["s.out -> a.in", "a.out -> b.in", "b.out -> c.in", "c.out -> e.in"])
    }

    #[test]
    fn the_value_goes_on_as_it_is_and_later_nodes_see_the_context() {
        let flow = twice("id: '${ .id }'", "n: '${ $context.id + 1 }'");
        assert_eq!(run(flow, "{\"id\":5}"), "[{\"id\":5},{\"id\":5,\"n\":6}]");
    }

    #[test]
    fn entries_replace_those_of_their_name_and_null_takes_one_away() {
        let check = |second: &str, expect: &str| {
            let output = run(twice("a: 1, b: { c: 2 }", second), "0");
            assert_eq!(output, format!("[0,{expect}]"), "{second}");
        };
        check("b: { d: 3 }", "{\"a\":1,\"b\":{\"d\":3}}");
        check("a: null", "{\"b\":{\"c\":2}}");
        check("missing: null", "{\"a\":1,\"b\":{\"c\":2}}");
        check("", "{\"a\":1,\"b\":{\"c\":2}}");
    }

    #[test]
    fn it_is_one_event_and_the_context_is_there_after_a_wait() {
        let wait = "{ id: w, type: signal, parameters: { name: go } }";
        let look = "{ id: l, type: map, parameters: { expression: '$context.k' } }";
        let set = set("a", "k: '${ . }'");
        let nodes = ["{ id: s, type: start }", &set, wait, look];
        let flow = flow(&nodes, &["s.out -> a.in", "a.out -> w.in", "w.out -> l.in"]);
        let mut driver = Driver::started(flow, "7");
        let expect = ["started", "node-completed", "context-set", "signal-awaited"];
        assert_eq!(names(&driver.events), expect);
        driver.signal("go", "0").expect("it waits");
        assert_eq!(driver.output(), "7");
    }

    #[test]
    fn an_entry_that_fails_changes_nothing() {
        let node = set("n", "k: '${ .x.y }'");
        assert!(run_faulting(around(&node), "{\"x\":1}").kind.ends_with("/expression"));
        assert!(run(around_with_errors(&node), "{\"x\":1}").contains("/errors/expression"));
    }

    #[test]
    fn a_context_over_its_limit_is_a_fault_of_the_node() {
        let node = set("n", "k: '${ [range(400000)] }'");
        let problem = run_faulting(around(&node), "null");
        assert!(problem.kind.ends_with("/payload-too-large"), "{problem:?}");
    }
}
