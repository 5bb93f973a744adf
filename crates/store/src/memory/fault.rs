//! What a simulation can make go wrong in a [`MemoryStore`](super::MemoryStore).
//!
//! The hook is asked once per call, in the order of the calls, and decides from its own seed; so
//! the same seed gives the same run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flowmill_model::ShardId;

pub use crate::contract::Operation;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The call takes this long, then goes as it would have gone.
    Slow(Duration),
    /// The caller is told [`Unavailable`](crate::StoreError::Unavailable).
    Unknown {
        /// When it is told so, after the call.
        answered: Duration,
        /// When a change happens nevertheless, after the call; `None`: never.
        applied: Option<Duration>,
    },
    /// A change is refused with [`Full`](crate::StoreError::Full). Reads go as usual.
    Full,
}

/// One call, as a hook sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub operation: Operation,
    /// The shard it is about; `None` for a list.
    pub shard: Option<ShardId>,
}

/// Decides about each call.
pub type FaultHook = Arc<dyn Fn(Call) -> Fault + Send + Sync>;

/// How a [`MemoryStore`](super::MemoryStore) misbehaves. The default does not.
#[derive(Clone, Default)]
pub struct Faults {
    /// Asked at every call.
    pub hook: Option<FaultHook>,
    /// A [`crash`](super::MemoryStore::crash) may lose writes acknowledged so recently. Makes
    /// [`may_lose_acknowledged`](crate::Store::may_lose_acknowledged) true, and the margin mark
    /// lag behind the watermark by as much.
    pub loss_window: Option<Duration>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("hook", &self.hook.is_some())
            .field("loss_window", &self.loss_window)
            .finish()
    }
}
