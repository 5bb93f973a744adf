//! A way to a server that can be cut, slowed and listened to.
//!
//! While it is cut nothing passes and no connection ends: as in a network that drops packets, what
//! was given to it arrives when it is mended, unless somebody has given the connection up by then.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::RigError;
use crate::error::doing;

/// Bytes that are passed on at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The largest frame that is taken for one.
const FRAME_BYTES: usize = 64 * 1024 * 1024;

/// Changes an answer, if it wants to: it is given the request that it answers and the answer, both
/// without the length before them.
pub type Tamper = dyn Fn(&[u8], &mut Vec<u8>) + Send + Sync;

/// A proxy on an address of this machine. When it is dropped its connections end.
pub struct Proxy {
    address: SocketAddrV4,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddrV4,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cut: bool,
    delay: Duration,
    closed: bool,
    tamper: Option<Arc<Tamper>>,
    /// Both sides of each connection, by its number.
    open: HashMap<u64, [TcpStream; 2]>,
    connections: u64,
}

/// One connection, from the client to the server and back.
struct Passage {
    shared: Arc<Shared>,
    number: u64,
    tamper: Option<Arc<Tamper>>,
    /// Requests that are not answered yet, if answers may be changed.
    asked: Mutex<VecDeque<Vec<u8>>>,
}

impl Proxy {
    /// A way to this address, on a port of 127.0.0.1.
    ///
    /// # Errors
    /// No port can be listened on.
    pub fn to(target: SocketAddrV4) -> Result<Self, RigError> {
        Self::at(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), target)
    }

    /// A way to an address that begins at another one; port 0 stands for a free one.
    ///
    /// # Errors
    /// It cannot be listened on.
    pub fn at(address: SocketAddrV4, target: SocketAddrV4) -> Result<Self, RigError> {
        let listen = || {
            let listener = TcpListener::bind(address)?;
            let port = listener.local_addr()?.port();
            Ok((listener, SocketAddrV4::new(*address.ip(), port)))
        };
        let (listener, address) = listen().map_err(doing("a proxy"))?;
        let (state, changed) = Default::default();
        let shared = Arc::new(Shared { target, state, changed });
        let accepting = Arc::clone(&shared);
        let thread = thread::Builder::new().name("proxy".to_owned());
        thread.spawn(move || accepting.accept(&listener)).map_err(doing("a proxy"))?;
        Ok(Self { address, shared })
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Lets nothing pass any more, and ends no connection.
    pub fn cut(&self) {
        self.shared.change(|state| state.cut = true);
    }

    /// Lets everything pass again, at once.
    pub fn mend(&self) {
        self.shared.change(|state| (state.cut, state.delay) = (false, Duration::ZERO));
    }

    /// Makes everything wait so long, in both directions.
    pub fn slow(&self, delay: Duration) {
        self.shared.change(|state| state.delay = delay);
    }

    /// Changes answers on connections that are made from now on. The server's requests and answers are
    /// frames, four bytes of length first, and it answers in the order in which it is asked, such as
    /// Kafka does.
    pub fn tamper(&self, tamper: Arc<Tamper>) {
        self.shared.change(|state| state.tamper = Some(tamper));
    }

    /// Ends every connection. New ones are taken.
    pub fn reset(&self) {
        self.shared.change(State::end_all);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.closed = true;
            state.end_all();
        });
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl State {
    fn end_all(&mut self) {
        self.open.drain().for_each(|(_, streams)| end(&streams));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.state().closed {
                return;
            }
            // Whoever came sees the connection end, as with a server that is not there.
            let passed = client.and_then(|client| self.pass(client));
            drop(passed);
        }
    }

    /// Joins a client with the server.
    fn pass(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(SocketAddr::V4(self.target))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let [there, back] = [[client.try_clone()?, server.try_clone()?], [server, client]];
        let kept = [there[0].try_clone()?, there[1].try_clone()?];
        let mut state = self.state();
        state.connections += 1;
        let (number, tamper) = (state.connections, state.tamper.clone());
        state.open.insert(number, kept);
        drop(state);
        let shared = Arc::clone(self);
        let there_too = Arc::new(Passage { shared, number, tamper, asked: Mutex::default() });
        let back_too = Arc::clone(&there_too);
        let thread = || thread::Builder::new().name("proxied".to_owned());
        thread().spawn(move || there_too.relay(there, Passage::remember))?;
        thread().spawn(move || back_too.relay(back, Passage::change))?;
        Ok(())
    }

    fn wait_until_open(&self) {
        let delay = self.state().delay;
        thread::sleep(delay);
        let held = |state: &mut State| state.cut && !state.closed;
        drop(self.changed.wait_while(self.state(), held));
    }
}

