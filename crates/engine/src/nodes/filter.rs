//! `filter`: lets a token through if a condition holds; otherwise it ends there.

use flowmill_flow::Expression;
use flowmill_model::Problem;

use super::{Run, faulty};
use crate::draft::Draft;

pub(super) fn run(draft: &mut Draft<'_>, run: &Run, condition: &Expression) -> Result<(), Problem> {
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let holds = condition.condition(&value, &scope).map_err(|fault| faulty(&fault))?;
    let port = draft.out(run.activation);
    draft.pass(run, holds.then_some(port));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::driver::{around, run, run_faulting};

    fn check(condition: &str, expect: &str) {
        let node = format!("{{ id: n, type: filter, parameters: {{ condition: '{condition}' }} }}");
        assert_eq!(run(around(&node), "{\"x\":5}"), expect, "{condition}");
    }

    #[test]
    fn a_token_goes_on_as_it_is_if_the_condition_holds_and_ends_otherwise() {
        check(".x > 4", "{\"x\":5}");
        check(".x > 5", "null");
        check("empty", "null");
        check("null", "null");
        check("0", "{\"x\":5}");
    }

    #[test]
    fn a_condition_that_fails_faults_the_execution_at_its_node() {
        let node = "{ id: n, type: filter, parameters: { condition: '.x.y' } }";
        let problem = run_faulting(around(node), "{\"x\":5}");
        assert!(problem.kind.ends_with("/expression"), "{problem:?}");
        assert_eq!(problem.instance.as_deref(), Some("/nodes/1"));
    }
}
