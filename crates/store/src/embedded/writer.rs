//! The thread that writes.
//!
//! It takes whatever waits, applies it in one transaction that does not wait for the disk, and
//! answers. Watermarks wait for a durable commit, which happens at most once per interval, for
//! all shards together, or when too much is not durable yet.
//!
//! **Invariant:** an answer is sent after the commit it speaks of, and a watermark is written by
//! the commit that makes it durable, never before.

mod commits;
mod requests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flowmill_model::{ShardId, limits};
use tokio::sync::OwnedSemaphorePermit;

pub(super) use requests::{Change, Request, Requests};

use super::shared::Shared;
use super::unsynced;
use crate::contract::StoreError;
use crate::row::Watermark;
use commits::Commits;
use requests::{Answer, Message};

/// Starts the thread; the way to it, and the way to its end.
pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<(Requests, JoinHandle<()>)> {
    let (requests, messages) = Requests::channel();
    let writer = Writer {
        sync_interval: shared.opener().settings.sync_interval,
        commits: Commits::new(shared),
        watermarks: BTreeMap::new(),
        waiting: Vec::new(),
        last_sync: None,
        sync_failure: None,
    };
    let thread = thread::Builder::new().name("store-writer".into());
    Ok((requests, thread.spawn(move || writer.run(&messages))?))
}

struct Writer {
    commits: Commits,
    sync_interval: Duration,
    /// Watermarks for the next durable commit.
    watermarks: BTreeMap<ShardId, Watermark>,
    /// Who waits for it.
    waiting: Vec<Answer>,
    /// When a durable commit was last tried.
    last_sync: Option<Instant>,
    /// Why it failed, if it did.
    sync_failure: Option<StoreError>,
}

/// Changes that go into one transaction, with who waits for each.
#[derive(Default)]
struct Gathered {
    changes: Vec<Change>,
    answers: Vec<(Answer, OwnedSemaphorePermit)>,
    bytes: usize,
    check: bool,
    close: bool,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        while !self.turn(messages) {}
        if !self.commits.is_durable() || !self.waiting.is_empty() {
            self.sync();
        }
        self.commits.close();
    }

    /// Serves what waits, and says whether that was the last of it.
    fn turn(&mut self, messages: &Receiver<Message>) -> bool {
        let first = match self.until_sync() {
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(left) => messages.recv_timeout(left),
        };
        let gathered = match first {
            Ok(first) => self.gather(first, messages),
            Err(RecvTimeoutError::Timeout) => Gathered::default(),
            Err(RecvTimeoutError::Disconnected) => Gathered { close: true, ..Gathered::default() },
        };
        if gathered.check {
            self.commits.check();
        }
        let close = gathered.close;
        self.serve(gathered);
        if self.until_sync() == Some(Duration::ZERO) {
            self.sync();
        }
        close
    }

    /// How long until a durable commit is due; `None` while nobody wants one.
    fn until_sync(&self) -> Option<Duration> {
        let left = |last: Instant| self.sync_interval.saturating_sub(last.elapsed());
        let left = self.last_sync.map(left).unwrap_or_default();
        match self.commits.wants_sync() {
            true if self.sync_failure.is_none() => Some(Duration::ZERO),
            true => Some(left),
            false => (!self.waiting.is_empty()).then_some(left),
        }
    }

    fn gather(&mut self, first: Message, messages: &Receiver<Message>) -> Gathered {
        let mut gathered = Gathered::default();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Asked(Request::Change(change), answer, place) => {
                    gathered.add(change, answer, place);
                }
                Message::Asked(Request::Watermark(shard, watermark), answer, _) => {
                    self.raise(shard, watermark);
                    self.waiting.push(answer);
                }
                Message::Check => gathered.check = true,
                Message::Close => gathered.close = true,
            }
            let more = gathered.bytes < limits::STORE_GATHERED_BYTES && !gathered.close;
            next = more.then(|| messages.try_recv().ok()).flatten();
        }
        gathered
    }

    fn raise(&mut self, shard: ShardId, watermark: Watermark) {
        let highest = self.watermarks.entry(shard).or_insert(watermark);
        if watermark.version() >= highest.version() {
            *highest = watermark;
        }
    }

    fn serve(&mut self, gathered: Gathered) {
        let Gathered { changes, answers, bytes, .. } = gathered;
        if changes.is_empty() {
            return;
        }
        if let Err(error) = self.accepts(bytes) {
            return answers.into_iter().for_each(|(to, _)| answer(to, Err(error.clone())));
        }
        match self.commits.apply(&changes) {
            Ok(counts) => {
                self.commits.keep(changes.into_iter());
                answers.into_iter().zip(counts).for_each(|((to, _), count)| answer(to, Ok(count)));
            }
            Err(failure) if failure.needs_reopening() || changes.len() == 1 => {
                let error = failure.answer();
                answers.into_iter().for_each(|(to, _)| answer(to, Err(error.clone())));
            }
            Err(_) => self.serve_each(changes, answers),
        }
    }

    /// Refuses rows while the disk does not take those that are there.
    fn accepts(&mut self, bytes: usize) -> Result<(), StoreError> {
        match &self.sync_failure {
            Some(failure) if self.commits.wants_sync() => Err(failure.clone()),
            Some(_) | None => self.commits.ready(bytes),
        }
    }

    /// A damaged row fails only the change that needs it.
    fn serve_each(&mut self, changes: Vec<Change>, answers: Vec<(Answer, OwnedSemaphorePermit)>) {
        for (change, waiting) in changes.into_iter().zip(answers) {
            let alone =
                Gathered { changes: vec![change], answers: vec![waiting], ..Gathered::default() };
            self.serve(alone);
        }
    }

    fn sync(&mut self) {
        let outcome = self.commits.sync(&self.watermarks);
        self.sync_failure = outcome.as_ref().err().cloned();
        self.last_sync = Some(Instant::now());
        self.watermarks.clear();
        self.waiting.drain(..).for_each(|to| answer(to, outcome.clone().map(|()| 0)));
    }
}

impl Gathered {
    fn add(&mut self, change: Change, answer: Answer, place: OwnedSemaphorePermit) {
        self.bytes += match &change {
            Change::Write(_, write) => unsynced::bytes(write),
            Change::Purge(_) => 0,
        };
        self.changes.push(change);
        self.answers.push((answer, place));
    }
}

fn answer(to: Answer, outcome: Result<usize, StoreError>) {
    // The caller may have gone away; its change stands all the same.
    drop(to.send(outcome));
}
