//! Prepares a keyspace: makes it, and runs the migrations it has not seen.
//!
//! Can be run again at any time, and by several at once: whoever holds the lock works, the others
//! wait and find nothing to do.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::statement::Consistency;
use scylla::statement::unprepared::Statement;
use tokio::time::{Instant, sleep};

use super::migrations::{self, BOOKKEEPING, MIGRATIONS, Migration, SchemaError};
use super::session::{ConnectError, connect};
use super::settings::{CqlSettings, Replication};

/// How long one statement may take: nobody waits for `init` but a person, and every node takes
/// part in a change of the schema.
const DDL_WAIT: Duration = Duration::from_secs(60);

/// Seconds after which the lock of somebody who died is free.
const LOCK_SECONDS: u32 = 120;

/// How long somebody else's work is waited for: until their lock would be free.
const LOCK_WAIT: Duration = Duration::from_secs(150);

/// Pause between two looks at the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(250);

/// What [`init`] is to do.
#[derive(Clone, Copy, Debug)]
pub struct InitPlan {
    /// Make the keyspace if there is none. Off where somebody else makes keyspaces.
    pub make_keyspace: bool,
}

impl Default for InitPlan {
    fn default() -> Self {
        Self { make_keyspace: true }
    }
}

/// Whose servers these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// ScyllaDB.
    ScyllaDb,
    /// Apache Cassandra.
    Cassandra,
}

/// What [`init`] found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitReport {
    /// Whose servers these are.
    pub server: Server,
    /// Whether there was no keyspace before.
    pub made_keyspace: bool,
    /// The migrations that were run now, in order.
    pub applied: Vec<&'static str>,
    /// The version that the keyspace has now.
    pub version: i32,
}

/// Why a keyspace was not prepared.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// No connection was made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The keyspace is of a later build, or cannot be read.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// There is no keyspace, and none was to be made.
    #[error("there is no keyspace `{0}`; make it, or let init make it")]
    NoKeyspace(String),
    /// More copies are asked for than there are nodes.
    #[error(
        "{copies} copies of each row do not fit on {nodes} node(s): no write would succeed; \
         use as many nodes, or ask for fewer copies (1 for a single node)"
    )]
    TooFewNodes {
        /// Copies asked for.
        copies: u8,
        /// Nodes there are.
        nodes: usize,
    },
    /// Somebody else has been preparing it for too long.
    #[error("somebody else (`{0}`) is preparing the keyspace; try again when that has ended")]
    Locked(String),
    /// A statement failed.
    #[error("the CQL server does not do what init needs: {source}; in: {statement}")]
    Failed {
        /// The statement.
        statement: String,
        /// What the driver said.
        source: Box<ExecutionError>,
    },
}

/// Says whether [`init`] would prepare the keyspace of `settings`, as far as can be said without
/// a change.
///
/// # Errors
/// As [`init`].
pub async fn examine(settings: &CqlSettings, plan: InitPlan) -> Result<(), InitError> {
    let session = connect(settings).await?;
    is_missing(&session, settings, plan).await.map(drop)
}

/// Prepares the keyspace of `settings` for this build.
///
/// # Errors
/// The cluster cannot be reached, has too few nodes or refuses a statement, or the keyspace is of
/// a later build; nothing is changed then, except that migrations before the one that failed
/// stay.
pub async fn init(settings: &CqlSettings, plan: InitPlan) -> Result<InitReport, InitError> {
    let mut patient = settings.clone();
    patient.tuning.request_wait = DDL_WAIT;
    let session = connect(&patient).await?;
    let keyspace = &settings.keyspace;
    let made_keyspace = is_missing(&session, settings, plan).await?;
    let server = server(&session).await?;
    if made_keyspace {
        run(&session, &keyspace_text(keyspace, &settings.replication, server)).await?;
    }
    run_all(&session, &migrations::statements(BOOKKEEPING, keyspace)).await?;
    let holder = lock(&session, keyspace).await?;
    let applied = migrate(&session, keyspace).await;
    unlock(&session, keyspace, &holder).await?;
    let version = migrations::newest();
    Ok(InitReport { server, made_keyspace, applied: applied?, version })
}

async fn server(session: &Session) -> Result<Server, InitError> {
    let own = "SELECT table_name FROM system_schema.tables \
               WHERE keyspace_name = 'system' AND table_name = 'scylla_local'";
    let rows = rows_of(session, Statement::new(own)).await?;
    Ok(if rows == 0 { Server::Cassandra } else { Server::ScyllaDb })
}

/// Whether the keyspace is to be made. One that cannot be made is refused, and so is one of a later
/// build.
async fn is_missing(
    session: &Session,
    settings: &CqlSettings,
    plan: InitPlan,
) -> Result<bool, InitError> {
    let keyspace = &settings.keyspace;
    if let Some(found) = migrations::version(session, keyspace).await? {
        migrations::not_newer(keyspace.clone(), found)?;
    }
    let there = format!(
        "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = '{keyspace}'"
    );
    if rows_of(session, Statement::new(there)).await? > 0 {
        return Ok(false);
    }
    if !plan.make_keyspace {
        return Err(InitError::NoKeyspace(keyspace.clone()));
    }
    let nodes = session.get_cluster_state().get_nodes_info().len();
    let copies = settings.replication.most();
    if usize::from(copies) > nodes {
        return Err(InitError::TooFewNodes { copies, nodes });
    }
    Ok(true)
}

