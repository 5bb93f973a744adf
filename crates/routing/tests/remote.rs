//! Two nodes and real connections between them: who is asked, what is answered, and what happens
//! when the owner is gone.

#![cfg(test)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::{Log, MemoryLog, Partition, Record, Retention, Survival, Topic, TopicSpec};
use flowmill_model::shard::ShardAnnouncement;
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowVersion, Offset, Payload, Sequence, ShardId, Timestamp,
    Version, envelope,
};
use flowmill_routing::{
    AskError, ClusterToken, CommandOutcome, Directory, ExecutionView, HistoryPage, Inbox, Owners,
    Peers, Position, Request, ShardServer, ShardState, ShardStatus, Trust,
};
use flowmill_store::Status;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

const SHARD: ShardId = ShardId::new(3);

/// A shard that the owner could not claim, so that it is not announced.
const HALTED: ShardId = ShardId::new(4);
const WITHIN: Duration = Duration::from_secs(10);

fn execution() -> ExecutionId {
    ExecutionId::new(SHARD, 7)
}

fn view(id: ExecutionId) -> ExecutionView {
    ExecutionView {
        id,
        flow: FlowVersion {
            flow: "shop/orders".parse().unwrap(),
            version: Version::new("1.0.0").unwrap(),
        },
        status: Status::Completed,
        input: Payload::from("{\"n\":1}"),
        output: Some(Payload::from("2")),
        error: None,
        started_at: Timestamp::from_millis(1),
        ended_at: Some(Timestamp::from_millis(2)),
        pending: vec![],
    }
}

/// Answers every question as an owner would that knows one execution.
async fn answer(mut inbox: Inbox) {
    while let Some(request) = inbox.requests.recv().await {
        let known = request.execution() == execution();
        match request {
            Request::Read { execution, reply, .. } => {
                drop(reply.send(known.then(|| view(execution))));
            }
            Request::Ended { execution, reply, .. } => {
                drop(reply.send(known.then(|| view(execution))));
            }
            Request::History { reply, .. } => {
                drop(reply.send(known.then(|| HistoryPage { events: vec![], next: None })));
            }
            Request::Outcome { of, reply } if of.offset == Offset::new(1) => {
                drop(reply.send(CommandOutcome::Refused("no".into())));
            }
            Request::Outcome { .. } => {}
            Request::Resume { reply, .. } => {
                let state = ShardState::Claiming;
                inbox.status.send_replace(ShardStatus { state, ..ShardStatus::default() });
                reply.send(()).unwrap();
            }
        }
    }
}

