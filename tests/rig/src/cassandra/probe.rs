//! Asks a node two questions, in the few words of CQL's protocol that this takes.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
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

/// The other nodes of the ring, of which a node is told by gossip.
const OTHERS: &str = "SELECT peer FROM system.peers_v2";

/// Where in the answer to that the number of rows is: after the kind of the answer, its flags and
/// number of columns, the names of keyspace, table and column, and the column's type.
const ROWS: usize = 3 * 4 + (2 + "system".len()) + (2 + "peers_v2".len()) + (2 + "peer".len()) + 2;

/// Checks that the node at this address answers queries and knows of `nodes` nodes.
pub(super) fn ready(address: SocketAddrV4, nodes: usize) -> Result<(), String> {
    match count_others(address).map_err(|error| error.to_string())? {
        (READY, RESULT, others) if others + 1 >= nodes => Ok(()),
        (READY, RESULT, others) => Err(format!("{} of {nodes} nodes are known", others + 1)),
        (hello, answer, _) => Err(format!("it answers with {hello} and {answer}")),
    }
}

/// The kinds of the answers to a greeting and to a query, and what the query counted.
fn count_others(address: SocketAddrV4) -> std::io::Result<(u8, u8, usize)> {
    let mut stream = TcpStream::connect_timeout(&address.into(), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let options = [&[0, 1][..], &short("CQL_VERSION"), &short("3.0.0")].concat();
    let length = u32::try_from(OTHERS.len()).expect("a short query").to_be_bytes();
    let query = [&length, OTHERS.as_bytes(), &PLAIN].concat();
    let (hello, _) = call(&mut stream, STARTUP, &options)?;
    let (answer, rows) = call(&mut stream, QUERY, &query)?;
    let count = rows.get(ROWS..).and_then(|rows| rows.first_chunk());
    let count = count.map_or(0, |bytes| u32::from_be_bytes(*bytes));
    Ok((hello, answer, usize::try_from(count).unwrap_or(0)))
}

/// A text with its length in two bytes.
fn short(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text").to_be_bytes();
    [&length, text.as_bytes()].concat()
}

/// Sends one request; gives the kind and the body of its answer.
fn call(stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<(u8, Vec<u8>)> {
    let length = u32::try_from(body.len()).expect("a short request").to_be_bytes();
    stream.write_all(&[&[VERSION, 0, 0, 0, kind][..], &length, body].concat())?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let [_, _, _, _, kind, length @ ..] = head;
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap_or(0)];
    stream.read_exact(&mut answer)?;
    Ok((kind, answer))
}
