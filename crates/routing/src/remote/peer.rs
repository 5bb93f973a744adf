//! Another node, as this one asks it.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_model::{ExecutionId, Sequence, ShardId, limits};
use flowmill_proto::v1;
use flowmill_proto::v1::shard_service_client::ShardServiceClient;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

use super::trust::{Credentials, Trust};
use super::wire;
use crate::owners::{AskError, ShardStatus};
use crate::view::{CommandOutcome, ExecutionView, HistoryPage, Position};

/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// How often a quiet connection is tried, and how long the other side may take to say that it is
/// there: a machine that vanished is noticed within the sum.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(2));

/// Longest silence of a node that promised to tell how its shards stand every second.
const SILENCE: Duration = Duration::from_secs(4);

/// Pause before a node that does not answer is asked again how its shards stand.
const AGAIN: Duration = Duration::from_millis(200);

type Statuses = BTreeMap<ShardId, ShardStatus>;
type Client = ShardServiceClient<InterceptedService<Channel, Credentials>>;

/// Another node of the cluster. Cheap to clone; all clones share one connection.
#[derive(Clone, Debug)]
pub struct Peer {
    client: Client,
    statuses: watch::Receiver<Statuses>,
}

impl Peer {
    /// Prepares to ask the node at `address`, `http://HOST:PORT`, and begins to follow how its
    /// shards stand, until the last clone is dropped. Connects when it is needed, and again.
    ///
    /// # Errors
    /// When that is no address.
    pub(super) fn at(address: &str, trust: &Trust) -> Result<Self, tonic::transport::Error> {
        let (every, within) = KEEP_ALIVE;
        let endpoint = Endpoint::from_shared(address.to_owned())?
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(every)
            .keep_alive_timeout(within)
            .keep_alive_while_idle(true);
        let client =
            ShardServiceClient::with_interceptor(endpoint.connect_lazy(), trust.credentials());
        let client = client.max_decoding_message_size(limits::NODE_MESSAGE_BYTES);
        let (sender, statuses) = watch::channel(Statuses::new());
        let follower = Follower { client: client.clone(), statuses: sender };
        flowmill_runtime::spawn("peer statuses", follower.run(address.to_owned()));
        Ok(Self { client, statuses })
    }

    /// How a shard stands there; `None` when the node does not say.
    pub(crate) fn status(&self, shard: ShardId) -> Option<ShardStatus> {
        self.statuses.borrow().get(&shard).cloned()
    }

    /// The shards that the node says are halted there.
    pub(crate) fn halted(&self) -> Vec<(ShardId, ShardStatus)> {
        let statuses = self.statuses.borrow();
        let halted = statuses.iter().filter(|(_, status)| status.is_halted());
        halted.map(|(shard, status)| (*shard, status.clone())).collect()
    }

    pub(crate) async fn resume(&self, shard: ShardId, within: Duration) -> Result<(), AskError> {
        let mut client = self.client.clone();
        let asked = client.resume(v1::ResumeRequest { shard: shard.get().into() });
        answer(shard, within, asked).await.map(drop)
    }

    pub(crate) async fn read(
        &self,
        execution: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Option<ExecutionView>, AskError> {
        self.read_when(execution, after, within, false).await
    }

    pub(crate) async fn ended(
        &self,
        execution: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Option<ExecutionView>, AskError> {
        self.read_when(execution, after, within, true).await
    }

    async fn read_when(
        &self,
        execution: ExecutionId,
        after: Option<Position>,
        within: Duration,
        until_ended: bool,
    ) -> Result<Option<ExecutionView>, AskError> {
        let shard = execution.shard();
        let (execution, after) = (wire::put_id(execution), after.map(wire::put_position));
        let mut client = self.client.clone();
        let asked = client.read(v1::ReadRequest { execution, after, until_ended });
        let v1::ReadResponse { execution } = answer(shard, within, asked).await?;
        execution.map(wire::execution).transpose().map_err(|error| unreadable(shard, error))
    }

    pub(crate) async fn history(
        &self,
        execution: ExecutionId,
        from: Sequence,
        limit: usize,
        within: Duration,
    ) -> Result<Option<HistoryPage>, AskError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let (shard, execution) = (execution.shard(), wire::put_id(execution));
        let mut client = self.client.clone();
        let asked = client.history(v1::HistoryRequest { execution, from: from.get(), limit });
        Ok(wire::history(answer(shard, within, asked).await?))
    }

    pub(crate) async fn outcome(
        &self,
        of: Position,
        within: Duration,
    ) -> Result<CommandOutcome, AskError> {
        let mut client = self.client.clone();
        let asked = client.outcome(v1::OutcomeRequest { of: Some(wire::put_position(of)) });
        let outcome = answer(of.shard, within, asked).await?;
        wire::outcome(outcome).map_err(|error| unreadable(of.shard, error))
    }
}

async fn answer<T>(
    shard: ShardId,
    within: Duration,
    asked: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, AskError> {
    match timeout(within, asked).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(not_answered(shard, &status)),
        Err(_) => Err(AskError::TimedOut(shard)),
    }
}

fn not_answered(shard: ShardId, status: &Status) -> AskError {
    match status.code() {
        Code::ResourceExhausted => AskError::Busy(shard),
        Code::DeadlineExceeded | Code::Cancelled => AskError::TimedOut(shard),
        Code::Unavailable | Code::Unknown | Code::Aborted => AskError::Moved(shard),
        code @ (Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated) => {
            tracing::error!(%shard, ?code, why = status.message(), "the owner refuses a question");
            AskError::NoOwner(shard)
        }
    }
}

fn unreadable(shard: ShardId, error: wire::Unreadable) -> AskError {
    tracing::error!(%shard, %error, "the owner's answer cannot be used");
    AskError::NoOwner(shard)
}

/// Keeps what a node says of its shards up to date.
struct Follower {
    client: Client,
    statuses: watch::Sender<Statuses>,
}

impl Follower {
    async fn run(mut self, address: String) {
        while !self.statuses.is_closed() {
            let ended = self.follow().await;
            if self.statuses.is_closed() {
                return;
            }
            if self.statuses.send_if_modified(|known| !std::mem::take(known).is_empty()) {
                tracing::warn!(address, why = ended, "a node does not tell how its shards stand");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Follows until the node falls silent or nobody listens; why.
    async fn follow(&mut self) -> String {
        let asked = timeout(SILENCE, self.client.watch(v1::WatchRequest {}));
        let mut told = match asked.await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return status.message().to_owned(),
            Err(_) => return "no answer".to_owned(),
        };
        loop {
            let news = tokio::select! {
                biased;
                () = self.statuses.closed() => return "nobody listens".to_owned(),
                news = timeout(SILENCE, told.message()) => news,
            };
            match news {
                Ok(Ok(Some(response))) => self.take(response),
                Ok(Ok(None)) => return "it ended the call".to_owned(),
                Ok(Err(status)) => return status.message().to_owned(),
                Err(_) => return "it fell silent".to_owned(),
            }
        }
    }

    fn take(&self, response: v1::WatchResponse) {
        let told = response.shards.into_iter().filter_map(|shard| wire::status(shard).ok());
        self.statuses.send_replace(told.collect());
    }
}
