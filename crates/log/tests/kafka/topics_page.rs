//! docs/reference/topics.md, made from the table of topics. With `FLOWMILL_BLESS=1` it is written,
//! else compared.

use std::path::Path;

use flowmill_log::Retention;
use flowmill_log::kafka::ClusterName;
use flowmill_log::kafka::table::{
    DEFAULT_SHARDS, Partitions, Replicas, SHARDS_MAX, TopicName, TopicRow, rows, settings,
};

const FILE: &str = "../../docs/reference/topics.md";

fn page() -> String {
    let default = ClusterName::default();
    let mut page = format!(
        "# Topics\n\n\
         What `flowmill init` makes in Kafka, and what every node checks before it starts. Names begin \
         with the cluster's name and a dot, `{}` here. This page is made from the source; a test keeps \
         it up to date.\n\n\
         | Topic | Partitions | Kept | Key | Holds |\n|---|---|---|---|---|\n",
        default.prefix(),
    );
    for row in rows() {
        let (name, partitions, kept) = (name(&row), partitions(&row), kept(row.retention));
        let (key, holds) = (row.key, row.holds);
        page.push_str(&format!("| `{name}` | {partitions} | {kept} | {key} | {holds} |\n"));
    }
    page.push_str(&format!(
        "\nA shard is a partition of commands, results and history: {DEFAULT_SHARDS} unless `--shards` \
         says otherwise, {SHARDS_MAX} at most. They can be added later and never removed.\n\n\
         ## Settings\n\n\
         Every topic has {} replicas, of which {} must have a record before it is acknowledged; with \
         `--single-broker` one, which loses records with its disk. These are set on each topic, and a \
         node refuses to start when one is not as here. A longer retention and a larger record are \
         accepted, except where records are kept until the engine trims them.\n\n\
         | Setting | history, cluster | commands, results, tasks, lifecycle | dlq | definitions, shards |\n\
         |---|---|---|---|---|\n",
        Replicas::SAFE.count,
        Replicas::SAFE.in_sync,
    ));
    for line in setting_lines() {
        page.push_str(&line);
    }
    page.push_str(GROUPS);
    page
}

const GROUPS: &str = "
## Groups

| Group | Members |
|---|---|
| `flowmill.orchestrators` | Nodes that share the shards. It subscribes to commands and fetches nothing; its offsets show the lag. |
| `flowmill.workers.<queue>` | Workers of a queue. Its offsets tell that tasks were picked up, so the name is part of the worker contract. |
| `flowmill.trigger.<namespace>.<flow>` | Gateways that start executions of a flow from a topic. |
| `flowmill.reader` | Nobody: a name for clients that read partitions by hand. It commits nothing. |

With access lists, a node needs on the prefix: create, describe, alter its settings, read, write and delete records of topics; describe
and read groups. `flowmill init` needs the same and nothing else.
";

fn name(row: &TopicRow) -> String {
    let prefix = ClusterName::default().prefix();
    match &row.name {
        TopicName::Of(topic) => format!("{prefix}{topic}"),
        TopicName::EachQueue => format!("{prefix}tasks.<queue>"),
        TopicName::Identity => ClusterName::default().identity_topic(),
    }
}

fn partitions(row: &TopicRow) -> String {
    match row.partitions {
        Partitions::PerShard => "one per shard".to_owned(),
        Partitions::AtLeast(count) => format!("{count}"),
        Partitions::One => "1".to_owned(),
    }
}

fn kept(retention: Retention) -> String {
    match retention {
        Retention::UntilTrimmed => "until trimmed".to_owned(),
        Retention::For(time) => format!("{} d", time.as_secs() / 86_400),
        Retention::Compacted => "the last of each key".to_owned(),
    }
}

/// One line for each setting, with its value for each kind of retention.
fn setting_lines() -> Vec<String> {
    let mut kinds: Vec<Retention> = Vec::new();
    for row in rows() {
        if !kinds.contains(&row.retention) {
            kinds.push(row.retention);
        }
    }
    let order = |kind: &Retention| match kind {
        Retention::UntilTrimmed => (0, 0),
        Retention::For(time) => (1, time.as_secs()),
        Retention::Compacted => (2, 0),
    };
    kinds.sort_by_key(order);
    let columns: Vec<_> = kinds.iter().map(|kind| settings(*kind, Replicas::SAFE)).collect();
    let line = |key: &str| {
        let value = |column: &Vec<(&str, String)>| {
            let found = column.iter().find(|(name, _)| *name == key);
            found.map_or("—".to_owned(), |(_, value)| format!("`{value}`"))
        };
        let cells: Vec<_> = columns.iter().map(value).collect();
        format!("| `{key}` | {} |\n", cells.join(" | "))
    };
    columns[0].iter().map(|(key, _)| line(key)).collect()
}

#[test]
fn the_page_of_the_topics_is_made_from_the_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        std::fs::write(&file, page()).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == page(), "{FILE} is not up to date: `cargo xtask bless` writes it");
}
