//! How many clients there are, for who must wait until they are gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Counts clients. Clones share the count.
#[derive(Clone)]
pub(super) struct Living(Arc<watch::Sender<usize>>);

/// One client that is there; gone when it is dropped.
pub(super) struct Alive(Living);

impl Default for Living {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Living {
    pub(super) fn begin(&self) -> Alive {
        self.0.send_modify(|count| *count += 1);
        Alive(self.clone())
    }

    pub(super) async fn none(&self, limit: Duration) -> bool {
        let mut count = self.0.subscribe();
        let none = count.wait_for(|count| *count == 0);
        matches!(tokio::time::timeout(limit, none).await, Ok(Ok(_)))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
