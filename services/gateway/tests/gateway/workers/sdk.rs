//! The SDK's remote worker against the gateway.

use std::time::Duration;

use flowmill_model::ErrorCode;
use flowmill_model::task::Outcome;
use flowmill_runtime::spawn;
use flowmill_worker_sdk::{Drained, RemoteBuilder, RemoteWorker, TaskContext, TaskError};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, Shop, completed, task};

impl Shop {
    fn remote(&self) -> RemoteBuilder {
        RemoteWorker::builder(&format!("http://{}", self.served.address)).name("sdk")
    }
}

/// A worker that runs.
struct Running {
    stop: CancellationToken,
    ended: JoinHandle<Drained>,
}

impl Running {
    fn start(builder: RemoteBuilder) -> Self {
        let (worker, stop) = (builder.build().unwrap(), CancellationToken::new());
        let ended = spawn("worker", worker.run(stop.clone().cancelled_owned()));
        Self { stop, ended }
    }

    async fn end(self) -> Drained {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it ends in time").unwrap()
    }
}

#[tokio::test]
async fn a_handler_of_the_sdk_runs_what_a_gateway_lends() {
    let mut shop = Shop::open().await;
    let handler = |context: TaskContext, order: Value| async move {
        match order["number"].as_u64() {
            Some(1) => Err(TaskError::from(std::io::Error::other("disk gone"))),
            Some(2) => Err(TaskError::later(Duration::from_millis(700))),
            _ => Ok(json!({ "key": context.idempotency_key() })),
        }
    };
    let worker = Running::start(shop.remote().task("charge", handler));
    shop.put(&task(0)).await;
    let output = format!("{{\"key\":\"{}\"}}", task(0).idempotency_key());
    assert_eq!(shop.result(0).await.outcome, Outcome::Completed(output.into_bytes().into()));
    shop.put(&task(1)).await;
    let Outcome::Failed(failure) = shop.result(0).await.outcome else { panic!("a failure") };
    assert!(failure.retryable);
    assert_eq!(failure.problem.detail.as_deref(), Some("disk gone"));
    assert_eq!(failure.problem.kind, ErrorCode::TaskFailed.type_uri());
    shop.put(&task(2)).await;
    assert_eq!(shop.result(0).await.outcome, Outcome::Later(700));
    assert_eq!(worker.end().await, Drained { given_up: 0 });
    let workers = shop.served.rig.gateway.workers();
    assert_eq!((workers[0].name.as_str(), workers[0].running), ("sdk", 0));
}

#[tokio::test]
async fn a_remote_worker_that_ends_finishes_what_runs() {
    let mut shop = Shop::open().await;
    let (began, go_on) = (CancellationToken::new(), CancellationToken::new());
    let inner = (began.clone(), go_on.clone());
    let handler = move |_: TaskContext, _: Value| {
        let (began, go_on) = inner.clone();
        async move {
            began.cancel();
            go_on.cancelled().await;
            Ok(1)
        }
    };
    let worker = Running::start(shop.remote().task("charge", handler));
    shop.put(&task(0)).await;
    tokio::time::timeout(PATIENCE, began.cancelled()).await.expect("it begins");
    worker.stop.cancel();
    go_on.cancel();
    assert_eq!(worker.end().await, Drained { given_up: 0 });
    assert_eq!(shop.result(0).await.outcome, completed("1"));
}

#[tokio::test]
async fn a_remote_worker_outlives_its_gateway() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let handler = |_: TaskContext, _: Value| async move { Ok(2) };
    let builder = RemoteWorker::builder(&format!("http://{address}")).task("charge", handler);
    let worker = Running::start(builder);
    let mut shop = Shop::open().await;
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let gateway = shop.another_gateway().await;
    spawn("serve", flowmill_gateway::serve(listener, gateway, std::future::pending()));
    shop.put(&task(0)).await;
    assert_eq!(shop.result(0).await.outcome, completed("2"));
    worker.end().await;
}

#[tokio::test]
async fn a_remote_worker_that_cannot_work_is_refused() {
    let handler = |_: TaskContext, input: Value| async move { Ok(input) };
    let refused = |builder: RemoteBuilder| builder.build().unwrap_err().to_string();
    let good = || RemoteWorker::builder("http://127.0.0.1:1");
    assert!(refused(good()).contains("give it a handler"));
    assert!(refused(good().task("a", handler).task("a", handler)).contains("two handlers"));
    assert!(
        refused(RemoteWorker::builder("not an address").task("a", handler)).contains("address")
    );
    assert!(refused(good().api_token("a\nb").task("a", handler)).contains("token"));
    assert!(refused(good().weight(101).task("a", handler)).contains("weight 101"));
    assert!(good().weight(100).task("a", handler).build().is_ok());
}
