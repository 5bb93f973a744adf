//! What the HTTP API sends and takes, as types: shared by the gateway, the HTTP client and the
//! generated OpenAPI description.
//!
//! These types are the wire, not the domain: names are camelCase, times are RFC 3339 text in UTC
//! with milliseconds, a flow is `namespace/name`. A field that has no value is there as `null`
//! unless its documentation says otherwise. A reader ignores fields it does not know, so that a
//! server may be newer than its client.

mod execution;
mod flow;
pub mod headers;
mod health;
mod history;
mod node_type;
mod problem;
mod raw_json;
mod task;

pub use execution::{
    CommandPending, ControlRequest, ExecutionDto, ExecutionStatus, ListPageDto, ListedDto,
    PendingDto, StartAccepted,
};
pub use flow::{
    ActivateRequest, ConnectionDto, DeployResult, FlowDto, FlowPageDto, FlowVersionDto, VerdictDto,
};
pub use health::{HealthDto, QueueDto, ReadyDto, ShardDto, ShardsDto};
pub use history::{EventDto, HistoryPageDto};
pub use node_type::{NodeTypeDto, NodeTypesDto, PortDto};
pub use problem::{DiagnosticDto, ProblemDto};
pub use raw_json::{NotJson, RawJson};
pub use task::{
    FailTaskRequest, PollTasksRequest, PostponeTaskRequest, TaskAccepted, TaskDto, TaskProblem,
    TasksDto, ThrowTaskRequest, WorkerDto, WorkersDto,
};
