//! Asks a broker whether it is ready, in the few words of Kafka's protocol that this takes.
//!
//! A broker that accepts connections may still be replaying its log or be unknown to the
//! controller. It is ready when it lists the brokers that are expected, and a group's coordinator
//! is found and answers for a group.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a broker may take for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// The group that the coordinator is asked for.
const GROUP: &str = "rig";

const METADATA: (i16, i16) = (3, 12);
const FIND_COORDINATOR: (i16, i16) = (10, 4);
const DESCRIBE_GROUPS: (i16, i16) = (15, 5);

/// Checks that the broker on this port of 127.0.0.1 serves clients and knows of `brokers` brokers.
pub(super) fn ready(port: u16, brokers: usize) -> Result<(), String> {
    let mut connection = Connection::open(port)?;
    // No topic, none made, no permissions asked for.
    let known = connection.ask(METADATA, &[1, 0, 0, 0])?.skip(4)?.count()?;
    if known < brokers {
        return Err(format!("{known} of {brokers} brokers are known"));
    }
    let mut coordinator = connection.ask(FIND_COORDINATOR, &find_coordinator())?.skip(4)?;
    if coordinator.count()? != 1 {
        return Err("no coordinator is named".into());
    }
    coordinator.text()?;
    let mut rest = coordinator.skip(4)?;
    rest.text()?;
    let (port, error) = (rest.int32()?, rest.int16()?);
    if error != 0 {
        return Err(format!("no coordinator is found: error {error}"));
    }
    let port = u16::try_from(port).map_err(|_| format!("{port} is no port"))?;
    let mut connection = Connection::open(port)?;
    let mut groups = connection.ask(DESCRIBE_GROUPS, &describe_group())?.skip(4)?;
    groups.count()?;
    match groups.int16()? {
        0 => Ok(()),
        error => Err(format!("the coordinator does not answer for groups: error {error}")),
    }
}

/// Of groups, and of this one.
fn find_coordinator() -> Vec<u8> {
    [&[0, 2][..], &compact(GROUP), &[0]].concat()
}

/// This one, without permissions.
fn describe_group() -> Vec<u8> {
    [&[2][..], &compact(GROUP), &[0, 0]].concat()
}

/// A short text in the compact form: its length and one, then its bytes.
fn compact(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len() + 1).expect("a short text");
    [&[length], text.as_bytes()].concat()
}

struct Connection(TcpStream);

impl Connection {
    fn open(port: u16) -> Result<Self, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let open = || {
            let stream = TcpStream::connect_timeout(&address, ANSWER)?;
            stream.set_read_timeout(Some(ANSWER))?;
            stream.set_write_timeout(Some(ANSWER))?;
            Ok(Self(stream))
        };
        open().map_err(|error: std::io::Error| error.to_string())
    }

    /// Sends a request of a kind and version whose head is flexible; gives the answer's body.
    fn ask(&mut self, (kind, version): (i16, i16), body: &[u8]) -> Result<Answer, String> {
        let head = [
            &kind.to_be_bytes()[..],
            &version.to_be_bytes(),
            &7_i32.to_be_bytes(),
            // No client's name, no tags.
            &(-1_i16).to_be_bytes(),
            &[0],
        ];
        let request = [&head.concat(), body].concat();
        let length = i32::try_from(request.len()).expect("a short request");
        let mut exchange = || {
            self.0.write_all(&[&length.to_be_bytes()[..], &request].concat())?;
            let mut length = [0; 4];
            self.0.read_exact(&mut length)?;
            let mut bytes = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap_or(0)];
            self.0.read_exact(&mut bytes)?;
            Ok(Answer { bytes, at: 0 })
        };
        let answer = exchange().map_err(|error: std::io::Error| error.to_string())?;
        // The request's number and no tags.
        answer.skip(5)
    }
}

/// An answer, read up to a place.
struct Answer {
    bytes: Vec<u8>,
    at: usize,
}

impl Answer {
    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let taken = self.bytes.get(self.at..self.at + count).ok_or("the answer is too short")?;
        self.at += count;
        Ok(taken)
    }

    fn skip(mut self, count: usize) -> Result<Self, String> {
        self.take(count)?;
        Ok(self)
    }

    fn int16(&mut self) -> Result<i16, String> {
        let bytes = self.take(2)?.try_into().expect("two bytes");
        Ok(i16::from_be_bytes(bytes))
    }

    fn int32(&mut self) -> Result<i32, String> {
        let bytes = self.take(4)?.try_into().expect("four bytes");
        Ok(i32::from_be_bytes(bytes))
    }

    /// The length of what follows, of which one byte is enough here.
    fn count(&mut self) -> Result<usize, String> {
        Ok(usize::from(self.take(1)?[0]).saturating_sub(1))
    }

    fn text(&mut self) -> Result<(), String> {
        let length = self.count()?;
        self.take(length).map(drop)
    }
}
