//! States, rows of history and histories that are large.

use flowmill_model::Sequence;
use flowmill_store::{CqlStore, HistoryRow, RowVersion, Store};

use crate::rows::{entry, id, write};
use crate::server::{Lease, session};

fn bytes(size: usize, seed: u8) -> bytes::Bytes {
    (0..size).map(|n| (n as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

#[tokio::test]
async fn states_of_any_size_replace_each_other() {
    let lease = Lease::take();
    let settings = lease.clear().await;
    let store = CqlStore::open(&settings).await.expect("it opens");
    let sizes = [100, 65_536, 65_537, 4 << 20, 200_000, 0, 70_000];
    for (version, size) in (1..).zip(sizes) {
        let mut large = entry(1, version, 1_000);
        large.checkpoint = bytes(size, version as u8);
        write(&store, vec![large.clone()]).await;
        let found = CqlStore::open(&settings).await.expect("it opens").load(id(1)).await;
        let found = found.expect("answered").expect("it is there");
        assert!(found.state == large.checkpoint, "{size} bytes");
        assert_eq!(found.version, RowVersion::from_raw(version));
    }
    // A late one of another size changes nothing.
    let mut late = entry(1, 4, 1_000);
    late.checkpoint = bytes(4 << 20, 4);
    write(&store, vec![late]).await;
    let found = store.load(id(1)).await.expect("answered").expect("it is there");
    assert!(found.state == bytes(70_000, 7));
    let parts = format!("SELECT version FROM {}.chunks", settings.keyspace);
    let parts = session(&settings).await.query_unpaged(parts, ()).await.expect("answered");
    let parts = parts.into_rows_result().expect("rows").rows_num();
    assert_eq!(parts, 2, "those of 70,000 bytes, and none of earlier states");
}

#[tokio::test]
async fn a_history_of_many_partitions_and_large_rows_is_read_from_anywhere() {
    let lease = Lease::take();
    let settings = lease.clear().await;
    let store = CqlStore::open(&settings).await.expect("it opens");
    // Rows of 700 events cross the partitions of 1,000; one spans several of them.
    let cuts = [(0, 700), (700, 700), (1_400, 700), (2_100, 3_000), (5_100, 1), (5_101, 899)];
    for (first, count) in cuts {
        let mut part = entry(1, first + u64::from(count), 1_000);
        part.sequence = Sequence::new(first + u64::from(count));
        let size = if first == 2_100 { 3 << 20 } else { 50 };
        let blob = bytes(size, first as u8);
        part.history = Some(HistoryRow { first: Sequence::new(first), count, blob });
        write(&store, vec![part]).await;
    }
    for (from, expected) in
        [(0, 6), (699, 6), (700, 5), (4_999, 3), (5_100, 2), (5_999, 1), (6_000, 0)]
    {
        let rows = store.history(id(1), Sequence::new(from), 100).await.expect("answered");
        assert_eq!(rows.len(), expected, "from {from}");
        if let Some(first) = rows.first() {
            assert!(first.first.get() <= from && first.end().get() > from, "from {from}");
        }
    }
    let rows = store.history(id(1), Sequence::new(2_100), 2).await.expect("answered");
    assert!(rows[0].blob == bytes(3 << 20, 2_100_u64 as u8), "a row in parts");
    assert_eq!(rows[1].first, Sequence::new(5_100));
}
