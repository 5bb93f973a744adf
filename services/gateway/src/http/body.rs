//! Reads request bodies: bounded in size, in time, and in memory over all requests.
//!
//! A body is read whole before anything else looks at the request, so that slow and oversized
//! ones are dealt with in one place. Memory is taken as bytes arrive: a client that only
//! promises a large body takes nothing from others.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use flowmill_model::{ErrorCode, limits};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Refusal;

/// Bytes of any body. Both kinds that there are have this limit.
const BODY_BYTES: usize = if limits::DEFINITION_BYTES > limits::PAYLOAD_BYTES {
    limits::DEFINITION_BYTES
} else {
    limits::PAYLOAD_BYTES
};

/// A request's body. Holds its share of the memory for bodies until it is dropped.
#[derive(Clone, Default)]
pub(super) struct Content {
    bytes: Bytes,
    share: Option<Arc<OwnedSemaphorePermit>>,
}

impl Content {
    /// The bytes, and what must be kept as long as they are.
    pub(super) fn into_parts(self) -> (Bytes, Option<Arc<OwnedSemaphorePermit>>) {
        (self.bytes, self.share)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Content {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.remove().unwrap_or_default())
    }
}

/// Reads the body and puts it where [`Content`] takes it from.
pub(super) async fn read(memory: &Arc<Semaphore>, request: Request) -> Result<Request, Refusal> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let reading = tokio::time::timeout(limits::HTTP_BODY_WAIT, read_all(memory, &parts, body));
    let content = reading.await.map_err(|_| too_slow())??;
    parts.extensions.insert(content);
    Ok(Request::from_parts(parts, Body::empty()))
}

async fn read_all(memory: &Arc<Semaphore>, parts: &Parts, body: Body) -> Result<Content, Refusal> {
    let announced = announced_bytes(parts);
    let mut stream = body.into_data_stream();
    if announced.is_some_and(|bytes| bytes > BODY_BYTES) {
        // A client that waits for a "continue" has sent nothing and needs nothing dropped.
        if !parts.headers.contains_key(EXPECT) {
            drop_rest(&mut stream, 0).await;
        }
        return Err(too_large());
    }
    let mut bytes = BytesMut::with_capacity(announced.unwrap_or_default());
    let mut share: Option<OwnedSemaphorePermit> = None;
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_| Refusal::bad_request("the body breaks off or is malformed"))?;
        if bytes.len() + chunk.len() > BODY_BYTES {
            drop_rest(&mut stream, bytes.len() + chunk.len()).await;
            return Err(too_large());
        }
        let taken = take(memory, chunk.len())?;
        match &mut share {
            None => share = Some(taken),
            Some(share) => share.merge(taken),
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Content { bytes: bytes.freeze(), share: share.map(Arc::new) })
}

fn announced_bytes(parts: &Parts) -> Option<usize> {
    parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn take(memory: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
    Arc::clone(memory).try_acquire_many_owned(permits).map_err(|_| {
        let detail = "the gateway holds as many request bodies as it may; try again";
        Refusal::new(ErrorCode::Overloaded, detail)
    })
}

/// Reads on and drops, so that the client has sent its body when the answer comes. A connection
/// closed on unread bytes is reset, and the answer with it.
async fn drop_rest(stream: &mut BodyDataStream, mut dropped: usize) {
    while dropped <= limits::HTTP_DROPPED_BYTES
        && let Some(Ok(chunk)) = stream.next().await
    {
        dropped += chunk.len();
    }
}

fn too_large() -> Refusal {
    Refusal::new(ErrorCode::TooLarge, format!("a body has at most {BODY_BYTES} bytes"))
}

fn too_slow() -> Refusal {
    let seconds = limits::HTTP_BODY_WAIT.as_secs();
    Refusal::new(ErrorCode::Timeout, format!("the body did not arrive within {seconds} seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &'static str) -> Request {
        Request::new(Body::from_stream(futures::stream::iter([Ok::<_, Infallible>(body)])))
    }

    #[tokio::test]
    async fn bodies_share_a_bounded_memory_and_give_it_back() {
        let memory = Arc::new(Semaphore::new(5));
        let held = read(&memory, request("1234")).await.unwrap();
        assert_eq!(memory.available_permits(), 1);
        let refused = read(&memory, request("12")).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        assert_eq!(memory.available_permits(), 1);
        drop(held);
        assert_eq!(memory.available_permits(), 5);
        read(&memory, request("12")).await.unwrap();
    }

    #[tokio::test]
    async fn a_body_without_bytes_takes_nothing() {
        let memory = Arc::new(Semaphore::new(0));
        let request = read(&memory, Request::new(Body::empty())).await.unwrap();
        let (mut parts, _) = request.into_parts();
        let content = Content::from_request_parts(&mut parts, &()).await.unwrap();
        assert!(content.is_empty());
    }
}
