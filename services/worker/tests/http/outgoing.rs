//! Addresses that calls must not reach.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use flowmill_model::ErrorCode;
use flowmill_worker::{Lookup, OutgoingPolicy, Settings};
use futures::FutureExt;
use futures::future::ready;
use serde_json::json;

use crate::rig::{Rig, detail, serve};

/// A server that counts its calls.
async fn counted() -> (SocketAddr, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        ready("reached")
    };
    (serve(Router::new().fallback(count)).await, calls)
}

/// Resolves every name to one address.
fn to(address: &str) -> Lookup {
    let address: IpAddr = address.parse().expect("an address");
    Arc::new(move |_| ready(Ok(vec![address])).boxed())
}

async fn strict(change: impl FnOnce(Settings) -> Settings) -> Rig {
    Rig::with(|settings| change(Settings { outgoing: OutgoingPolicy::public(), ..settings })).await
}

#[tokio::test]
async fn a_private_address_is_not_reached_however_it_is_written() {
    let (address, calls) = counted().await;
    let port = address.port();
    let mut rig = strict(|settings| settings).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "me@127.0.0.1",
        "10.0.0.1",
        "[fc00::1]",
    ] {
        let url = format!("http://{host}:{port}/");
        let failure = rig.failure(json!({"method": "GET", "url": url})).await;
        assert!(!failure.retryable, "{host}: {failure:?}");
        assert_eq!(failure.problem.kind, ErrorCode::Communication.type_uri(), "{host}");
        assert!(detail(&failure).contains("outgoing.allow"), "{host}: {}", detail(&failure));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_metadata_address_is_not_reached_even_where_private_ones_are() {
    let mut rig = Rig::new().await;
    for host in
        ["169.254.169.254", "2852039166", "0xa9fea9fe", "[fd00:ec2::254]", "100.100.100.200"]
    {
        let url = format!("http://{host}/latest/meta-data/");
        let failure = rig.failure(json!({"method": "GET", "url": url})).await;
        assert!(!failure.retryable, "{host}");
        assert!(detail(&failure).contains("metadata"), "{host}: {}", detail(&failure));
    }
}

#[tokio::test]
async fn a_name_is_judged_by_where_it_leads() {
    let (address, calls) = counted().await;
    let url = format!("http://harmless.example:{}/", address.port());
    let request = json!({"method": "GET", "url": url});
    let mut rig = strict(|settings| Settings { lookup: to("127.0.0.1"), ..settings }).await;
    let failure = rig.failure(request.clone()).await;
    assert!(!failure.retryable && detail(&failure).contains("127.0.0.1"), "{}", detail(&failure));
    let metadata = |settings| Settings { lookup: to("169.254.169.254"), ..settings };
    let failure = Rig::with(metadata).await.failure(request).await;
    assert!(!failure.retryable && detail(&failure).contains("metadata"), "{}", detail(&failure));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_the_policy_names_is_reached() {
    let (address, calls) = counted().await;
    let port = address.port();
    for (entry, host) in [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1", "named.example"),
        ("named.example", "Named.Example"),
    ] {
        let outgoing = OutgoingPolicy::public().allow(entry).expect("a valid entry");
        let lookup = to("127.0.0.1");
        let mut rig = Rig::with(|settings| Settings { outgoing, lookup, ..settings }).await;
        let url = format!("http://{host}:{port}/");
        let answer = rig.output(json!({"method": "GET", "url": url})).await;
        assert_eq!(answer["body"], json!("reached"), "{entry}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_may_resolve_later() {
    let lookup: Lookup = Arc::new(|_| ready(Err(std::io::Error::other("no such name"))).boxed());
    let mut rig = Rig::with(|settings| Settings { lookup, ..settings }).await;
    let failure = rig.failure(json!({"method": "GET", "url": "http://nowhere.example/"})).await;
    assert!(failure.retryable);
    assert!(detail(&failure).contains("no such name"), "{}", detail(&failure));
}
