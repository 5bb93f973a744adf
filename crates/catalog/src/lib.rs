//! The catalogue of deployed flows, as every node sees it.
//!
//! A [`Catalogue`] tails the `definitions` topic from its start, compiles each version once and
//! answers look-ups from memory. What is in it was committed by shard 0 and published; nothing is
//! decided here.
//!
//! **Invariant:** a version's content never changes: a second record of the same version carries
//! the same hash. A record that breaks this, or cannot be decoded, stops the reader.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flowmill_flow::{Flow, compile_deployed};
use flowmill_log::{Bounds, Log, Partition, ReadError, ReadLimit, Reader, Topic};
use flowmill_model::history::DefinitionRecord;
use flowmill_model::{ContentHash, FlowName, FlowVersion, Offset, ShardId, Version, envelope};
use parking_lot::RwLock;
use tokio::sync::watch;

/// One deployed version.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The record that made it known.
    pub record: Arc<DefinitionRecord>,
    /// The compiled flow.
    pub flow: Arc<Flow>,
}

/// What made a catalogue stop. Somebody must act.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The topic cannot be read.
    #[error("the definitions cannot be read")]
    Read(#[from] ReadError),
    /// A record is damaged, newer than this build, or holds a definition it cannot compile.
    #[error(
        "the record at offset {offset} of {} cannot be used by build {}: {reason}",
        definitions(),
        env!("CARGO_PKG_VERSION")
    )]
    Record {
        /// Its offset.
        offset: Offset,
        /// Why.
        reason: String,
    },
}

#[derive(Debug, Default)]
struct Versions {
    by_version: BTreeMap<Version, Deployed>,
    default: Option<(u64, Version)>,
}

/// The deployed flows. Cheap to clone; all clones see the same.
#[derive(Clone, Debug)]
pub struct Catalogue {
    flows: Arc<RwLock<BTreeMap<FlowName, Versions>>>,
    progress: watch::Receiver<Progress>,
}

#[derive(Clone, Debug)]
enum Progress {
    Next(Offset),
    Stopped(CatalogueError),
}

/// Pause before a topic that could not be read is read on.
const AGAIN: Duration = Duration::from_millis(500);

/// Records taken in one read.
const READ: ReadLimit =
    ReadLimit { records: NonZeroUsize::new(256).expect("not zero"), bytes: 8 * 1024 * 1024 };

impl Catalogue {
    /// Starts to follow the definitions of `log`, in a task of the current runtime that ends when
    /// the last clone is dropped.
    pub fn follow(log: &Arc<dyn Log>) -> Self {
        let (sender, progress) = watch::channel(Progress::Next(Offset::new(0)));
        let flows = Arc::new(RwLock::new(BTreeMap::new()));
        let catalogue = Self { flows: Arc::clone(&flows), progress };
        let reader = log.reader(&definitions(), Offset::new(0));
        flowmill_runtime::spawn("catalogue", tail(reader, flows, sender));
        catalogue
    }

    /// Waits until everything that is in the topic now has been taken in.
    pub async fn caught_up(&self, log: &Arc<dyn Log>) -> Result<(), CatalogueError> {
        let Bounds { end, .. } = log.bounds(&definitions()).await?;
        self.reached(end).await
    }

    /// Waits until every record below `next` has been taken in.
    pub async fn reached(&self, next: Offset) -> Result<(), CatalogueError> {
        let mut progress = self.progress.clone();
        let done = |progress: &Progress| match progress {
            Progress::Next(at) => *at >= next,
            Progress::Stopped(_) => true,
        };
        let closed = CatalogueError::Read(ReadError::Closed("the reader ended".into()));
        match &*progress.wait_for(done).await.map_err(|_| closed)? {
            Progress::Next(_) => Ok(()),
            Progress::Stopped(error) => Err(error.clone()),
        }
    }

