//! How long a connection may take to be made, per call.
//!
//! The client is one for all calls, and has one such time for all of them; a node may ask for a
//! shorter one. The time travels with the task that makes the call, and the connector, which that
//! task polls, reads it there.

use std::task::{Context, Poll};
use std::time::Duration;

use flowmill_model::limits;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::timeout;
use tower::{Layer, Service};

tokio::task_local! {
    static WITHIN: Duration;
}

/// The connection was not made in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no connection within {} ms", .0.as_millis())]
pub(crate) struct NoConnection(Duration);

/// Runs a call whose connection may take this long.
pub(crate) async fn within<T>(time: Duration, call: impl Future<Output = T>) -> T {
    WITHIN.scope(time.min(limits::CONNECT_WAIT), call).await
}

/// Bounds the time that a connector takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectInTime;

/// A connector whose time is bounded.
#[derive(Clone, Debug)]
pub(crate) struct Timed<S>(S);

impl<S> Layer<S> for ConnectInTime {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed(inner)
    }
}

impl<S, R> Service<R> for Timed<S>
where
    S: Service<R, Error = tower::BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = tower::BoxError;
    type Future = BoxFuture<'static, Result<S::Response, tower::BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), tower::BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let within = WITHIN.try_with(|time| *time).unwrap_or(limits::CONNECT_WAIT);
        let connecting = self.0.call(request);
        async move {
            match timeout(within, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(NoConnection(within).into()),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    async fn check(asked: Duration, expect: Duration) {
        let never =
            tower::service_fn(|()| futures::future::pending::<Result<(), tower::BoxError>>());
        let before = tokio::time::Instant::now();
        let error = within(asked, ConnectInTime.layer(never).oneshot(())).await.expect_err("never");
        assert_eq!(before.elapsed(), expect);
        assert_eq!(error.downcast_ref::<NoConnection>(), Some(&NoConnection(expect)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_take_as_long_as_its_call_says_within_the_limit() {
        check(Duration::from_millis(50), Duration::from_millis(50)).await;
        check(limits::CONNECT_WAIT * 2, limits::CONNECT_WAIT).await;
    }
}
