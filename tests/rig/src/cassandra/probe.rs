//! Asks a node a few questions, in the few words of CQL's protocol that this takes.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::access::{CassandraAccess, FIRST_USER};

/// How long the server may take for one answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The protocol's version, as requests name it.
const VERSION: u8 = 4;

const STARTUP: u8 = 1;
const READY: u8 = 2;
const AUTHENTICATE: u8 = 3;
const QUERY: u8 = 7;
const RESULT: u8 = 8;
const AUTH_RESPONSE: u8 = 15;
const AUTH_SUCCESS: u8 = 16;

/// Consistency ONE, no options.
const PLAIN: [u8; 3] = [0, 1, 0];

/// The other nodes of the ring, of which a node is told by gossip.
const OTHERS: &str = "SELECT peer FROM system.peers_v2";

/// Where in the answer to that the number of rows is: after the kind of the answer, its flags and
/// number of columns, the names of keyspace, table and column, and the column's type.
const ROWS: usize = 3 * 4 + (2 + "system".len()) + (2 + "peers_v2".len()) + (2 + "peer".len()) + 2;

/// Checks that the node at this address answers queries and knows of `nodes` nodes.
pub(super) fn ready(
    address: SocketAddrV4,
    access: Option<&CassandraAccess>,
    nodes: usize,
) -> Result<(), String> {
    let mut connection = Connection::open(address, access).map_err(|error| error.to_string())?;
    let (answer, rows) = connection.query(OTHERS).map_err(|error| error.to_string())?;
    let count = rows.get(ROWS..).and_then(|rows| rows.first_chunk());
    let others = count.map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let known = usize::try_from(others).unwrap_or(0) + 1;
    match answer {
        RESULT if known >= nodes => Ok(()),
        RESULT => Err(format!("{known} of {nodes} nodes are known")),
        answer => Err(format!("it answers a query with {answer}")),
    }
}

/// Makes the user that clients are given.
pub(super) fn make_user(address: SocketAddrV4, access: &CassandraAccess) -> io::Result<()> {
    let (answer, said) = Connection::open(address, Some(access))?.query(&access.role())?;
    let why = || io::Error::other(String::from_utf8_lossy(&said).into_owned());
    if answer == RESULT { Ok(()) } else { Err(why()) }
}

/// A connection on which queries can be asked.
struct Connection(Box<dyn Stream>);

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

impl Connection {
    /// Connects, as the cluster's first user where one must be somebody.
    fn open(address: SocketAddrV4, access: Option<&CassandraAccess>) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address.into(), ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let mut connection = match access {
            None => Self(Box::new(stream)),
            Some(access) => {
                let name = ServerName::IpAddress(IpAddr::from(*address.ip()).into());
                let tls = ClientConnection::new(Arc::clone(&access.tls), name);
                Self(Box::new(StreamOwned::new(tls.map_err(io::Error::other)?, stream)))
            }
        };
        match connection.greet()? {
            READY | AUTH_SUCCESS => Ok(connection),
            hello => Err(io::Error::other(format!("it answers a greeting with {hello}"))),
        }
    }

    /// The kind of the answer to a greeting, and to a login if it asks for one.
    fn greet(&mut self) -> io::Result<u8> {
        let options = [&[0, 1][..], &short("CQL_VERSION"), &short("3.0.0")].concat();
        let (hello, _) = self.call(STARTUP, &options)?;
        if hello != AUTHENTICATE {
            return Ok(hello);
        }
        let login = format!("\0{FIRST_USER}\0{FIRST_USER}");
        Ok(self.call(AUTH_RESPONSE, &long(&login))?.0)
    }

    fn query(&mut self, query: &str) -> io::Result<(u8, Vec<u8>)> {
        self.call(QUERY, &[&long(query)[..], &PLAIN].concat())
    }

    /// Sends one request; gives the kind and the body of its answer.
    fn call(&mut self, kind: u8, body: &[u8]) -> io::Result<(u8, Vec<u8>)> {
        let length = u32::try_from(body.len()).expect("a short request").to_be_bytes();
        self.0.write_all(&[&[VERSION, 0, 0, 0, kind][..], &length, body].concat())?;
        self.0.flush()?;
        let mut head = [0; 9];
        self.0.read_exact(&mut head)?;
        let [_, _, _, _, kind, length @ ..] = head;
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap_or(0)];
        self.0.read_exact(&mut answer)?;
        Ok((kind, answer))
    }
}

/// A text with its length in two bytes.
fn short(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text").to_be_bytes();
    [&length, text.as_bytes()].concat()
}

/// A text with its length in four bytes.
fn long(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text").to_be_bytes();
    [&length, text.as_bytes()].concat()
}
