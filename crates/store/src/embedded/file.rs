//! Making and opening the store's file.
//!
//! A new file is made under another name and renamed when it is complete: so a file under the
//! store's name that is empty or half made is damage, and is never taken for a fresh start.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableDefinition};

use super::failure::Failure;
use super::rows::Rows;
use super::{Settings, watermarks};

/// Table `meta`: what the file is.
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");

/// Key in [`META`] of the version of all tables together.
const FORMAT: &str = "flowmill-store-format";

/// The version this build writes, and the newest one it reads.
const FORMAT_VERSION: u32 = 1;

/// Why a store's file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has it open.
    #[error("{} is in use by another process; stop that one first", .file.display())]
    InUse {
        /// The file.
        file: PathBuf,
    },
    /// A newer build wrote it.
    #[error(
        "{} has store format {found}, this build reads up to {FORMAT_VERSION}; run the newer build \
         that wrote it, or one after it", .file.display()
    )]
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It is some other file.
    #[error(
        "{} is no flowmill store ({reason}); it was left as it is: name another data folder, or \
         move the file away", .file.display()
    )]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is a store, but not whole.
    #[error(
        "{} is damaged ({reason}); it was left as it is: put back a copy of the whole data folder, \
         and look at the disk", .file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("cannot open {}: {source}; check the folder, its permissions and its free space", .file.display())]
    Disk {
        /// The file.
        file: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// How to open one file, as often as needed.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) file: PathBuf,
    pub(super) settings: Settings,
    #[cfg(test)]
    pub(super) trouble: super::trouble::Trouble,
}

impl Opener {
    /// Opens the file; makes it first when there is none.
    pub(super) fn open_or_make(&self) -> Result<Database, OpenError> {
        let there = self.file.try_exists().map_err(|source| self.disk(source))?;
        if !there {
            self.make()?;
        }
        self.open()
    }

    /// Opens the file, which must be there.
    pub(super) fn open(&self) -> Result<Database, OpenError> {
        let length = fs::metadata(&self.file).map_err(|source| self.disk(source))?.len();
        if length == 0 {
            return Err(self.damaged("it is empty"));
        }
        let file = OpenOptions::new().read(true).write(true).open(&self.file);
        let database = self.guarded(file.map_err(|source| self.disk(source))?)?;
        self.check_format(&database)?;
        Ok(database)
    }

    fn make(&self) -> Result<(), OpenError> {
        let unfinished = self.file.with_extension("unfinished");
        let made = self.make_as(&unfinished);
        made.and_then(|()| {
            fs::rename(&unfinished, &self.file)
                .and_then(|()| sync_folder_of(&self.file))
                .map_err(|source| self.disk(source))
        })
    }

    fn make_as(&self, path: &Path) -> Result<(), OpenError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.disk(error)),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let database = self.guarded(file.map_err(|source| self.disk(source))?)?;
        format(&database).map_err(|failure| self.failed(failure))?;
        database.close().map_err(|error| self.refused(error))
    }

    /// Hands the file to redb, which panics over some kinds of damage.
    fn guarded(&self, file: File) -> Result<Database, OpenError> {
        let mut builder = Builder::new();
        builder.set_cache_size(self.settings.cache_bytes);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let backend = FileBackend::new(file)?;
            #[cfg(test)]
            let backend = self.trouble.around(backend);
            builder.create_with_backend(backend)
        }));
        match opened {
            Ok(opened) => opened.map_err(|error| self.refused(error)),
            Err(_) => Err(self.damaged("its pages do not fit together")),
        }
    }

    fn check_format(&self, database: &Database) -> Result<(), OpenError> {
        let read = || -> Result<Option<u32>, Failure> {
            let table = match database.begin_read()?.open_table(META) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?,
            };
            Ok(redb::ReadableTable::get(&table, FORMAT)?.map(|format| format.value()))
        };
        match read().map_err(|failure| self.failed(failure))? {
            None => Err(self.foreign("it is a database of another program")),
            Some(found) if found > FORMAT_VERSION => {
                Err(OpenError::NewerFormat { file: self.file.clone(), found })
            }
            Some(_) => Ok(()),
        }
    }

    fn refused(&self, error: DatabaseError) -> OpenError {
        use DatabaseError::{DatabaseAlreadyOpen, LockProtocolMismatch, Storage};
        if matches!(error, DatabaseAlreadyOpen | LockProtocolMismatch) {
            return OpenError::InUse { file: self.file.clone() };
        }
        let Storage(StorageError::Io(error)) = error else {
            return self.damaged(error);
        };
        if error.kind() == io::ErrorKind::InvalidData {
            return self.foreign(error);
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.damaged("it is too short");
        }
        self.disk(error)
    }

    fn failed(&self, failure: Failure) -> OpenError {
        let Failure::Database(redb::Error::Io(source)) = failure else {
            return self.damaged(failure);
        };
        self.disk(source)
    }

    fn damaged(&self, reason: impl ToString) -> OpenError {
        OpenError::Damaged { file: self.file.clone(), reason: reason.to_string() }
    }

    fn foreign(&self, reason: impl ToString) -> OpenError {
        OpenError::Foreign { file: self.file.clone(), reason: reason.to_string() }
    }

    pub(super) fn disk(&self, source: io::Error) -> OpenError {
        OpenError::Disk { file: self.file.clone(), source }
    }
}

/// Makes all tables and says what the file is; durable when it returns.
fn format(database: &Database) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Rows::open(&transaction)?;
    transaction.open_table(watermarks::TABLE)?;
    transaction.open_table(META)?.insert(FORMAT, FORMAT_VERSION)?;
    Ok(transaction.commit()?)
}

/// Makes a rename in the folder of `file` durable.
fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
