//! The API's description, generated from the routes and the wire types.

use std::sync::OnceLock;

use flowmill_api::{ProblemDto, headers};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _, ToSchema};

use super::{commands, executions, flows, lists, node_types, operations, shards, tasks};

/// The description. Its version is that of the API, not of the program.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Flowmill",
        version = "1",
        description = "Durable flow orchestration: deploy flows, start and follow executions.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "flows", description = "Definitions and their versions."),
        (name = "node-types", description = "What flows are made of."),
        (name = "executions", description = "Runs of a flow."),
        (name = "tasks", description = "Tasks that workers take and answer, and the workers."),
        (name = "operations", description = "How a node stands."),
    ),
    paths(
        flows::deploy,
        flows::get,
        flows::list,
        flows::activate,
        node_types::list,
        node_types::get,
        executions::start,
        executions::get,
        executions::history,
        lists::list,
        commands::cancel,
        commands::suspend,
        commands::resume,
        commands::signal,
        tasks::poll,
        tasks::complete,
        tasks::fail,
        tasks::throw,
        tasks::postpone,
        tasks::heartbeat,
        tasks::workers,
        shards::list,
        shards::resume,
        operations::health,
        operations::ready,
        operations::metrics,
        operations::description,
    ),
    components(schemas(ProblemDto)),
    modifiers(&EveryError),
)]
struct Description;

/// Says of every operation what all other answers look like.
struct EveryError;

impl Modify for EveryError {
    fn modify(&self, description: &mut OpenApi) {
        let content = ContentBuilder::new()
            .schema(Some(RefOr::Ref(Ref::from_schema_name(ProblemDto::name()))))
            .build();
        let response = ResponseBuilder::new()
            .description("Any other error, as RFC 9457 problem details.")
            .content(headers::PROBLEM_JSON, content)
            .build();
        for item in description.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.put, &mut item.post];
            for operation in operations.into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                responses.insert("default".into(), RefOr::T(response.clone()));
            }
        }
    }
}

/// The description as JSON text (OpenAPI 3.1).
pub fn openapi() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let description = Description::openapi();
        let text = description.to_pretty_json();
        text.expect("a description has only strings, numbers and lists") + "\n"
    })
}
