//! Connections: bounds on slow clients, and the end of the server.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::rig::{Rig, Served};

#[tokio::test]
async fn a_shutdown_lets_a_request_finish_and_takes_no_more() {
    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let serving = flowmill_gateway::serve(listener, rig.gateway.clone(), shutdown);
    let serving = flowmill_runtime::spawn("serve", serving);

    let before = rig.commands_written().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/flows/shop/hold/executions?wait=60s HTTP/1.1\r\nhost: x\r\n\
                content-type: application/json\r\ncontent-length: 11\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(br#"{"total":1}"#).await.unwrap();
    while rig.commands_written().await == before {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(serving.await.unwrap(), Ok(()));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let served = Served::with_flows().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 404 "));
    }
}

#[tokio::test]
async fn a_request_line_that_is_none_is_refused() {
    let served = Rig::new().await.serve().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"\x16\x03\x01 hello\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_head_over_its_bound_is_refused() {
    let served = Rig::new().await.serve().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(256 * 1024));
    // The server may close before it has read everything.
    drop(stream.write_all(head.as_bytes()).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    let rig = Rig::new().await;
    rig.deploy("hold").await;
    let begin = tokio::time::Instant::now();
    let body = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/v1/flows/shop/hold/executions").body(body).unwrap();
    let response = flowmill_gateway::router(rig.gateway.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 408);
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
}
