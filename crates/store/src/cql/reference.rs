//! The reference of the tables, made from the migrations. A test keeps it up to date: with
//! `FLOWMILL_BLESS=1` it writes docs/reference/tables.md, else it compares.

use std::fs;
use std::path::Path;

use super::migrations::{BOOKKEEPING, MIGRATIONS};

const FILE: &str = "../../docs/reference/tables.md";

const OPENING: &str = "\
# Tables

What the store keeps in ScyllaDB or Cassandra, table by table. `flowmill init` makes the keyspace
and these tables; the engine refuses a keyspace whose schema is older or newer than its own. The
texts are the same for both servers; only the keyspace differs: on ScyllaDB it is made without
tablets, since the lock of `init` is a condition.

Everything here follows from the log. Every row is written with a timestamp of its own, the
**version**: the log's generation and the offset in `history` of the batch that last changed the
execution. So a late or repeated write never wins. Do not write to these tables, and never delete
from them without a timestamp: it would hide every later write.

Keys of several parts are one blob, big-endian. Cells are framed: kind, version, length, bytes.
";

/// The whole reference, in Markdown.
fn reference() -> String {
    let mut text = OPENING.to_owned();
    let steps = MIGRATIONS.iter().map(|step| (step.version, step.name, step.text));
    for (version, name, migration) in [(0, "bookkeeping", BOOKKEEPING)].into_iter().chain(steps) {
        text.push_str(&format!("\n## {version}: {name}\n"));
        for table in migration.split("\n\n") {
            describe(&mut text, table);
        }
    }
    text
}

/// One table: its name, what its comment says, its statement.
fn describe(text: &mut String, table: &str) {
    let is_comment = |line: &&str| line.starts_with("--");
    let comment: Vec<_> =
        table.lines().filter(is_comment).map(|line| line.trim_start_matches("--").trim()).collect();
    let statement: Vec<_> = table.lines().filter(|line| !is_comment(line)).collect();
    let statement = statement.join("\n");
    let name = statement.trim().strip_prefix("CREATE TABLE IF NOT EXISTS ");
    let name = name.and_then(|rest| rest.split(' ').next()).expect("a table has a name");
    let (comment, statement) = (comment.join("\n"), statement.trim());
    text.push_str(&format!("\n### `{name}`\n\n{comment}\n\n```sql\n{statement}\n```\n"));
}

#[test]
fn the_reference_of_the_tables_is_the_one_that_the_migrations_make() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let made = reference();
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        fs::write(&file, made).expect("the reference is written");
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == made, "docs/reference/tables.md is out of date; run `cargo xtask bless`");
}
