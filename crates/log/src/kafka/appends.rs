//! Appends: which producer takes which records, and what an outcome means to the log.
//!
//! History has producers of its own, each for a few shards: when one is broken, only the shards
//! that share it claim again. There each record is a message set of its own, since a broker that
//! has a set already acknowledges it without an offset, and the library would count one up.
//! Inputs, outputs and what is only told have others, so that none waits behind another: a broker takes
//! one request of a connection at a time.

use flowmill_model::limits;
use futures::FutureExt;
use futures::future::ready;
use parking_lot::Mutex;

use super::catalogue::Catalogue;
use super::clients::{ClientError, Clients, Delivered, Outgoing, Producer, SendError, SendFuture};
use super::queries::Queries;
use crate::contract::{Append, AppendError, NotWritten, Record};
use crate::topic::{Partition, Topic};

/// Producers that history's partitions share.
const HISTORY_PRODUCERS: u16 = 4;

const HISTORY: &[(&str, &str)] = &[("batch.num.messages", "1")];

/// These are gone in days, and a broker unpacks every compressed set to number its records.
const PASSING: &[(&str, &str)] = &[("compression.codec", "none")];

/// Nobody's execution waits for these, so they gather company: a broker's work is by the request.
const NOTICES: &[(&str, &str)] = &[("linger.ms", "20")];

/// Appends of one log.
pub(super) struct Appends {
    clients: Clients,
    catalogue: Catalogue,
    queries: Queries,
    history: Vec<Slot>,
    inputs: Slot,
    outputs: Slot,
    notices: Slot,
}

/// A producer, made when it is needed first and again when it is broken.
struct Slot {
    purpose: String,
    extra: &'static [(&'static str, &'static str)],
    producer: Mutex<Option<Producer>>,
}

impl Appends {
    pub(super) fn new(clients: &Clients, catalogue: Catalogue, queries: Queries) -> Self {
        let history = (0..HISTORY_PRODUCERS).map(|n| Slot::new(&format!("history-{n}"), HISTORY));
        Self {
            clients: clients.clone(),
            catalogue,
            queries,
            history: history.collect(),
            inputs: Slot::new("inputs", PASSING),
            outputs: Slot::new("outputs", PASSING),
            notices: Slot::new("notices", NOTICES),
        }
    }

    pub(super) fn append(&self, to: &Partition, record: &Record) -> Append {
        match self.send(to, record) {
            Ok(sent) => async move { outcome(sent.await) }.boxed(),
            Err(refused) => refused,
        }
    }

    /// Gives a record to its producer, or says why not.
    fn send(&self, to: &Partition, record: &Record) -> Result<SendFuture, Append> {
        let (bytes, limit) = (record.bytes(), limits::RECORD_BYTES);
        if bytes > limit {
            return Err(refused(NotWritten::TooLarge { bytes, limit }));
        }
        if !self.catalogue.has(to) {
            return Err(self.unknown(to));
        }
        let topic = self.clients.settings().cluster.topic(&to.topic);
        let outgoing = Outgoing {
            topic: &topic,
            partition: Some(i32::from(to.number)),
            key: (!record.key.is_empty()).then_some(&record.key[..]),
            value: Some(&record.value),
            headers: &record.headers,
        };
        let slot = self.slot(to);
        slot.send(&self.clients, &outgoing).map_err(|error| match error {
            SendError::TooLarge => refused(NotWritten::TooLarge { bytes, limit }),
            SendError::NoSuchTopic => slot.learn(&topic),
            SendError::Busy { .. }
            | SendError::Refused(_)
            | SendError::Broken(_)
            | SendError::Unknown(_) => refused(NotWritten::Closed(error.to_string())),
        })
    }

    fn slot(&self, to: &Partition) -> &Slot {
        match &to.topic {
            Topic::History => &self.history[usize::from(to.number % HISTORY_PRODUCERS)],
            Topic::Commands | Topic::Results => &self.inputs,
            Topic::Tasks(_) | Topic::Definitions | Topic::Shards => &self.outputs,
            Topic::Lifecycle | Topic::DeadLetters => &self.notices,
        }
    }

    /// Refuses an append to a partition that was never seen, but not before the brokers were asked
    /// for it, so that the next one finds it if it was made by another node. This one must not be
    /// sent by then: later ones may have been.
    fn unknown(&self, to: &Partition) -> Append {
        let (seen, catalogue, to) = (self.queries.topics(), self.catalogue.clone(), to.clone());
        let answer = async move {
            let why = if seen.await.is_ok() && catalogue.has(&to) {
                NotWritten::Closed(format!("{to} was made a moment ago; try again"))
            } else {
                NotWritten::NoSuchPartition(to)
            };
            Err(AppendError::NotWritten(why))
        };
        answer.boxed()
    }
}

impl Slot {
    fn new(purpose: &str, extra: &'static [(&'static str, &'static str)]) -> Self {
        Self { purpose: purpose.to_owned(), extra, producer: Mutex::new(None) }
    }

    /// Sends with this slot's producer, or with a new one when that is broken.
    fn send(&self, clients: &Clients, outgoing: &Outgoing<'_>) -> Result<SendFuture, SendError> {
        let mut slot = self.producer.lock();
        let refused = |error: ClientError| SendError::Refused(error.to_string());
        let producer = self.present(&mut slot, clients).map_err(refused)?;
        match producer.send(outgoing) {
            Err(SendError::Broken(why)) => {
                tracing::warn!(producer = self.purpose, why, "a producer is made anew");
                *slot = None;
                self.present(&mut slot, clients).map_err(refused)?.send(outgoing)
            }
            sent => sent,
        }
    }

    fn present<'a>(
        &self,
        slot: &'a mut Option<Producer>,
        clients: &Clients,
    ) -> Result<&'a Producer, ClientError> {
        match slot {
            Some(producer) => Ok(producer),
            None => Ok(slot.insert(clients.producer(&self.purpose, self.extra)?)),
        }
    }

    /// Refuses an append to a partition that the producer has not heard of yet, and lets it ask.
    fn learn(&self, topic: &str) -> Append {
        let why = format!("a partition of {topic} is not known to the client yet; try again");
        if let Some(producer) = self.producer.lock().clone() {
            let topic = topic.to_owned();
            let asking = std::thread::Builder::new().name("kafka-learn".to_owned());
            drop(asking.spawn(move || producer.learn(&topic)));
        }
        refused(NotWritten::Closed(why))
    }
}

fn refused(why: NotWritten) -> Append {
    ready(Err(AppendError::NotWritten(why))).boxed()
}

/// What the log says to a delivery report. The library repeats requests, so that hardly any error
/// proves that no copy was written before.
fn outcome(sent: Result<Delivered, SendError>) -> Result<flowmill_model::Offset, AppendError> {
    match sent {
        Ok(Delivered { offset: Some(offset), .. }) => Ok(offset),
        Ok(Delivered { offset: None, .. }) => {
            Err(AppendError::Unknown("the acknowledgement has no offset".to_owned()))
        }
        Err(error) => Err(AppendError::Unknown(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use flowmill_model::Offset;

    use super::*;

    #[test]
    fn only_an_offset_is_an_acknowledgement() {
        let at = |offset| Ok(Delivered { partition: 0, offset });
        assert_eq!(outcome(at(Some(Offset::new(7)))), Ok(Offset::new(7)));
        for not in [at(None), Err(SendError::NoSuchTopic), Err(SendError::Unknown("late".into()))] {
            assert!(matches!(outcome(not), Err(AppendError::Unknown(_))));
        }
    }
}
