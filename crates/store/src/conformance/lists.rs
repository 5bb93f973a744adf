//! Lists.

use flowmill_model::{ExecutionId, ShardId};

use super::Subject;
use super::sample::{at, entry, everything, flow, list, namespace, write_to};
use crate::contract::Store;
use crate::row::{ExecutionWrite, ListPosition, ListQuery, Listing, Status};

/// Executions of three shards, four flows, all statuses, with few different starts.
fn population() -> Vec<ExecutionWrite> {
    let flows = ["shop/orders", "shop/orders-eu", "shop-eu/orders", "a/b"];
    (0..84_usize)
        .map(|n| {
            let shard = ShardId::new((n % 3) as u16);
            let mut entry = entry(ExecutionId::new(shard, (n as u128) << 70), 1);
            entry.listing.flow.flow = flow(flows[n % 4]);
            entry.listing.status = Status::ALL[n % 7];
            entry.listing.started_at = at(1_000 + (n as u64 * 5) % 9);
            entry
        })
        .collect()
}

async fn write_all(store: &dyn Store, entries: &[ExecutionWrite]) {
    for entry in entries {
        let written = write_to(store, entry.id.shard(), [entry.clone()]).await;
        written.expect("the write is acknowledged");
    }
}

/// What the contract says about `query`, the slow way.
fn expected(entries: &[ExecutionWrite], query: &ListQuery) -> Vec<(ListPosition, Listing)> {
    let mut found: Vec<_> = entries
        .iter()
        .map(|entry| (entry.listing.position(entry.id), entry.listing.clone()))
        .filter(|(position, listing)| {
            query.matches(listing) && query.after.is_none_or(|after| *position < after)
        })
        .collect();
    found.sort_unstable_by_key(|(position, _)| std::cmp::Reverse(*position));
    found.truncate(query.limit);
    found
}

/// Pages of every size end to end give every execution once.
pub async fn lists_are_newest_first_also_at_equal_starts(subject: &impl Subject) {
    let (store, entries) = (subject.open().await, population());
    write_all(&*store, &entries).await;
    let all = expected(&entries, &everything());
    assert_eq!(list(&*store, everything()).await, all);
    assert_eq!(list(&*store, ListQuery::default()).await, [], "a limit of 0");
    for limit in [1, 2, 3, 10, 83, 84, 85] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = list(&*store, ListQuery { after, limit, ..ListQuery::default() }).await;
            assert!(page.len() <= limit);
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            found.extend(page);
            assert!(found.len() <= all.len(), "pages of {limit} repeat executions");
        }
        assert_eq!(found, all, "pages of {limit}");
    }
}

/// Every combination of filters, from every third position.
pub async fn every_filter_of_a_list_narrows_it_down(subject: &impl Subject) {
    let (store, entries) = (subject.open().await, population());
    write_all(&*store, &entries).await;
    let optional = |name: &str| (!name.is_empty()).then_some(name.to_owned());
    let positions = expected(&entries, &everything()).into_iter().map(|(position, _)| position);
    let starts: Vec<_> = [None].into_iter().chain(positions.step_by(17).map(Some)).collect();
    for space in ["", "shop", "shop-eu", "a", "sho", "z"] {
        for name in ["", "shop/orders", "shop-eu/orders", "shop/order", "z/z"] {
            for status in [None, Some(Status::Faulted), Some(Status::Running)] {
                for since in [None, Some(at(1_000)), Some(at(1_004)), Some(at(9_999))] {
                    for after in &starts {
                        let query = ListQuery {
                            namespace: optional(space).map(|name| namespace(&name)),
                            flow: optional(name).map(|name| flow(&name)),
                            status,
                            since,
                            after: *after,
                            limit: 7,
                        };
                        let found = list(&*store, query.clone()).await;
                        assert_eq!(found, expected(&entries, &query), "{query:?}");
                    }
                }
            }
        }
    }
}

/// It leaves the list it was in.
pub async fn a_changed_status_moves_an_execution_between_lists(subject: &impl Subject) {
    let store = subject.open().await;
    let mut one = entry(super::sample::id(1), 0);
    for (version, status) in Status::ALL.into_iter().cycle().take(15).enumerate() {
        one.version = crate::row::RowVersion::from_raw(version as u64);
        one.listing.status = status;
        write_all(&*store, std::slice::from_ref(&one)).await;
        for wanted in Status::ALL {
            let found = list(&*store, ListQuery { status: Some(wanted), ..everything() }).await;
            assert_eq!(found.len(), usize::from(wanted == status), "{wanted:?} of {status:?}");
        }
        assert_eq!(list(&*store, everything()).await.len(), 1);
    }
}
