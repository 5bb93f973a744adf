//! Asks a CQL server a question, in the few words of its protocol that this takes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long the server may take for one answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The protocol's version, as requests name it.
const VERSION: u8 = 4;

const STARTUP: u8 = 1;
const READY: u8 = 2;
const QUERY: u8 = 7;
const RESULT: u8 = 8;

/// Consistency ONE, no options.
const PLAIN: [u8; 3] = [0, 1, 0];

/// Checks that the server on this port of 127.0.0.1 answers a query.
pub(super) fn ready(port: u16) -> Result<(), String> {
    let ask = || {
        let mut stream =
            TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let options = [&[0, 1][..], &short("CQL_VERSION"), &short("3.0.0")].concat();
        let query = b"SELECT release_version FROM system.local";
        let length = u32::try_from(query.len()).expect("a short query").to_be_bytes();
        let query = [&length, &query[..], &PLAIN].concat();
        Ok([call(&mut stream, STARTUP, &options)?, call(&mut stream, QUERY, &query)?])
    };
    match ask().map_err(|error: std::io::Error| error.to_string())? {
        [READY, RESULT] => Ok(()),
        [hello, answer] => Err(format!("it answers with {hello} and {answer}")),
    }
}

/// A text with its length in two bytes.
fn short(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text").to_be_bytes();
    [&length, text.as_bytes()].concat()
}

/// Sends one request; gives the kind of its answer.
fn call(stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<u8> {
    let length = u32::try_from(body.len()).expect("a short request").to_be_bytes();
    stream.write_all(&[&[VERSION, 0, 0, 0, kind][..], &length, body].concat())?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let [_, _, _, _, kind, length @ ..] = head;
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap_or(0)];
    stream.read_exact(&mut answer)?;
    Ok(kind)
}