    /// Waits until anything new has been taken in.
    pub async fn changed(&mut self) {
        // An ended reader never changes again; waiting for ever is the right answer then.
        if self.progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The version, if it is known with exactly this content.
    pub fn get(&self, version: &FlowVersion, hash: &ContentHash) -> Option<Deployed> {
        self.find(version).filter(|deployed| deployed.record.hash == *hash)
    }

    /// The version, if it is known.
    pub fn find(&self, version: &FlowVersion) -> Option<Deployed> {
        self.flows.read().get(&version.flow)?.by_version.get(&version.version).cloned()
    }

    /// The version a start without one gets: the last one deployed or activated.
    pub fn default_version(&self, flow: &FlowName) -> Option<Deployed> {
        let flows = self.flows.read();
        let versions = flows.get(flow)?;
        versions.by_version.get(&versions.default.as_ref()?.1).cloned()
    }

    /// Every version of a flow, in order of their names; empty when it is not known.
    pub fn versions(&self, flow: &FlowName) -> Vec<Deployed> {
        let flows = self.flows.read();
        flows.get(flow).map(|v| v.by_version.values().cloned().collect()).unwrap_or_default()
    }

    /// Every flow with its default version, in order of their names.
    pub fn flows(&self) -> Vec<Deployed> {
        let flows = self.flows.read();
        let default = |v: &Versions| v.by_version.get(&v.default.as_ref()?.1).cloned();
        flows.values().filter_map(default).collect()
    }

    /// Where executions of a flow live; `None` when it is not known.
    pub fn placement(&self, flow: &FlowName) -> Option<Vec<ShardId>> {
        self.default_version(flow).map(|deployed| deployed.record.placement.clone())
    }
}

fn definitions() -> Partition {
    Partition::new(Topic::Definitions, 0)
}

async fn tail(
    mut reader: Box<dyn Reader>,
    flows: Arc<RwLock<BTreeMap<FlowName, Versions>>>,
    progress: watch::Sender<Progress>,
) {
    loop {
        let taken = tokio::select! {
            biased;
            () = progress.closed() => return,
            read = reader.read(READ) => read.map_err(CatalogueError::from),
        }
        .and_then(|records| {
            records.iter().try_for_each(|fetched| {
                take(&flows, &fetched.record.value)
                    .map_err(|reason| CatalogueError::Record { offset: fetched.offset, reason })
            })
        });
        match taken {
            Ok(()) => {
                progress.send_replace(Progress::Next(reader.position()));
            }
            Err(CatalogueError::Read(ReadError::Unavailable(why))) => {
                tracing::warn!(why, "the definitions cannot be read for now");
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => {
                tracing::error!(%error, "the catalogue of flows stopped; deploys have no effect");
                progress.send_replace(Progress::Stopped(error));
                return;
            }
        }
    }
}

fn take(flows: &RwLock<BTreeMap<FlowName, Versions>>, bytes: &[u8]) -> Result<(), String> {
    let record: DefinitionRecord = envelope::decode(bytes).map_err(|error| error.to_string())?;
    let compiled = compile_deployed(record.source.as_bytes());
    let flow = compiled.map_err(|errors| {
        errors.first().map_or_else(|| "it does not compile".to_owned(), ToString::to_string)
    })?;
    let mut flows = flows.write();
    let versions = flows.entry(record.flow.flow.clone()).or_default();
    if let Some(known) = versions.by_version.get(&record.flow.version)
        && known.record.hash != record.hash
    {
        return Err(format!("{} is already known with other content", record.flow));
    }
    if versions.default.as_ref().is_none_or(|(activation, _)| *activation <= record.activation) {
        versions.default = Some((record.activation, record.flow.version.clone()));
    }
    let version = record.flow.version.clone();
    let deployed = Deployed { record: Arc::new(record), flow: Arc::new(flow) };
    versions.by_version.insert(version, deployed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use flowmill_log::{MemoryLog, Record, Retention, Survival, TopicSpec};

    use super::*;

    #[tokio::test]
    async fn a_record_that_cannot_be_read_stops_the_catalogue_and_is_named_with_its_place() {
        let log = MemoryLog::new();
        let (topic, retention) = (Topic::Definitions, Retention::Compacted);
        log.ensure(TopicSpec { topic, partitions: 1, retention, survival: Survival::Durable })
            .await
            .unwrap();
        log.append(&definitions(), Record::keyed("a/b/1.0.0", vec![12, 2, 0])).await.unwrap();
        let log: Arc<dyn Log> = Arc::new(log);
        let error = Catalogue::follow(&log).caught_up(&log).await.unwrap_err();
        let build = env!("CARGO_PKG_VERSION");
        let place = "the record at offset 0 of definitions[0] cannot be used by build";
        let why = "kind 12 has version 2, this build reads up to 1";
        assert_eq!(error.to_string(), format!("{place} {build}: {why}"));
    }
}
