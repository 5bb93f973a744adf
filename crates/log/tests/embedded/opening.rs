//! Opening a folder.

use std::fs;

use flowmill_log::embedded::{OpenError, Settings};
use flowmill_log::{AppendError, Header, Log, NotWritten, Record};
use flowmill_model::limits;

use crate::scratch::{Scratch, append_each, edit, history, kept, numbered, offset, small, values};

#[tokio::test]
async fn foreign_files_are_left_alone() {
    let scratch = Scratch::new();
    let foreign = ["notes.txt", "1.segment", "00000000001.segment", "meta.bak", "spare"];
    for name in foreign {
        fs::write(scratch.path().join(name), name).unwrap();
    }
    fs::create_dir(scratch.path().join("store")).unwrap();
    for _ in 0..2 {
        let log = scratch.with_history(small()).await;
        append_each(&log, &history(), &vec![vec![1; 30_000]; 5]).await;
        log.trim(&history(), offset(1_000)).await.unwrap();
    }
    for name in foreign {
        assert_eq!(fs::read(scratch.path().join(name)).unwrap(), name.as_bytes());
    }
    assert!(scratch.path().join("store").is_dir());
}

#[tokio::test]
async fn a_folder_in_use_is_refused_and_free_again_afterwards() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let refused = scratch.try_open(small()).err().expect("the folder is in use");
    assert!(matches!(&refused, OpenError::InUse { folder } if folder == scratch.path()));
    assert!(refused.to_string().contains("another process"), "{refused}");
    append_each(&log, &history(), &numbered(1)).await;
    drop(log);
    assert_eq!(values(&scratch.open(small()), &history()).await, numbered(1));
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    append_each(&scratch.with_history(small()).await, &history(), &numbered(1)).await;
    let (segment, meta) = (scratch.segments()[0].clone(), scratch.path().join("meta"));
    for file in [segment, meta] {
        edit(&file, |bytes| bytes[8] = 9);
        let refused = scratch.try_open(small()).err().expect("the format is newer");
        assert!(
            matches!(&refused, OpenError::Newer { file: f, found: 9, known: 1 } if *f == file),
            "{refused}"
        );
        edit(&file, |bytes| bytes[8] = 1);
    }
    assert_eq!(values(&scratch.open(small()), &history()).await, numbered(1));
}

#[tokio::test]
async fn a_making_that_was_cut_short_is_done_again() {
    let scratch = Scratch::new();
    drop(scratch.open(small()));
    let meta = fs::read(scratch.path().join("meta")).unwrap();
    let unborn = Scratch::new();
    let made = unborn.open(small()).identity();
    assert_ne!(made.cluster, 0);
    // As written before the first segment was made: no boot, no segment.
    let mut bytes = meta[..40].to_vec();
    bytes[12..16].fill(0);
    bytes[32..40].fill(0);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    fs::write(scratch.path().join("meta"), bytes).unwrap();
    fs::remove_file(&scratch.segments()[0]).unwrap();
    let log = scratch.with_history(small()).await;
    assert_eq!(log.identity().cluster.to_le_bytes(), meta[16..32]);
    append_each(&log, &history(), &numbered(1)).await;
}

#[test]
fn a_size_that_cannot_work_is_refused() {
    for segment_bytes in [0, 4096, 64 * 1024 + 1, u32::MAX] {
        let found = Scratch::new().try_open(Settings { segment_bytes, ..small() });
        assert!(matches!(found, Err(OpenError::Setting { .. })), "{:?}", found.err());
    }
}

#[tokio::test]
async fn the_size_of_files_may_change_between_two_runs() {
    let scratch = Scratch::new();
    let mut expected = Vec::new();
    for segment_bytes in [64, 256, 64, 128].map(|kib| kib * 1024) {
        let log = scratch.with_history(Settings { segment_bytes, ..small() }).await;
        let more = vec![vec![expected.len() as u8; 30_000]; 5];
        append_each(&log, &history(), &more).await;
        expected.extend(more);
        assert_eq!(values(&log, &history()).await, expected);
    }
}

#[tokio::test]
async fn offsets_of_a_durable_partition_count_from_zero_without_a_gap() {
    let scratch = Scratch::new();
    for run in 1..4 {
        let log = scratch.with_history(small()).await;
        append_each(&log, &history(), &numbered(7)).await;
        let offsets: Vec<_> = kept(&log, &history()).await.iter().map(|f| f.offset).collect();
        assert_eq!(offsets, (0..run * 7).map(offset).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_record_whose_headers_are_too_many_to_be_read_back_is_refused() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let headers = vec![Header::new("", ""); limits::RECORD_BYTES / 8];
    let large = Record { headers, ..Record::of(vec![0; limits::RECORD_BYTES]) };
    let (bytes, limit) = (2 * limits::RECORD_BYTES + 29, 2 * limits::RECORD_BYTES);
    let refused = log.append(&history(), large).await;
    let too_large = Err(AppendError::NotWritten(NotWritten::TooLarge { bytes, limit }));
    assert_eq!(refused, too_large);
    append_each(&log, &history(), &numbered(1)).await;
    drop(log);
    assert_eq!(values(&scratch.open(small()), &history()).await, numbered(1));
}

#[tokio::test]
async fn a_closed_log_fails_its_readers() {
    let scratch = Scratch::new();
    let log = scratch.with_history(small()).await;
    let mut reader = log.reader(&history(), offset(0));
    let mut member = log.join("group", &history().topic);
    member.assigned().await.unwrap();
    let waiting =
        flowmill_runtime::spawn("reader", async move { reader.read(crate::scratch::ALL).await });
    tokio::task::yield_now().await;
    drop(log);
    assert!(matches!(waiting.await.unwrap(), Err(flowmill_log::ReadError::Closed(_))));
    assert!(matches!(member.assigned().await, Err(flowmill_log::ReadError::Closed(_))));
}
