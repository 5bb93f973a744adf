//! The writer's transactions, and the way back after one of them failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowmill_model::{ShardId, limits};
use redb::{Database, Durability};

use super::requests::Change;
use crate::contract::StoreError;
use crate::embedded::failure::Failure;
use crate::embedded::rows::Rows;
use crate::embedded::shared::Shared;
use crate::embedded::unsynced::Unsynced;
use crate::embedded::{room, watermarks};
use crate::row::Watermark;

/// Bytes of pages that a byte of rows makes, at most when rows come in the order of their keys.
/// New rows are refused before those that were taken find no room.
const PAGES_PER_ROW: usize = 2;

/// The database as the writer uses it.
pub(super) struct Commits {
    shared: Arc<Shared>,
    unsynced: Unsynced,
    /// How long after a failed attempt the file is opened again.
    retry_interval: Duration,
    broken: Option<Broken>,
}

/// The file must be opened anew.
struct Broken {
    why: StoreError,
    /// Not before.
    retry_at: Instant,
}

impl Commits {
    /// Writes to `shared`; nobody else does.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let retry_interval = shared.opener().settings.sync_interval;
        Self { shared, unsynced: Unsynced::default(), retry_interval, broken: None }
    }

    /// Whether there is anything that a crash would take back.
    pub(super) const fn is_durable(&self) -> bool {
        self.unsynced.is_empty()
    }

    /// Whether so much is not durable that no more should come.
    pub(super) const fn wants_sync(&self) -> bool {
        self.unsynced.bytes() >= limits::STORE_UNSYNCED_BYTES
    }

    /// Closes the file for good.
    pub(super) fn close(&self) {
        self.shared.close();
    }

    /// Makes the database usable, and checks that `bytes` more of rows have room on the disk.
    pub(super) fn ready(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.recover()?;
        self.room_for(PAGES_PER_ROW * (self.unsynced.bytes() + bytes))
    }

    fn room_for(&self, bytes: usize) -> Result<(), StoreError> {
        match room::is_there_for(bytes, &self.shared.opener().file) {
            true => Ok(()),
            false => Err(StoreError::Full),
        }
    }

    /// Applies the changes in one transaction, without waiting for the disk; answers how many
    /// rows each concerned. All or none of them.
    pub(super) fn apply(&mut self, changes: &[Change]) -> Result<Vec<usize>, Failure> {
        let applied = self.shared.with(|database| {
            volatile(database, |rows| changes.iter().map(|change| apply(rows, change)).collect())
        });
        self.watch(applied)
    }

    /// Keeps changes that were applied until they are durable.
    pub(super) fn keep(&mut self, changes: impl Iterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Write(shard, write) => self.unsynced.push(shard, write),
                Change::Purge(_) => self.unsynced.purge(),
            }
        }
    }

    /// Makes everything durable, together with the watermarks.
    pub(super) fn sync(
        &mut self,
        watermarks: &BTreeMap<ShardId, Watermark>,
    ) -> Result<(), StoreError> {
        self.recover()?;
        self.room_for(self.unsynced.bytes())?;
        let synced = self.shared.with(|database| durable(database, watermarks));
        self.watch(synced).map_err(|failure| failure.answer())?;
        self.unsynced.clear();
        Ok(())
    }

    /// Finds out whether the file must be opened anew.
    pub(super) fn check(&mut self) {
        let checked = self.shared.with(|database| Ok(database.begin_write()?.abort()?));
        if self.watch(checked).is_err() {
            // Whoever comes next is told, or finds it mended.
            drop(self.recover());
        }
    }

    fn watch<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(failure) = &outcome
            && failure.needs_reopening()
            && self.broken.is_none()
        {
            self.broken = Some(Broken { why: failure.answer(), retry_at: Instant::now() });
        }
        outcome
    }

    /// Opens the file anew if it must be, and writes again what that took back.
    fn recover(&mut self) -> Result<(), StoreError> {
        let Some(broken) = &self.broken else {
            return Ok(());
        };
        if Instant::now() < broken.retry_at {
            return Err(broken.why.clone());
        }
        let unsynced = self.unsynced.writes();
        let again = |rows: &mut Rows<'_>| {
            unsynced.iter().try_for_each(|(shard, write)| rows.write(*shard, write))
        };
        match self.shared.reopen(|database| volatile(database, again)) {
            Ok(()) => {
                self.broken = None;
                Ok(())
            }
            Err(why) => {
                let retry_at = Instant::now() + self.retry_interval;
                self.broken = Some(Broken { why: why.clone(), retry_at });
                Err(why)
            }
        }
    }
}

fn apply(rows: &mut Rows<'_>, change: &Change) -> Result<usize, Failure> {
    match change {
        Change::Write(shard, write) => rows.write(*shard, write).map(|()| write.executions.len()),
        Change::Purge(purge) => rows.purge(*purge),
    }
}

/// One transaction that does not wait for the disk.
fn volatile<T>(
    database: &Database,
    work: impl FnOnce(&mut Rows<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::None)?;
    let done = work(&mut Rows::open(&transaction)?)?;
    transaction.commit()?;
    Ok(done)
}

/// One transaction that waits for the disk, and takes everything before it along. It also saves
/// redb's list of free pages, without which opening the file after a crash reads all of it.
fn durable(database: &Database, watermarks: &BTreeMap<ShardId, Watermark>) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut table = transaction.open_table(watermarks::TABLE)?;
        for (shard, watermark) in watermarks {
            watermarks::raise(&mut table, *shard, watermark)?;
        }
    }
    Ok(transaction.commit()?)
}
