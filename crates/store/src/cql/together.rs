//! Puts small changes of several partitions into one request: what a request costs a server, and
//! this process, hardly depends on what is in it.
//!
//! Only partitions that the same servers hold go together, so that each request still goes
//! straight to a server that holds what it changes. They are no transaction: a request that fails
//! may have changed some of them, and is repeated as a whole.

use std::collections::BTreeMap;

use flowmill_model::limits;

use super::request::{Bound, Request};

/// Puts requests together. `holders` says which servers hold a request's partition; requests of
/// which it does not know that stay alone.
pub(super) fn together<H: Ord>(
    requests: Vec<Request>,
    holders: impl Fn(&Bound) -> Option<H>,
) -> Vec<Request> {
    let mut done = Vec::new();
    let mut open: BTreeMap<H, Shared> = BTreeMap::new();
    for request in requests {
        let bytes = request.iter().map(Bound::size).sum();
        let small = bytes <= limits::STORE_SHARED_BYTES / 2;
        let Some(holders) = request.first().filter(|_| small).and_then(&holders) else {
            done.push(request);
            continue;
        };
        let shared = open.entry(holders).or_default();
        if !shared.has_room(bytes) {
            done.push(std::mem::take(shared).request);
        }
        shared.add(request, bytes);
    }
    done.extend(open.into_values().map(|shared| shared.request));
    done
}

/// A request of several partitions.
#[derive(Default)]
struct Shared {
    request: Request,
    partitions: usize,
    bytes: usize,
}

impl Shared {
    const fn has_room(&self, bytes: usize) -> bool {
        self.partitions < limits::STORE_SHARED_PARTITIONS
            && self.bytes + bytes <= limits::STORE_SHARED_BYTES
    }

    fn add(&mut self, request: Request, bytes: usize) {
        self.request.extend(request);
        self.partitions += 1;
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::Value;
    use super::super::statements::Statement;
    use super::*;

    /// A request of a partition, named by `partition`, with a value of so many bytes.
    fn request(partition: i32, bytes: usize) -> Request {
        let values = vec![Value::Int(partition), Value::Blob(vec![0; bytes].into())];
        vec![Bound { statement: Statement::PutTimer, values }]
    }

    /// Even partitions are held by one server, odd ones by another, and negative ones by who knows.
    fn holder(bound: &Bound) -> Option<i32> {
        match bound.values.first() {
            Some(Value::Int(partition)) if *partition >= 0 => Some(partition % 2),
            _ => None,
        }
    }

    fn partitions(request: &Request) -> Vec<i32> {
        let partition = |bound: &Bound| match bound.values.first() {
            Some(Value::Int(partition)) => *partition,
            _ => panic!("{bound:?}"),
        };
        request.iter().map(partition).collect()
    }

    fn check(requests: Vec<Request>, expect: &[&[i32]]) {
        let mut shared: Vec<_> = together(requests, holder).iter().map(partitions).collect();
        shared.sort();
        assert_eq!(shared, expect);
    }

    #[test]
    fn what_the_same_servers_hold_goes_together_up_to_the_limits() {
        check(vec![], &[]);
        let small = |partitions: &[i32]| partitions.iter().map(|n| request(*n, 10)).collect();
        check(small(&[0, 1, 2, 3, 4]), &[&[0, 2, 4], &[1, 3]]);
        check(small(&[-1, 0, -2]), &[&[-2], &[-1], &[0]]);
        let even: Vec<_> = (0..12).map(|n| n * 2).collect();
        check(small(&even), &[&even[..10], &even[10..]]);
    }

    #[test]
    fn large_requests_stay_alone_and_a_shared_one_is_bounded() {
        let half = limits::STORE_SHARED_BYTES / 2;
        check(vec![request(0, half), request(2, 1), request(4, 1)], &[&[0], &[2, 4]]);
        let third = limits::STORE_SHARED_BYTES / 3;
        let requests = (0..4).map(|n| request(n * 2, third)).collect();
        check(requests, &[&[0, 2], &[4, 6]]);
    }
}