/// The one statement that differs between servers. With tablets, ScyllaDB has conditions only
/// from 2025.4 on, and the lock needs them.
fn keyspace_text(keyspace: &str, replication: &Replication, server: Server) -> String {
    let copies = replication.text();
    let text = format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace} \
         WITH replication = {{'class': 'NetworkTopologyStrategy', {copies}}}"
    );
    match server {
        Server::ScyllaDb => format!("{text} AND tablets = {{'enabled': false}}"),
        Server::Cassandra => text,
    }
}

impl Replication {
    fn text(&self) -> String {
        match self {
            Self::Everywhere(copies) => format!("'replication_factor': {copies}"),
            Self::ByDatacenter(datacenters) => {
                let one = |(name, copies): (&String, &u8)| {
                    format!("'{}': {copies}", name.replace('\'', "''"))
                };
                datacenters.iter().map(one).collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn most(&self) -> u8 {
        match self {
            Self::Everywhere(copies) => *copies,
            Self::ByDatacenter(datacenters) => datacenters.values().max().copied().unwrap_or(0),
        }
    }
}

/// Runs the migrations that the keyspace has not seen; their names.
async fn migrate(session: &Session, keyspace: &str) -> Result<Vec<&'static str>, InitError> {
    let found = migrations::version(session, keyspace).await?.unwrap_or(0);
    migrations::not_newer(keyspace.to_owned(), found)?;
    let mut applied = Vec::new();
    for Migration { version, name, text } in MIGRATIONS {
        if *version <= found {
            continue;
        }
        run_all(session, &migrations::statements(text, keyspace)).await?;
        let note = format!(
            "INSERT INTO {keyspace}.schema_versions (one, version, name) \
             VALUES (0, {version}, '{name}')"
        );
        run(session, &note).await?;
        applied.push(*name);
    }
    Ok(applied)
}

/// Waits until nobody else prepares the keyspace; the name under which the lock is held.
async fn lock(session: &Session, keyspace: &str) -> Result<String, InitError> {
    let holder = session.session_id().to_string();
    let take = format!(
        "INSERT INTO {keyspace}.init_locks (name, holder) VALUES ('init', '{holder}') \
         IF NOT EXISTS USING TTL {LOCK_SECONDS}"
    );
    let give_up = Instant::now() + LOCK_WAIT;
    loop {
        // Whether it was applied is not asked of the answer, which may never come, but of the
        // row.
        let tried = session.query_unpaged(Statement::new(&take), ()).await;
        match holder_of(session, keyspace).await? {
            Some(found) if found == holder => return Ok(holder),
            Some(other) if Instant::now() >= give_up => return Err(InitError::Locked(other)),
            Some(_) => {}
            None if Instant::now() >= give_up => {
                tried.map_err(|source| failed(&take, source))?;
            }
            None => {}
        }
        sleep(LOCK_PAUSE).await;
    }
}

/// Who holds the lock, as the servers agree on it.
async fn holder_of(session: &Session, keyspace: &str) -> Result<Option<String>, InitError> {
    let text = format!("SELECT holder FROM {keyspace}.init_locks WHERE name = 'init'");
    let mut ask = Statement::new(&text);
    ask.set_consistency(Consistency::LocalSerial);
    let answered = session.query_unpaged(ask, ()).await.map_err(|source| failed(&text, source))?;
    let Ok(rows) = answered.into_rows_result() else { return Ok(None) };
    let first = rows.maybe_first_row::<(Option<String>,)>();
    Ok(first.ok().flatten().and_then(|(holder,)| holder))
}

async fn unlock(session: &Session, keyspace: &str, holder: &str) -> Result<(), InitError> {
    let text =
        format!("DELETE FROM {keyspace}.init_locks WHERE name = 'init' IF holder = '{holder}'");
    run(session, &text).await
}

async fn run_all(session: &Session, statements: &[String]) -> Result<(), InitError> {
    for statement in statements {
        run(session, statement).await?;
    }
    Ok(())
}

async fn run(session: &Session, text: &str) -> Result<(), InitError> {
    let mut statement = Statement::new(text);
    statement.set_request_timeout(Some(DDL_WAIT));
    let done = session.query_unpaged(statement, ()).await;
    done.map(drop).map_err(|source| failed(text, source))
}

async fn rows_of(session: &Session, statement: Statement) -> Result<usize, InitError> {
    let text = statement.contents.clone();
    let answered = session.query_unpaged(statement, ()).await;
    let answered = answered.map_err(|source| failed(&text, source))?;
    Ok(answered.into_rows_result().map_or(0, |rows| rows.rows_num()))
}

fn failed(statement: &str, source: ExecutionError) -> InitError {
    InitError::Failed { statement: statement.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keyspace_differs_between_servers() {
        let text = |server| keyspace_text("ks", &Replication::Everywhere(3), server);
        let cassandra = text(Server::Cassandra);
        assert_eq!(
            cassandra,
            "CREATE KEYSPACE IF NOT EXISTS ks \
             WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 3}"
        );
        let tablets = " AND tablets = {'enabled': false}";
        assert_eq!(text(Server::ScyllaDb), format!("{cassandra}{tablets}"));
    }

    #[test]
    fn copies_can_be_said_by_data_centre() {
        let datacenters = [("a".to_owned(), 3), ("b'".to_owned(), 2)].into_iter().collect();
        let replication = Replication::ByDatacenter(datacenters);
        assert_eq!(replication.text(), "'a': 3, 'b''': 2");
        assert_eq!(replication.most(), 3);
    }
}
