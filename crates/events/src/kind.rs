//! The types of the contract's records, and what every CloudEvent must have.

use flowmill_model::task::Outcome;

use crate::attribute::{CONTENT_TYPE, ID, SOURCE, SPEC_VERSION, TYPE};
use crate::error::{ContractError, shown};
use crate::headers::Headers;

/// The type of a task.
pub(crate) const TASK: &str = "io.flowmill.task.v1";
/// The type of a result that says that the attempt succeeded.
pub(crate) const COMPLETED: &str = "io.flowmill.result.completed.v1";
/// The type of a result that says that the attempt failed.
pub(crate) const FAILED: &str = "io.flowmill.result.failed.v1";
/// The type of a result that says that the attempt runs.
pub(crate) const RUNNING: &str = "io.flowmill.result.running.v1";
/// The type of a result that hands the task back untried.
pub(crate) const LATER: &str = "io.flowmill.result.later.v1";

/// The type that says `outcome`.
pub(crate) const fn of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Running => RUNNING,
        Outcome::Completed(_) => COMPLETED,
        Outcome::Failed(_) => FAILED,
        Outcome::Later(_) => LATER,
    }
}

/// The one of `known` that the record is.
pub(crate) fn read<const N: usize>(
    headers: &Headers<'_, N>,
    known: &[&'static str],
    expected: &'static str,
) -> Result<&'static str, ContractError> {
    let version = headers.need(SPEC_VERSION)?;
    if version != "1.0" {
        return Err(ContractError::header(SPEC_VERSION, version, "`1.0`"));
    }
    let found = headers.need(TYPE)?;
    if let Some(kind) = known.iter().find(|kind| *found == **kind) {
        headers.need_text(SOURCE)?;
        headers.need_text(ID)?;
        check_content_type(headers)?;
        return Ok(kind);
    }
    let text = shown(found);
    if known.iter().any(|kind| is_newer(kind, &text)) {
        return Err(ContractError::NewerVersion(text));
    }
    Err(ContractError::OtherType { found: text, expected })
}

/// Whether `found` is `kind` with a higher version.
fn is_newer(kind: &str, found: &str) -> bool {
    let name = kind.trim_end_matches(|c: char| c.is_ascii_digit());
    let version = found.strip_prefix(name).unwrap_or_default();
    let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !version.starts_with('0') && version.parse().is_ok_and(|version: u32| version > 1)
}

/// Refuses a value that says it is something else than JSON.
fn check_content_type<const N: usize>(headers: &Headers<'_, N>) -> Result<(), ContractError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is_json = essence.eq_ignore_ascii_case(b"application/json")
        || essence.eq_ignore_ascii_case(b"application/problem+json");
    let expected = "`application/json` or `application/problem+json`";
    if is_json { Ok(()) } else { Err(ContractError::header(CONTENT_TYPE, value, expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_name_with_a_higher_number_is_newer() {
        let check =
            |found: &str, expect: bool| assert_eq!(is_newer(TASK, found), expect, "{found}");
        check("io.flowmill.task.v2", true);
        check("io.flowmill.task.v10", true);
        for found in ["v1", "v0", "v02", "v", "v2x", "v99999999999", "w2"] {
            check(&format!("io.flowmill.task.{found}"), false);
        }
        check("io.flowmill.other.v2", false);
        check("", false);
    }
}
