//! Asks the brokers where partitions begin and end, and which topics there are.
//!
//! One thread asks, so that the callers' number does not matter: asks for the same partition that
//! wait together are answered by one request that began after all of them. While the brokers do
//! not answer, it goes on asking for as long as somebody waits.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use flowmill_model::Offset;
use futures::channel::oneshot;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::catalogue::Catalogue;
use super::clients::{ClientError, Clients, Context};
use super::error::is_unknown_topic;
use super::settings::ClusterName;
use super::topics::Overview;
use crate::contract::{Bounds, ReadError};
use crate::topic::Partition;

/// How long one request may take. Behind it others wait.
const ANSWER: Duration = Duration::from_secs(2);

/// Pause before asks that got no answer are tried again.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// How often the topics are looked at unasked.
const LOOK: Duration = Duration::from_secs(30);

/// How long the thread waits for an ask before it serves the client.
const SERVE: Duration = Duration::from_millis(500);

/// The outcome of asking for a partition's bounds.
pub(super) type BoundsAnswer = Result<Bounds, ReadError>;

enum Ask {
    Bounds(Partition, oneshot::Sender<BoundsAnswer>),
    Topics(oneshot::Sender<()>),
}

/// Takes asks. Clones share the thread, which ends with the last.
#[derive(Clone)]
pub(super) struct Queries(Sender<Ask>);

impl Queries {
    pub(super) fn start(clients: &Clients, catalogue: Catalogue) -> Result<Self, ClientError> {
        let asker = clients.asker("queries")?;
        let cluster = clients.settings().cluster.clone();
        let (asks, asked) = channel();
        let thread = Thread { asker, cluster, catalogue, waiting: BTreeMap::new(), looked: None };
        std::thread::Builder::new()
            .name("kafka-queries".to_owned())
            .spawn(move || thread.run(&asked))
            .map_err(|error| ClientError::Made(error.to_string()))?;
        Ok(Self(asks))
    }

    /// Asks where a partition begins and ends. The answer is of a time after the call.
    pub(super) fn bounds(&self, of: &Partition) -> oneshot::Receiver<BoundsAnswer> {
        let (answer, answered) = oneshot::channel();
        // A thread that is gone drops the answer, which is noticed.
        drop(self.0.send(Ask::Bounds(of.clone(), answer)));
        answered
    }

    /// Asks which topics there are; the catalogue knows once it is answered.
    pub(super) fn topics(&self) -> oneshot::Receiver<()> {
        let (answer, answered) = oneshot::channel();
        drop(self.0.send(Ask::Topics(answer)));
        answered
    }
}

struct Thread {
    asker: BaseConsumer<Context>,
    cluster: ClusterName,
    catalogue: Catalogue,
    waiting: BTreeMap<Partition, Vec<oneshot::Sender<BoundsAnswer>>>,
    looked: Option<Instant>,
}

impl Thread {
    fn run(mut self, asked: &Receiver<Ask>) {
        loop {
            let patience = if self.waiting.is_empty() { SERVE } else { TRY_AGAIN };
            match asked.recv_timeout(patience) {
                Ok(ask) => self.take([ask].into_iter().chain(asked.try_iter())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.answer();
            if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                self.look();
            }
            self.asker.context().tend(self.asker.client());
            // Log lines and errors are only told to who polls.
            while self.asker.poll(Duration::ZERO).is_some() {}
        }
    }

    fn take(&mut self, asks: impl Iterator<Item = Ask>) {
        let mut curious = Vec::new();
        for ask in asks {
            match ask {
                Ask::Bounds(of, answer) => self.waiting.entry(of).or_default().push(answer),
                Ask::Topics(answer) => curious.push(answer),
            }
        }
        if !curious.is_empty() && self.look().is_some() {
            // Who is not there any more need not know.
            curious.into_iter().for_each(|answer| answer.send(()).unwrap_or_default());
        }
    }

    /// Answers what can be answered; the rest waits on.
    fn answer(&mut self) {
        for (of, mut answers) in std::mem::take(&mut self.waiting) {
            answers.retain(|answer| !answer.is_canceled());
            if answers.is_empty() {
                continue;
            }
            let Some(bounds) = self.bounds(&of) else {
                self.waiting.entry(of).or_default().extend(answers);
                continue;
            };
            for answer in answers {
                drop(answer.send(bounds.clone()));
            }
        }
    }

    /// Where a partition begins and ends; nothing when nobody answers.
    fn bounds(&mut self, of: &Partition) -> Option<BoundsAnswer> {
        if !self.catalogue.has(of) && !Self::shows(&self.look()?, &self.cluster, of) {
            return Some(Err(ReadError::NoSuchPartition(of.clone())));
        }
        let topic = self.cluster.topic(&of.topic);
        match self.asker.fetch_watermarks(&topic, i32::from(of.number), ANSWER) {
            Ok((start, end)) => {
                let offset = |at| Some(Offset::new(u64::try_from(at).ok()?));
                Some(Ok(Bounds { start: offset(start)?, end: offset(end)? }))
            }
            Err(error) => {
                tracing::debug!(partition = %of, %error, "no bounds yet");
                let gone =
                    is_unknown_topic(&error) && !Self::shows(&self.look()?, &self.cluster, of);
                gone.then(|| Err(ReadError::NoSuchPartition(of.clone())))
            }
        }
    }

    fn shows(overview: &Overview, cluster: &ClusterName, partition: &Partition) -> bool {
        partition.number < overview.partitions(&cluster.topic(&partition.topic))
    }

    /// Looks at all topics; nothing when nobody answers.
    fn look(&mut self) -> Option<Overview> {
        self.looked = Some(Instant::now());
        match self.asker.fetch_metadata(None, ANSWER) {
            Ok(metadata) => {
                let overview = Overview::of(&metadata);
                self.catalogue.learn(&self.cluster, &overview);
                Some(overview)
            }
            Err(error) => {
                tracing::debug!(%error, "topics cannot be listed now");
                None
            }
        }
    }
}
