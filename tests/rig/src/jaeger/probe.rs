//! Asks Jaeger for the services it knows, and whether it listens for traces.

use std::io::{Error, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long it may take for one answer.
const ANSWER: Duration = Duration::from_secs(2);

const QUESTION: &[u8] = b"GET /api/services HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n";

/// Checks that traces are taken on one port of 127.0.0.1 and questions answered on the other.
pub(super) fn ready(otlp: u16, query: u16) -> Result<(), String> {
    let said = ask(otlp, query).map_err(|error| error.to_string())?;
    let is_good = said.lines().next().is_some_and(|line| line.contains(" 200 "));
    if is_good { Ok(()) } else { Err(format!("it answers `{said}`")) }
}

fn ask(otlp: u16, query: u16) -> Result<String, Error> {
    connect(otlp)?;
    let mut stream = connect(query)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(QUESTION)?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

fn connect(port: u16) -> Result<TcpStream, Error> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWER)
}
