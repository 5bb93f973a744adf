//! The runtime that executions decide on.

use std::io;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Handle, Runtime};

/// Bytes of each thread's stack: evaluating a deeply nested value recurses.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// A runtime of its own with a thread for each core, so that a slow expression delays no request
/// and no heartbeat. Dropping it does not wait: whoever decides has been stopped before.
pub(crate) struct Deciders(Option<Runtime>);

impl Deciders {
    /// Starts the runtime.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub(crate) fn start() -> io::Result<Self> {
        let threads = available_parallelism().map_or(1, usize::from);
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("decider").thread_stack_size(STACK_BYTES);
        builder.enable_all();
        Ok(Self(Some(builder.build()?)))
    }

    /// The way to it.
    pub(crate) fn handle(&self) -> Handle {
        let runtime = self.0.as_ref().expect("it is there until it is dropped");
        runtime.handle().clone()
    }
}

impl Drop for Deciders {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
