//! The suite that every store passes: the sentences of the contract, one check each.
//!
//! An implementation gives a [`Subject`] and runs [`store_conformance!`](crate::store_conformance)
//! in its tests, which makes one test per check. A check panics when the contract is broken.
//! What time and failures do to an implementation is its own tests' matter; the one exception is
//! the crash of the process that [`Subject::crash`] stands for.

mod history;
mod lists;
mod purge;
pub(crate) mod sample;
mod timers;
mod versions;
mod watermarks;

use std::sync::Arc;

use futures::future::BoxFuture;

pub use history::*;
pub use lists::*;
pub use purge::*;
pub use timers::*;
pub use versions::*;
pub use watermarks::*;

use crate::contract::Store;

/// An implementation under test.
pub trait Subject: Send + Sync {
    /// An empty store.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>>;

    /// What a new process finds after `store`'s was killed: rows that no watermark covers may
    /// be gone.
    fn crash(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>>;
}

/// Makes one `#[tokio::test]` per check, for the [`Subject`] that the expression gives.
#[macro_export]
macro_rules! store_conformance {
    ($subject:expr) => {
        $crate::store_conformance! { @each $subject;
            a_written_execution_is_loaded
            an_execution_that_was_not_written_is_not_there
            a_higher_version_replaces_state_and_listing
            a_lower_version_changes_neither_state_nor_listing_nor_timers
            the_same_write_again_changes_nothing
            the_same_version_again_brings_timers_that_were_missing
            writes_of_several_shards_at_once_are_all_there
            history_is_read_from_every_sequence_in_pages_of_every_size
            history_of_a_late_lower_version_is_kept
            history_cut_at_other_events_is_whole_from_every_sequence
            histories_of_neighbours_do_not_mix
            timers_come_in_order_in_pages_of_every_size
            timers_due_at_the_bound_or_later_are_not_given
            timers_set_and_cleared_over_several_flushes_leave_those_pending
            timers_of_one_shard_are_not_those_of_another
            lists_are_newest_first_also_at_equal_starts
            every_filter_of_a_list_narrows_it_down
            a_changed_status_moves_an_execution_between_lists
            a_purge_deletes_every_row_of_what_ended_before
            a_purge_leaves_what_runs_what_ended_later_and_other_shards
            a_bounded_purge_takes_the_earliest_ends_first
            an_end_that_moved_is_purged_by_the_latest
            each_execution_is_purged_at_its_own_time
            a_shard_without_a_watermark_has_none
            a_watermark_is_given_back_whole_and_never_falls
            a_watermark_of_a_new_log_generation_replaces_a_higher_offset
            watermarks_of_shards_that_come_together_are_all_set
            rows_below_a_watermark_survive_a_crash
            versions_are_compared_with_those_before_a_crash
        }
    };
    (@each $subject:expr; $($check:ident)*) => {
        $(
            #[tokio::test]
            async fn $check() {
                $crate::conformance::$check(&$subject).await;
            }
        )*
    };
}
