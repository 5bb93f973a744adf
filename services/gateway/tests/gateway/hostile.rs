//! Whatever bytes come, no answer is an error of ours.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::rig::Served;

/// Something between a known text and noise.
fn part(known: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::sample::select(known).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..24),
        1 => "[ -~]{0,24}".prop_map(String::into_bytes),
    ]
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let segment = part(&[
        "v1",
        "flows",
        "shop",
        "hold",
        "echo",
        "executions",
        "history",
        "cancel",
        "suspend",
        "resume",
        "signals",
        "go",
        "healthz",
        "00010000000000000000000000000001",
        "..",
        "%2e%2e",
        "%2F",
        ";",
        "",
        "%ff",
        "%00",
    ]);
    let routes = proptest::sample::select(&[
        "/v1/flows/shop/hold",
        "/v1/flows/shop/echo/executions",
        "/v1/executions",
        "/v1/executions/00010000000000000000000000000001/signals/go",
        "/v1/executions/00010000000000000000000000000001/cancel",
        "/v1/executions/00010000000000000000000000000001/history",
    ]);
    let query = part(&[
        "",
        "?wait=1ms",
        "?limit=3&page=1",
        "?version=1.0.0",
        "?since=1h&status=running",
        "?%ff=%",
        "?page=0-00010000000000000000000000000001",
        "?spread=2",
        "?flow=a/b&flow=c/d",
    ]);
    let made = vec(segment, 0..6).prop_map(|segments| {
        segments.iter().flat_map(|segment| [b"/", &segment[..]].concat()).collect::<Vec<u8>>()
    });
    let base = prop_oneof![routes.prop_map(|route| route.as_bytes().to_vec()), made];
    (base, query).prop_map(|(base, query)| [base, query].concat())
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    let name = part(&[
        "content-type",
        "idempotency-key",
        "traceparent",
        "expect",
        "accept",
        "content-encoding",
        "flowmill-position",
        "transfer-encoding",
        "connection",
        "x-forwarded-for",
    ]);
    let value = part(&[
        "application/json",
        "application/yaml",
        "text/plain",
        "100-continue",
        "gzip",
        "chunked",
        "key",
        "0001-0000000000000000",
        "zz-zz",
        "00-1-2-3",
    ]);
    (name, value).prop_map(|(name, value)| [&name[..], b": ", &value, b"\r\n"].concat())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        part(&["", "{}", "{\"total\": 1}", "null", "[[[[", "{\"reason\": 1}", "flowmill: 1\n"]),
        vec(any::<u8>(), 0..200),
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = part(&["GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS", "TRACE"]);
    (method, path(), vec(header(), 0..4), body()).prop_map(|(method, path, headers, body)| {
        let length = format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let line = [&method[..], b" ", &path, b" HTTP/1.1\r\nhost: x\r\n"].concat();
        [line, headers.concat(), length.into_bytes(), body].concat()
    })
}

/// How long the server may take to answer before it is told that nothing more comes. A client that
/// is gone gets no answer, and one that has shut down its side looks as if it were.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);

/// Sends bytes, and nothing more, and reads all there is to read.
async fn answer_to(served: &Served, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // The server may refuse and close before it has read everything.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    drop(timeout(ANSWER_WITHIN, stream.read_buf(&mut answer)).await);
    drop(stream.shutdown().await);
    drop(stream.read_to_end(&mut answer).await);
    answer
}

#[test]
fn no_bytes_lead_to_an_error_of_ours() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let served = runtime.block_on(Served::with_flows());
    let mut runner = TestRunner::new(Config { cases: 512, ..Config::default() });
    let seen = RefCell::new(BTreeSet::new());
    let outcome = runner.run(&request(), |bytes| {
        let answer = runtime.block_on(answer_to(&served, &bytes));
        let status = String::from_utf8_lossy(&answer).chars().skip(9).take(3).collect::<String>();
        prop_assert!(!status.starts_with('5'), "{}", String::from_utf8_lossy(&answer));
        seen.borrow_mut().insert(status);
        Ok(())
    });
    outcome.unwrap();
    let seen = seen.into_inner();
    assert!(["400", "404"].iter().all(|status| seen.contains(*status)), "{seen:?}");
    let health = runtime.block_on(served.get("/readyz"));
    assert_eq!(health.status, 200, "{health:?}");
}
