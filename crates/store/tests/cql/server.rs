//! One server for all tests that leave it running, and keyspaces that they take in turn.

use std::sync::{Condvar, LazyLock, Mutex};
use std::time::Duration;

use flowmill_rig::Cassandra;
use flowmill_store::CqlSettings;
use flowmill_store::cql::{InitPlan, Replication, init};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tokio::time::{Instant, sleep};

/// How long something may take that must happen.
pub(crate) const SOON: Duration = Duration::from_secs(120);

/// Keyspaces that tests share.
const KEYSPACES: usize = 2;

const TABLES: [&str; 9] = [
    "executions",
    "chunks",
    "lists",
    "list_buckets",
    "flows",
    "timers",
    "ends",
    "slots",
    "watermarks",
];

static SERVER: LazyLock<Cassandra> = LazyLock::new(|| Cassandra::start().expect("it starts"));

static FREE: Mutex<Vec<String>> = Mutex::new(Vec::new());
static MADE: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// Settings for a keyspace of the shared server.
pub(crate) fn settings(keyspace: &str) -> CqlSettings {
    settings_of(&SERVER, keyspace)
}

/// Settings for a keyspace of a server.
pub(crate) fn settings_of(server: &Cassandra, keyspace: &str) -> CqlSettings {
    let contact = server.contact();
    let mut settings = CqlSettings::of(contact.split(','));
    settings.keyspace = keyspace.into();
    settings.replication = Replication::Everywhere(1);
    settings
}

/// A session without any keyspace.
pub(crate) async fn session(settings: &CqlSettings) -> Session {
    let builder = SessionBuilder::new().known_nodes(&settings.nodes);
    builder.build().await.expect("the server answers")
}

/// A keyspace of the shared server that nobody else uses.
pub(crate) struct Lease(String);

impl Lease {
    /// Waits for one.
    pub(crate) fn take() -> Self {
        let mut free = FREE.lock().expect("no panic while it is held");
        loop {
            if let Some(name) = free.pop() {
                return Self(name);
            }
            let mut made = MADE.lock().expect("no panic while it is held");
            if *made < KEYSPACES {
                *made += 1;
                return Self(format!("test_{made}"));
            }
            drop(made);
            free = GIVEN_BACK.wait(free).expect("no panic while it is held");
        }
    }

    /// Settings for it.
    pub(crate) fn settings(&self) -> CqlSettings {
        settings(&self.0)
    }

    /// Prepares it and empties its tables.
    pub(crate) async fn clear(&self) -> CqlSettings {
        let settings = self.settings();
        init(&settings, InitPlan::default()).await.expect("the keyspace is prepared");
        let session = session(&settings).await;
        // A table without rows may hold deletions, which would hide what this test writes.
        for table in TABLES {
            let truncated = session.query_unpaged(format!("TRUNCATE {}.{table}", self.0), ()).await;
            truncated.expect("the table is emptied");
        }
        settings
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        FREE.lock().expect("no panic while it is held").push(std::mem::take(&mut self.0));
        GIVEN_BACK.notify_one();
    }
}

/// Waits until `holds` says so.
pub(crate) async fn wait_until<F>(what: &str, mut holds: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let deadline = Instant::now() + SOON;
    while !holds().await {
        assert!(Instant::now() < deadline, "it never happens: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}
