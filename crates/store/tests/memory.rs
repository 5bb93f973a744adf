//! The memory store: conformance.

use std::sync::Arc;

use flowmill_store::conformance::Subject;
use flowmill_store::{MemoryStore, Store};
use futures::FutureExt;
use futures::future::BoxFuture;

struct Memory;

impl Subject for Memory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }.boxed()
    }

    fn crash(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        async { store }.boxed()
    }
}

flowmill_store::store_conformance!(Memory);
