//! The suite that every store passes.

use std::sync::Arc;

use flowmill_store::conformance::Subject;
use flowmill_store::{CqlStore, Store};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::server::Lease;

/// A keyspace of the shared server.
struct Cql(Lease);

impl Cql {
    fn new() -> Self {
        Self(Lease::take())
    }
}

impl Subject for Cql {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        async {
            let settings = self.0.clear().await;
            Arc::new(CqlStore::open(&settings).await.expect("it opens")) as Arc<dyn Store>
        }
        .boxed()
    }

    /// A new process begins with nothing but what is stored.
    fn crash(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        async move {
            drop(store);
            let opened = CqlStore::open(&self.0.settings()).await;
            Arc::new(opened.expect("it opens")) as Arc<dyn Store>
        }
        .boxed()
    }
}

flowmill_store::store_conformance!(Cql::new());
