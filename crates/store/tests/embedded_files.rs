//! The embedded store and files that are not as they should be.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use flowmill_model::history::LogIdentity;
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowVersion, Offset, Sequence, ShardId, Timestamp, Version,
};
use flowmill_store::{
    EmbeddedStore, ExecutionWrite, HistoryRow, Listing, OpenError, RowVersion, Settings, Status,
    Store, StoreError, Watermark, Write,
};
use tempfile::TempDir;

const SHARD: ShardId = ShardId::new(1);
const ROWS: u128 = 300;

fn open(file: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(file, Settings::default())
}

fn refused(file: &Path) -> OpenError {
    open(file).expect_err("the file is refused")
}

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("store.redb");
    (folder, file)
}

fn entry(n: u128) -> ExecutionWrite {
    let flow = "shop/orders".parse().expect("a flow's name");
    ExecutionWrite {
        id: ExecutionId::new(SHARD, n),
        version: RowVersion::from_raw(1),
        sequence: Sequence::new(1),
        checkpoint: vec![n as u8; 400].into(),
        history: Some(HistoryRow { first: Sequence::new(0), count: 1, blob: vec![7; 300].into() }),
        listing: Listing {
            flow: FlowVersion { flow, version: Version::new("1.0.0").expect("a version") },
            status: Status::Running,
            started_at: Timestamp::from_millis(n as u64),
            ended_at: None,
        },
        purge_at: None,
        timers_set: Vec::new(),
        timers_cleared: Vec::new(),
    }
}

fn watermark() -> Watermark {
    Watermark {
        log: LogIdentity::default(),
        offset: Offset::new(1),
        epoch: Epoch::new(1),
        batch: BatchNumber::new(1),
        positions: Default::default(),
        mark: BatchNumber::new(1),
        timer_cursor: Timestamp::from_millis(0),
    }
}

async fn fill(file: &Path) -> EmbeddedStore {
    let store = open(file).expect("a new file");
    let executions = (0..ROWS).map(entry).collect();
    store.write(SHARD, Write { executions }).await.expect("acknowledged");
    store.set_watermark(SHARD, watermark()).await.expect("acknowledged");
    store
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_lets_go() {
    let (_folder, file) = folder();
    let first = fill(&file).await;
    let error = refused(&file);
    assert!(matches!(&error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("store.redb is in use by another process"), "{error}");
    drop(first);
    let second = open(&file).expect("the file is free");
    assert!(second.load(ExecutionId::new(SHARD, 1)).await.expect("answered").is_some());
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused_and_left_alone() {
    let (_folder, file) = folder();
    let letter = b"Dear Sir or Madam, ".repeat(1_000);
    fs::write(&file, &letter).expect("written");
    let error = refused(&file);
    assert!(matches!(&error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&file).expect("read"), letter);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let (_folder, file) = folder();
    drop(redb::Database::create(&file).expect("created"));
    let error = refused(&file);
    assert!(matches!(&error, OpenError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_named_and_refused() {
    let (_folder, file) = folder();
    drop(fill(&file).await);
    let database = redb::Database::open(&file).expect("opened");
    let transaction = database.begin_write().expect("begun");
    let meta: redb::TableDefinition<'_, &str, u32> = redb::TableDefinition::new("meta");
    transaction
        .open_table(meta)
        .and_then(|mut meta| Ok(meta.insert("flowmill-store-format", 9).map(drop)?))
        .expect("inserted");
    transaction.commit().expect("committed");
    drop(database);
    let error = refused(&file);
    assert!(matches!(&error, OpenError::NewerFormat { found: 9, .. }), "{error}");
    assert!(error.to_string().contains("has store format 9, this build reads up to 1"), "{error}");
}

#[tokio::test]
async fn a_file_cut_short_is_damaged_never_a_fresh_start() {
    let (_folder, file) = folder();
    drop(fill(&file).await);
    let whole = fs::read(&file).expect("read");
    for length in [0, 1, 100, 4_096, 10_000, whole.len() / 2] {
        fs::write(&file, &whole[..length]).expect("written");
        let error = refused(&file);
        assert!(error.to_string().contains("store.redb"), "{length}: {error}");
        let told = matches!(&error, OpenError::Damaged { .. } | OpenError::Foreign { .. });
        assert!(told, "{length}: {error:?}");
        assert_eq!(fs::read(&file).expect("read").len(), length, "it is left as it is");
    }
}

#[tokio::test]
async fn a_row_read_from_a_damaged_file_is_the_row_that_was_written_or_an_error() {
    let (_folder, file) = folder();
    drop(fill(&file).await);
    let whole = fs::read(&file).expect("read");
    let (mut reported, places) = (0, 60);
    for place in 0..places {
        let mut damaged = whole.clone();
        let start = 4_096 + place * (whole.len() - 4_096 - 64) / places;
        damaged[start..start + 64].iter_mut().for_each(|byte| *byte ^= 0x5a);
        fs::write(&file, &damaged).expect("written");
        let Ok(store) = open(&file) else {
            reported += 1;
            continue;
        };
        for n in 0..ROWS {
            match store.load(ExecutionId::new(SHARD, n)).await {
                Ok(Some(found)) => assert_eq!(found.state, entry(n).checkpoint, "{n} at {start}"),
                // A damaged key hides its row: the pages' own checksums are not read here.
                Ok(None) => {}
                Err(error) => {
                    assert!(!matches!(error, StoreError::Full), "{error}");
                    reported += 1;
                    break;
                }
            }
        }
    }
    assert!(reported > 0, "some of the damage was met");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let (folder, _) = folder();
    let error = refused(&folder.path().join("missing/store.redb"));
    let OpenError::Disk { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("missing/store.redb"), "{error}");
}

#[tokio::test]
async fn a_file_left_half_made_is_made_again() {
    let (_folder, file) = folder();
    fs::write(file.with_extension("unfinished"), b"half").expect("written");
    let store = fill(&file).await;
    assert!(store.load(ExecutionId::new(SHARD, 1)).await.expect("answered").is_some());
    assert!(!file.with_extension("unfinished").exists());
}
