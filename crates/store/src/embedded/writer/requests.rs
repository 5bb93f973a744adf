//! What the writer is asked, and the way to it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use flowmill_model::{ShardId, limits};
use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::contract::{StoreError, StoreFuture};
use crate::embedded::closed;
use crate::row::{Purge, Watermark, Write};

/// Where an answer goes: how many rows the change concerned. Nobody may be listening any more.
pub(in crate::embedded) type Answer = oneshot::Sender<Result<usize, StoreError>>;

/// A change of rows.
#[derive(Debug)]
pub(in crate::embedded) enum Change {
    Write(ShardId, Write),
    Purge(Purge),
}

/// What the writer is asked to do.
#[derive(Debug)]
pub(in crate::embedded) enum Request {
    Change(Change),
    Watermark(ShardId, Watermark),
}

/// What reaches the writer.
#[derive(Debug)]
pub(super) enum Message {
    /// Somebody waits. The permit is the caller's place in the queue.
    Asked(Request, Answer, OwnedSemaphorePermit),
    /// A read failed so that the file may have to be opened anew.
    Check,
    /// Make everything durable and end.
    Close,
}

/// The way to the writer. Callers wait for one of a bounded number of places.
#[derive(Clone, Debug)]
pub(in crate::embedded) struct Requests {
    sender: Sender<Message>,
    places: Arc<Semaphore>,
}

impl Requests {
    /// A way and its end.
    pub(super) fn channel() -> (Self, Receiver<Message>) {
        let (sender, receiver) = mpsc::channel();
        let places = Arc::new(Semaphore::new(limits::STORE_WAITING_CHANGES));
        (Self { sender, places }, receiver)
    }

    /// Asks, and gives the answer.
    pub(in crate::embedded) fn ask(&self, request: Request) -> StoreFuture<usize> {
        let (way, (answer, answered)) = (self.clone(), oneshot::channel());
        async move {
            let place = way.places.acquire_owned().await.map_err(|_| closed())?;
            let message = Message::Asked(request, answer, place);
            way.sender.send(message).map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        }
        .boxed()
    }

    /// Says that a read failed so that the file may have to be opened anew.
    pub(in crate::embedded) fn check(&self) {
        self.tell(Message::Check);
    }

    /// Tells the writer to end.
    pub(in crate::embedded) fn close(&self) {
        self.tell(Message::Close);
    }

    fn tell(&self, message: Message) {
        // A writer that has ended needs to be told nothing.
        drop(self.sender.send(message));
    }
}
