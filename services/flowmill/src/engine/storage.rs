//! Where the data is: the log's folder and the store's file in one data folder, or memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use flowmill_log::embedded::Durability;
use flowmill_log::kafka::Clients;
use flowmill_log::{EmbeddedLog, Log, MemoryLog};
use flowmill_store::Store;
use flowmill_store::embedded::EmbeddedStore;
use flowmill_store::memory::MemoryStore;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often whether somebody else still holds the data is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How long clients of Kafka may take to leave.
const CLIENTS_WITHIN: Duration = Duration::from_secs(3);

/// Where an engine's data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DataFolder {
    /// In a folder, which is made when there is none. Other files in it are left alone.
    Path(PathBuf),
    /// In a folder that is removed at the end.
    Temporary,
    /// Nowhere: it is gone with the process.
    Memory,
}

/// Open data.
pub(crate) struct Storage {
    log: Arc<dyn Log>,
    store: Arc<dyn Store>,
    /// Clients of Kafka that are still to leave their groups once nobody holds the log.
    leaving: Option<Clients>,
    /// Removed when everything in it is closed.
    _temporary: Option<TempDir>,
}

impl Storage {
    /// Opens the data, or makes it.
    ///
    /// # Errors
    /// When another process uses it, or it is damaged or of a newer version.
    pub(crate) async fn open(data: DataFolder, durability: Durability) -> anyhow::Result<Self> {
        match data {
            DataFolder::Memory => {
                let (log, store) = (Arc::new(MemoryLog::new()), Arc::new(MemoryStore::new()));
                Ok(Self { log, store, leaving: None, _temporary: None })
            }
            DataFolder::Temporary => {
                let folder = tempfile::Builder::new().prefix("flowmill-").tempdir();
                let folder = folder.context("no temporary folder can be made")?;
                open_folder(folder.path().to_owned(), durability, Some(folder)).await
            }
            DataFolder::Path(path) => open_folder(path, durability, None).await,
        }
    }

    /// A log and a store that are elsewhere.
    pub(crate) const fn of(log: Arc<dyn Log>, store: Arc<dyn Store>) -> Self {
        Self { log, store, leaving: None, _temporary: None }
    }

    /// The same, with clients to wait for at the end: one that has not left its group holds its
    /// partitions for the session's time.
    pub(crate) fn waiting_for(self, clients: Clients) -> Self {
        Self { leaving: Some(clients), ..self }
    }

    /// The log.
    pub(crate) const fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// The store.
    pub(crate) const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Waits until no client of Kafka is in its group any more, though somebody may hold the data
    /// for ever.
    pub(crate) async fn leave(self) {
        if let Some(clients) = self.leaving {
            // Those that somebody holds do not end; the groups are left long before the time is up.
            clients.gone(CLIENTS_WITHIN).await;
        }
    }

    /// Closes the data: waits until nobody else holds it and everything in it is safe.
    pub(crate) async fn close(mut self) {
        let leaving = self.leaving.take();
        // Tasks that were told to end let go of it within moments.
        while Arc::strong_count(&self.log) > 1 || Arc::strong_count(&self.store) > 1 {
            sleep(LOOK_AGAIN).await;
        }
        drop(spawn_blocking(move || drop(self)).await);
        if let Some(clients) = leaving
            && !clients.gone(CLIENTS_WITHIN).await
        {
            tracing::warn!("clients of Kafka did not end in time");
        }
    }
}

async fn open_folder(
    path: PathBuf,
    durability: Durability,
    temporary: Option<TempDir>,
) -> anyhow::Result<Storage> {
    let shown = path.display().to_string();
    let opened = spawn_blocking(move || open(&path, durability)).await?;
    let (log, store) = opened.with_context(|| format!("the data in {shown} cannot be opened"))?;
    Ok(Storage { log, store, leaving: None, _temporary: temporary })
}

/// Opens the log first: its lock keeps a second process away from both.
fn open(path: &Path, durability: Durability) -> anyhow::Result<(Arc<dyn Log>, Arc<dyn Store>)> {
    std::fs::create_dir_all(path)?;
    let settings = flowmill_log::embedded::Settings { durability, ..Default::default() };
    let log = EmbeddedLog::open(path.join("log"), settings)?;
    let store = EmbeddedStore::open(path.join("store.redb"), Default::default())?;
    Ok((Arc::new(log), Arc::new(store)))
}