/// A node that owns the shard under an epoch.
struct Owner {
    address: SocketAddr,
    /// Of its own, so that its connections end with it.
    runtime: Option<Runtime>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Owner {
    async fn start(epoch: u64, token: Option<&str>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let token = token.map(str::to_owned);
        let starting = runtime.spawn(async move { Self::serve(epoch, token.as_deref()).await });
        Self { address: starting.await.unwrap(), runtime: Some(runtime) }
    }

    async fn serve(epoch: u64, token: Option<&str>) -> SocketAddr {
        let owners = Owners::default();
        let inbox = owners.register(SHARD);
        let state = ShardState::Open;
        inbox.status.send_replace(ShardStatus { state, epoch, ..ShardStatus::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = ShardServer::service(&owners, trust(token));
        let serving = async move {
            let incoming = TcpIncoming::from(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        };
        flowmill_runtime::spawn("server", serving);
        flowmill_runtime::spawn("owner", answer(inbox));
        let halted = owners.register(HALTED);
        let state = ShardState::Halted("it is broken".to_owned());
        halted.status.send_replace(ShardStatus { state, ..ShardStatus::default() });
        flowmill_runtime::spawn("halted", answer(halted));
        address
    }
}

fn trust(token: Option<&str>) -> Trust {
    Trust::of(token.map(|token| ClusterToken::new(token).unwrap()))
}

/// A node that asks.
struct Asker {
    log: Arc<dyn Log>,
    owners: Owners,
    directory: Directory,
    _peers: Peers,
}

impl Asker {
    async fn start(token: Option<&str>) -> Self {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        let spec = TopicSpec {
            topic: Topic::Shards,
            partitions: 1,
            retention: Retention::Compacted,
            survival: Survival::Durable,
        };
        log.ensure(spec).await.unwrap();
        let (owners, directory) = (Owners::default(), Directory::follow(&log));
        let peers = Peers::keep(owners.clone(), directory.clone(), None, trust(token));
        Self { log, owners, directory, _peers: peers }
    }

    async fn learn(&self, epoch: u64, address: SocketAddr) {
        let announcement = ShardAnnouncement {
            shard: SHARD,
            epoch: Epoch::new(epoch),
            mark_found: BatchNumber::new(0),
            node: "owner".into(),
            address: Some(format!("http://{address}")),
            format: 1,
        };
        let record = Record::keyed(announcement.key(), envelope::encode(&announcement));
        self.log.append(&Partition::new(Topic::Shards, 0), record).await.unwrap();
        self.directory.caught_up(&self.log).await.unwrap();
    }

    /// Asks until the answer is what is expected.
    async fn reads(&self, expect: impl Fn(Result<Option<ExecutionView>, AskError>) -> bool) {
        let asking = async {
            while !expect(self.owners.read(execution(), None, WITHIN).await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(WITHIN, asking).await.expect("the expected answer comes");
    }
}

#[tokio::test]
async fn every_question_is_answered_by_the_owner_elsewhere() {
    let (owner, asker) = (Owner::start(1, None).await, Asker::start(None).await);
    let nobody = asker.owners.read(execution(), None, WITHIN).await;
    assert_eq!(nobody, Err(AskError::NoOwner(SHARD)));
    asker.learn(1, owner.address).await;
    asker.reads(|answer| answer == Ok(Some(view(execution())))).await;

    let owners = &asker.owners;
    let stranger = ExecutionId::new(SHARD, 8);
    assert_eq!(owners.read(stranger, None, WITHIN).await, Ok(None));
    let after = Some(Position { shard: SHARD, offset: Offset::new(9) });
    assert_eq!(owners.ended(execution(), after, WITHIN).await, Ok(Some(view(execution()))));
    let first = Sequence::new(0);
    let page = owners.history(execution(), first, 10, WITHIN).await;
    assert_eq!(page, Ok(Some(HistoryPage { events: vec![], next: None })));
    assert_eq!(owners.history(stranger, first, 10, WITHIN).await, Ok(None));
    let of = Position { shard: SHARD, offset: Offset::new(1) };
    assert_eq!(owners.outcome(of, WITHIN).await, Ok(CommandOutcome::Refused("no".into())));
    let silent = Position { shard: SHARD, offset: Offset::new(2) };
    let moved = owners.outcome(silent, WITHIN).await;
    assert_eq!(moved, Err(AskError::Moved(SHARD)), "the owner drops the question");
}

#[tokio::test]
async fn the_state_of_a_shard_elsewhere_is_followed() {
    let (owner, asker) = (Owner::start(5, None).await, Asker::start(None).await);
    asker.learn(5, owner.address).await;
    let known = async {
        while asker.owners.status(SHARD).is_none_or(|s| s.state != ShardState::Open) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WITHIN, known).await.expect("the state becomes known");
    assert_eq!(asker.owners.status(SHARD).unwrap().epoch, 5);
    drop(owner);
    let lost = async {
        while asker.owners.status(SHARD).is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WITHIN, lost).await.expect("a node that is gone has no state");
}

#[tokio::test]
async fn a_shard_that_is_halted_elsewhere_is_known_and_resumed_there() {
    let (owner, asker) = (Owner::start(5, None).await, Asker::start(None).await);
    let owners = &asker.owners;
    assert_eq!(owners.resume(HALTED, WITHIN).await, Err(AskError::NoOwner(HALTED)));
    asker.learn(5, owner.address).await;
    let halted = |is: bool| async move {
        let known = async {
            while owners.statuses().get(&HALTED).is_some_and(ShardStatus::is_halted) != is {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(WITHIN, known).await.expect("the state becomes known");
    };
    halted(true).await;
    assert_eq!(owners.resume(HALTED, WITHIN).await, Ok(()));
    halted(false).await;
}

#[tokio::test]
async fn a_newer_owner_is_asked_as_soon_as_it_is_announced() {
    let (first, second) = (Owner::start(1, None).await, Owner::start(2, None).await);
    let asker = Asker::start(None).await;
    asker.learn(1, first.address).await;
    asker.reads(|answer| answer.is_ok()).await;
    drop(first);
    asker.reads(|answer| answer == Err(AskError::Moved(SHARD))).await;
    asker.learn(2, second.address).await;
    asker.reads(|answer| answer.is_ok()).await;
    asker.learn(1, "127.0.0.1:1".parse().unwrap()).await;
    asker.reads(|answer| answer.is_ok()).await;
}

#[tokio::test]
async fn of_an_owner_here_and_one_elsewhere_the_later_one_is_asked() {
    let (elsewhere, asker) = (Owner::start(4, None).await, Asker::start(None).await);
    asker.learn(4, elsewhere.address).await;
    asker.reads(|answer| answer.is_ok()).await;
    let inbox = asker.owners.register(SHARD);
    inbox.status.send_replace(ShardStatus { epoch: 3, ..ShardStatus::default() });
    asker.reads(|answer| answer.is_ok()).await;
    inbox.status.send_replace(ShardStatus { epoch: 5, ..ShardStatus::default() });
    let short = Duration::from_millis(20);
    let here = asker.owners.read(execution(), None, short).await;
    assert_eq!(here, Err(AskError::TimedOut(SHARD)), "nobody answers here");
    drop(inbox);
    asker.reads(|answer| answer.is_ok()).await;
}

#[tokio::test]
async fn a_node_without_the_token_is_told_nothing() {
    let owner = Owner::start(1, Some("0123456789abcdef")).await;
    for wrong in [None, Some("0123456789abcdeF")] {
        let asker = Asker::start(wrong).await;
        asker.learn(1, owner.address).await;
        asker.reads(|answer| answer == Err(AskError::NoOwner(SHARD))).await;
        assert_eq!(asker.owners.status(SHARD), None);
    }
    let asker = Asker::start(Some("0123456789abcdef")).await;
    asker.learn(1, owner.address).await;
    asker.reads(|answer| answer.is_ok()).await;
}
