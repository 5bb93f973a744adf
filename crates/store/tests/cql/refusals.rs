//! What a person sees who names the wrong thing.

use std::io::Write as _;

use flowmill_store::CqlStore;
use flowmill_store::cql::Tls;

use crate::server::settings;

async fn refusal(settings: &flowmill_store::CqlSettings) -> String {
    CqlStore::open(settings).await.expect_err("it is refused").to_string()
}

#[tokio::test]
async fn a_node_that_is_not_there_is_named() {
    let mut settings = settings("anything");
    settings.nodes = vec!["127.0.0.1:1".into()];
    assert!(refusal(&settings).await.contains("no CQL server answers at 127.0.0.1:1"));
    settings.nodes.clear();
    assert!(refusal(&settings).await.contains("give at least one as host:port"));
}

#[tokio::test]
async fn a_keyspace_name_that_could_be_a_statement_is_refused() {
    let settings = settings("a; DROP KEYSPACE b");
    assert!(refusal(&settings).await.contains("is no keyspace name"));
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_named() {
    let mut settings = settings("anything");
    settings.tls = Some(Tls { authorities: "/nowhere/ca.pem".into() });
    assert!(refusal(&settings).await.contains("the certificates in /nowhere/ca.pem"));
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"no certificate").expect("it is written");
    settings.tls = Some(Tls { authorities: file.path().into() });
    assert!(refusal(&settings).await.contains("there is none"));
}