impl Passage {
    /// Passes on what one side says until it ends, or the other does.
    fn relay(&self, [mut from, mut to]: [TcpStream; 2], see: impl Fn(&Self, Vec<u8>) -> Vec<u8>) {
        let framed = self.tamper.is_some();
        while let Ok(Some(bytes)) = next(&mut from, framed) {
            let bytes = see(self, bytes);
            self.shared.wait_until_open();
            if send(&mut to, &bytes, framed).is_err() {
                break;
            }
        }
        end(&[from, to]);
        self.shared.state().open.remove(&self.number);
    }

    fn asked(&self) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, request: Vec<u8>) -> Vec<u8> {
        if self.tamper.is_some() {
            self.asked().push_back(request.clone());
        }
        request
    }

    fn change(&self, mut answer: Vec<u8>) -> Vec<u8> {
        let asked = self.asked().pop_front();
        if let (Some(tamper), Some(asked)) = (&self.tamper, asked) {
            tamper(&asked, &mut answer);
        }
        answer
    }
}

fn end(streams: &[TcpStream; 2]) {
    for stream in streams {
        // It may have ended already.
        drop(stream.shutdown(Shutdown::Both));
    }
}

/// What comes next: a frame's content, or some bytes; nothing at the end.
fn next(from: &mut TcpStream, framed: bool) -> io::Result<Option<Vec<u8>>> {
    if !framed {
        let mut bytes = vec![0; CHUNK_BYTES];
        let count = from.read(&mut bytes)?;
        bytes.truncate(count);
        return Ok((count > 0).then_some(bytes));
    }
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES {
        return Err(io::Error::other("this is no frame"));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(Some(frame))
}

fn send(to: &mut TcpStream, bytes: &[u8], framed: bool) -> io::Result<()> {
    if framed {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        to.write_all(&length.to_be_bytes())?;
    }
    to.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each byte with the one after it.
    fn counting() -> SocketAddrV4 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() {
                        stream.write_all(&[byte[0] + 1]).unwrap();
                    }
                });
            }
        });
        address
    }

    fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap()
    }

    fn answer(stream: &mut TcpStream) -> io::Result<u8> {
        let mut byte = [0];
        stream.read_exact(&mut byte).map(|()| byte[0])
    }

    #[test]
    fn what_was_held_up_arrives_when_the_way_is_mended() {
        let proxy = Proxy::to(counting()).unwrap();
        let mut stream = connect(&proxy);
        stream.write_all(&[1]).unwrap();
        assert_eq!(answer(&mut stream).unwrap(), 2);
        proxy.cut();
        stream.write_all(&[7]).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert_eq!(answer(&mut stream).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        proxy.mend();
        stream.set_read_timeout(None).unwrap();
        assert_eq!(answer(&mut stream).unwrap(), 8);
    }

    #[test]
    fn connections_that_are_reset_end_and_new_ones_are_taken() {
        let proxy = Proxy::to(counting()).unwrap();
        let mut stream = connect(&proxy);
        stream.write_all(&[1]).unwrap();
        assert_eq!(answer(&mut stream).unwrap(), 2);
        proxy.reset();
        assert!(answer(&mut stream).is_err());
        let mut stream = connect(&proxy);
        stream.write_all(&[3]).unwrap();
        assert_eq!(answer(&mut stream).unwrap(), 4);
    }

    /// A server that answers each frame with itself.
    fn echo() -> SocketAddrV4 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut copy = stream.try_clone().unwrap();
                thread::spawn(move || io::copy(&mut stream, &mut copy));
            }
        });
        address
    }

    #[test]
    fn an_answer_is_changed_by_what_was_asked() {
        let tamper = |asked: &[u8], answer: &mut Vec<u8>| {
            if asked == b"two" {
                *answer = b"three!".to_vec();
            }
        };
        let proxy = Proxy::to(echo()).unwrap();
        proxy.tamper(Arc::new(tamper));
        let mut stream = connect(&proxy);
        send(&mut stream, b"one", true).unwrap();
        send(&mut stream, b"two", true).unwrap();
        assert_eq!(next(&mut stream, true).unwrap().unwrap(), b"one");
        assert_eq!(next(&mut stream, true).unwrap().unwrap(), b"three!");
    }
}
