//! `fail`: ends the execution by an error of the definition's own.

use flowmill_flow::ErrorTemplate;
use flowmill_model::Problem;

use super::{Run, faulty};
use crate::draft::Draft;

pub(super) fn run(draft: &mut Draft<'_>, run: &Run, error: &ErrorTemplate) -> Result<(), Problem> {
    let (value, scope) = (draft.value(run)?, draft.scope(run)?);
    let problem = error.render(&value, &scope).map_err(|fault| faulty(&fault))?;
    let problem = draft.bounded(problem, run.activation.node);
    draft.raise(run.frame, run.activation, problem);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, flow, run_faulting};
    use crate::execution::Status;

    const FAIL: &str = "{ id: f, type: fail, parameters: { error: { type: 'https://x.test/no', \
                        status: 409, title: No, detail: 'we have ${ .left } left' } } }";

    #[test]
    fn the_execution_faults_with_the_definitions_own_error() {
        let flow = flow(&["{ id: s, type: start }", FAIL], &["s.out -> f.in"]);
        let problem = run_faulting(flow, "{\"left\":0}");
        assert_eq!((problem.kind.as_str(), problem.status), ("https://x.test/no", 409));
        assert_eq!(problem.detail.as_deref(), Some("we have 0 left"));
        assert_eq!(problem.instance.as_deref(), Some("/nodes/1"));
    }

    #[test]
    fn a_fault_cancels_what_runs_beside_it() {
        let nodes = [
            "{ id: s, type: start }",
            "{ id: t, type: task, parameters: { type: t } }",
            "{ id: w, type: wait, parameters: { for: PT1H } }",
            FAIL,
        ];
        let flow = flow(&nodes, &["s.out -> t.in", "s.out -> w.in", "s.out -> f.in"]);
        let driver = Driver::started(flow, "{}");
        assert_eq!(driver.status(), Status::Faulted);
        assert_eq!(driver.execution.tasks().count(), 0);
        assert_eq!(driver.execution.timers().count(), 0);
        assert!(driver.execution.pending().is_empty());
        assert!(driver.execution.ended_at().is_some());
    }
}
