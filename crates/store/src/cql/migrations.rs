//! The schema, as numbered migrations, and what a keyspace has of it.
//!
//! A migration is a file of statements that can be run again: each makes something unless it is
//! there. One that was released is never changed. The texts are the same for ScyllaDB and
//! Cassandra; what differs is said with the keyspace, in `init.rs`.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::statement::unprepared::Statement;

use super::settings::CqlSettings;

/// How long a look at the schema may take. It is done once, and a failure is final.
const LOOK: Duration = Duration::from_secs(20);

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// Its number, from 1.
    pub(super) version: i32,
    /// What it makes.
    pub(super) name: &'static str,
    /// Its statements, with comments.
    pub(super) text: &'static str,
}

/// All of them, in order.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "executions",
        text: include_str!("migrations/0001-executions.cql"),
    },
    Migration { version: 2, name: "lists", text: include_str!("migrations/0002-lists.cql") },
    Migration { version: 3, name: "time", text: include_str!("migrations/0003-time.cql") },
];

/// What `init` keeps for itself; made before any migration.
pub(super) const BOOKKEEPING: &str = include_str!("migrations/0000-bookkeeping.cql");

/// The version that this build's schema has.
pub(super) const fn newest() -> i32 {
    MIGRATIONS[MIGRATIONS.len() - 1].version
}

/// The statements of a text, without comments, for the tables of a keyspace.
pub(super) fn statements(text: &str, keyspace: &str) -> Vec<String> {
    let code = |line: &&str| !line.trim_start().starts_with("--");
    let text: Vec<&str> = text.lines().filter(code).collect();
    let statements = text.join("\n");
    let made = format!("CREATE TABLE IF NOT EXISTS {keyspace}.");
    let of_keyspace = |text: &str| text.trim().replace("CREATE TABLE IF NOT EXISTS ", &made);
    statements.split(';').map(of_keyspace).filter(|text| !text.is_empty()).collect()
}

/// Why a keyspace cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// There is no such keyspace, or nothing in it.
    #[error("keyspace `{keyspace}` is not prepared; run `flowmill init --cql {nodes}`")]
    Missing {
        /// The keyspace.
        keyspace: String,
        /// The nodes named.
        nodes: String,
    },
    /// An earlier build prepared it.
    #[error(
        "keyspace `{keyspace}` has schema version {found}, this build needs {needed}; \
         run `flowmill init --cql {nodes}` with this build"
    )]
    Older {
        /// The keyspace.
        keyspace: String,
        /// The nodes named.
        nodes: String,
        /// Its version.
        found: i32,
        /// This build's version.
        needed: i32,
    },
    /// A later build prepared it.
    #[error(
        "keyspace `{keyspace}` has schema version {found}, this build knows up to {known}; \
         run the newer build that prepared it, or one after it"
    )]
    Newer {
        /// The keyspace.
        keyspace: String,
        /// Its version.
        found: i32,
        /// This build's version.
        known: i32,
    },
    /// The servers do not say.
    #[error("the schema of keyspace `{keyspace}` cannot be read: {source}")]
    Unreadable {
        /// The keyspace.
        keyspace: String,
        /// What the driver said.
        source: Box<ExecutionError>,
    },
}

/// Checks that a keyspace has exactly this build's schema.
pub(super) async fn check(session: &Session, settings: &CqlSettings) -> Result<(), SchemaError> {
    let (keyspace, nodes) = (settings.keyspace.clone(), settings.addresses());
    let needed = newest();
    match version(session, &settings.keyspace).await? {
        None => Err(SchemaError::Missing { keyspace, nodes }),
        Some(found) if found < needed => Err(SchemaError::Older { keyspace, nodes, found, needed }),
        Some(found) => not_newer(keyspace, found),
    }
}

/// Refuses a version that a later build has made.
pub(super) fn not_newer(keyspace: String, found: i32) -> Result<(), SchemaError> {
    let known = newest();
    if found > known { Err(SchemaError::Newer { keyspace, found, known }) } else { Ok(()) }
}

/// The version of a keyspace's schema; `None` when there is none.
pub(super) async fn version(session: &Session, keyspace: &str) -> Result<Option<i32>, SchemaError> {
    let unreadable = |source| SchemaError::Unreadable {
        keyspace: keyspace.to_owned(),
        source: Box::new(source),
    };
    let there = "SELECT table_name FROM system_schema.tables \
                 WHERE keyspace_name = ? AND table_name = 'schema_versions'";
    let tables = session.query_unpaged(patient(there), (keyspace,)).await.map_err(unreadable)?;
    if tables.into_rows_result().is_ok_and(|rows| rows.rows_num() == 0) {
        return Ok(None);
    }
    let applied = format!("SELECT version FROM {keyspace}.schema_versions WHERE one = 0");
    let rows = session.query_unpaged(patient(&applied), ()).await.map_err(unreadable)?;
    let Ok(rows) = rows.into_rows_result() else { return Ok(None) };
    let versions = rows.rows::<(i32,)>().into_iter().flatten().flatten();
    Ok(versions.map(|(version,)| version).max())
}

fn patient(text: &str) -> Statement {
    let mut statement = Statement::new(text);
    statement.set_request_timeout(Some(LOOK));
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        let numbers: Vec<i32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let expected: Vec<i32> = (1..).take(MIGRATIONS.len()).collect();
        assert_eq!(numbers, expected);
        assert_eq!(newest(), 3);
    }

    #[test]
    fn every_statement_can_be_run_again_and_names_its_keyspace() {
        let texts = MIGRATIONS.iter().map(|migration| migration.text).chain([BOOKKEEPING]);
        for statement in texts.flat_map(|text| statements(text, "ks")) {
            assert!(statement.starts_with("CREATE TABLE IF NOT EXISTS ks."), "{statement}");
            assert!(!statement.contains("--"), "{statement}");
        }
    }
}
