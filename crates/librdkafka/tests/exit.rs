//! A process that ends while its clients still run ends as it says, and does not crash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitStatus, exit};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;

/// How often a process is ended: of some fifty that were not prepared one crashed.
const TIMES: u64 = 120;

/// Clients of a process, all of which are closing while it ends.
const CLIENTS: usize = 8;

/// After at most how long it ends: about as long as closing takes.
const LATEST_MS: u64 = 8;

/// Tells this program to be such a process, and after how many milliseconds to end.
const ENDS_AFTER: &str = "FLOWMILL_TEST_ENDS_AFTER_MS";

/// A client that speaks TLS to an address where nobody answers.
#[expect(clippy::disallowed_methods, reason = "the factory is above this crate")]
fn client(address: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address).set("security.protocol", "ssl");
    config.create().unwrap()
}

fn end_while_clients_close(after: Duration) -> ! {
    flowmill_librdkafka::prepare();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let clients: Vec<_> = (0..CLIENTS).map(|_| client(&address)).collect();
    let connected: Vec<TcpStream> = listener.incoming().take(CLIENTS).map(Result::unwrap).collect();
    for client in clients {
        thread::spawn(move || drop(client));
    }
    thread::sleep(after);
    drop(connected);
    exit(0)
}

#[test]
fn a_process_ends_well_while_its_clients_close() {
    if let Some(after) = std::env::var_os(ENDS_AFTER) {
        let after = after.to_str().unwrap().parse().unwrap();
        end_while_clients_close(Duration::from_millis(after));
    }
    let end = |time: u64| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.env(ENDS_AFTER, (time % LATEST_MS).to_string()).output().unwrap().status
    };
    let crashed: Vec<ExitStatus> = (0..TIMES).map(end).filter(|status| !status.success()).collect();
    assert!(crashed.is_empty(), "{crashed:?}");
}
