//! Holds what happened against what a case expects.

use flowmill_flow::{Case, ExpectedStatus, Json};

use crate::difference::{Extent, differences};
use crate::run::World;
use crate::{Failure, Found};

/// Adds a failure for each way in which `world` did not come as `case` expects.
pub(crate) fn judge(world: &World<'_>, case: &Case, failures: &mut Vec<Failure>) {
    let (found, expect) = (world.found(), &case.expect);
    if found.status == expect.status.as_str() {
        values(&found, case, failures);
    } else {
        failures.push(Failure {
            what: "status".to_owned(),
            expected: Some(expect.status.as_str().into()),
            found: Some(found.status.into()),
            help: why(world, &found),
        });
    }
    path(&found, case, failures);
    failures.extend(world.unused());
}

fn values(found: &Found, case: &Case, failures: &mut Vec<Failure>) {
    let null = Json::null();
    if let Some(output) = &case.expect.output {
        let found = found.output.as_ref().unwrap_or(&null);
        differences("output", output, found, Extent::Whole, failures);
    }
    if let Some(error) = &case.expect.error {
        let found = found.error.as_ref().unwrap_or(&null);
        differences("error", error, found, Extent::Subset, failures);
    }
}

/// Why an execution is where it is.
fn why(world: &World<'_>, found: &Found) -> String {
    if let Some(error) = &found.error {
        return format!("the error is {}", text(error));
    }
    if found.status == ExpectedStatus::Waiting.as_str() {
        return world.waits_for();
    }
    let output = found.output.as_ref();
    output.map_or_else(String::new, |output| format!("the output is {}", text(output)))
}

fn text(value: &Json) -> String {
    String::from_utf8_lossy(&value.to_bytes()).into_owned()
}

fn path(found: &Found, case: &Case, failures: &mut Vec<Failure>) {
    let list = |ids: &[String]| Json::array(ids.iter().map(Json::string));
    let expect = &case.expect;
    if let Some(path) = &expect.path
        && *path != found.path
    {
        failures.push(Failure {
            what: "path".to_owned(),
            expected: Some(list(path)),
            found: Some(list(&found.path)),
            help: String::new(),
        });
    }
    let failed = |what: String| Failure {
        what,
        expected: None,
        found: Some(list(&found.path)),
        help: String::new(),
    };
    for id in expect.visits.iter().filter(|id| !found.path.contains(id)) {
        failures.push(failed(format!("the node `{id}` did not run")));
    }
    for id in expect.never.iter().filter(|id| found.path.contains(id)) {
        failures.push(failed(format!("the node `{id}` ran")));
    }
}
