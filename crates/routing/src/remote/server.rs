//! Answers other nodes' questions for the shards that run here.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_model::{Sequence, ShardId, limits};
use flowmill_proto::v1;
use flowmill_proto::v1::shard_service_server::{ShardService, ShardServiceServer};
use futures::stream::{BoxStream, StreamExt, unfold};
use tokio::time::{Interval, interval};
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

use super::trust::{Guard, Trust};
use super::wire;
use crate::owners::{AskError, Owners, ShardStatus};

/// How often changes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// After so many looks without a change the statuses are sent all the same: once a second.
const QUIET_LOOKS: u32 = 10;

/// The owner's side of the shard service.
#[derive(Debug)]
pub struct ShardServer {
    owners: Owners,
}

impl ShardServer {
    /// The service for the shards of this process, to be put into a gRPC server. Only those who
    /// meet `trust` are answered.
    pub fn service(
        owners: &Owners,
        trust: Trust,
    ) -> InterceptedService<ShardServiceServer<Self>, Guard> {
        let server = ShardServiceServer::new(Self { owners: owners.only_here() });
        let server = server.max_encoding_message_size(limits::NODE_MESSAGE_BYTES);
        InterceptedService::new(server, trust.guard())
    }
}

#[tonic::async_trait]
impl ShardService for ShardServer {
    type WatchStream = BoxStream<'static, Result<v1::WatchResponse, Status>>;

    async fn watch(
        &self,
        _request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watch = Watch { owners: self.owners.clone(), told: None, quiet: 0, looks: looks() };
        let told = unfold(watch, |mut watch| async move {
            let news = watch.news().await;
            Some((Ok(response(news)), watch))
        });
        Ok(Response::new(told.boxed()))
    }

    async fn read(
        &self,
        request: Request<v1::ReadRequest>,
    ) -> Result<Response<v1::ReadResponse>, Status> {
        let v1::ReadRequest { execution, after, until_ended } = request.into_inner();
        let id = wire::id(&execution).map_err(unreadable)?;
        let after = after.map(wire::position).transpose().map_err(unreadable)?;
        // The asker has its own, shorter bound and cancels the call.
        let view = match until_ended {
            false => self.owners.read(id, after, limits::END_WAIT).await,
            true => self.owners.ended(id, after, limits::END_WAIT).await,
        };
        let execution = view.map_err(refused)?.map(wire::put_execution);
        Ok(Response::new(v1::ReadResponse { execution }))
    }

    async fn history(
        &self,
        request: Request<v1::HistoryRequest>,
    ) -> Result<Response<v1::HistoryResponse>, Status> {
        let v1::HistoryRequest { execution, from, limit } = request.into_inner();
        let id = wire::id(&execution).map_err(unreadable)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).clamp(1, limits::PAGE_ENTRIES);
        let from = Sequence::new(from);
        let page = self.owners.history(id, from, limit, limits::END_WAIT).await;
        Ok(Response::new(wire::put_history(page.map_err(refused)?)))
    }

    async fn outcome(
        &self,
        request: Request<v1::OutcomeRequest>,
    ) -> Result<Response<v1::OutcomeResponse>, Status> {
        let of = request.into_inner().of.ok_or(wire::Unreadable("position"));
        let of = of.and_then(wire::position).map_err(unreadable)?;
        let outcome = self.owners.outcome(of, limits::END_WAIT).await;
        Ok(Response::new(wire::put_outcome(outcome.map_err(refused)?)))
    }

    async fn resume(
        &self,
        request: Request<v1::ResumeRequest>,
    ) -> Result<Response<v1::ResumeResponse>, Status> {
        let shard = u16::try_from(request.into_inner().shard);
        let shard = shard.map_err(|_| unreadable(wire::Unreadable("shard")))?;
        self.owners.resume(ShardId::new(shard), limits::END_WAIT).await.map_err(refused)?;
        Ok(Response::new(v1::ResumeResponse {}))
    }
}

type Statuses = BTreeMap<ShardId, ShardStatus>;

/// One asker that watches.
struct Watch {
    owners: Owners,
    told: Option<Statuses>,
    /// Looks since something was told.
    quiet: u32,
    looks: Interval,
}

fn looks() -> Interval {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    looks
}

impl Watch {
    /// The statuses, when they have changed or were not told for a while.
    async fn news(&mut self) -> Statuses {
        loop {
            self.looks.tick().await;
            self.quiet += 1;
            let now = self.owners.statuses();
            if self.quiet >= QUIET_LOOKS || self.told.as_ref() != Some(&now) {
                self.quiet = 0;
                self.told = Some(now.clone());
                return now;
            }
        }
    }
}

fn response(statuses: Statuses) -> v1::WatchResponse {
    let shards = statuses.into_iter().map(|(shard, status)| wire::put_status(shard, status));
    v1::WatchResponse { shards: shards.collect() }
}

fn refused(error: AskError) -> Status {
    match error {
        AskError::NoOwner(_) | AskError::Moved(_) => Status::unavailable(error.to_string()),
        AskError::Busy(_) => Status::resource_exhausted(error.to_string()),
        AskError::TimedOut(_) => Status::deadline_exceeded(error.to_string()),
    }
}

fn unreadable(error: wire::Unreadable) -> Status {
    Status::invalid_argument(error.to_string())
}
