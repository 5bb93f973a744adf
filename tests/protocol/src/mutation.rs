//! Rules of the protocol, each left out or turned round.
//!
//! A model that holds shows little unless it stops holding when a rule is missing. Each mutation
//! belongs to the configuration that must catch it.

use crate::config::Config;

macro_rules! mutations {
    ($($variant:ident, $name:literal, $config:ident, $text:literal;)+) => {
        /// A rule that is left out or turned round.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutation {
            $(#[doc = $text] $variant,)+
        }

        impl Mutation {
            /// All of them, by configuration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The configuration that must catch it.
            pub const fn config(self) -> Config {
                match self { $(Self::$variant => Config::$config,)+ }
            }

            /// What is done, in plain words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

mutations! {
    NoGapCheck, "no-gap-check", Ownership,
        "An acknowledgement at any offset is taken for a commit.";
    StaleEpochs, "stale-epochs", Ownership,
        "A batch of an earlier epoch counts, too, if its number is the next one.";
    EqualClaims, "equal-claims", Ownership,
        "A claim of the same epoch as the latest valid one is valid, too.";
    ClaimNotReadUpTo, "claim-not-read-up-to", Ownership,
        "A node whose claim is acknowledged is owner without reading up to it.";
    SameEpochAgain, "same-epoch-again", Ownership,
        "After a time-out the owner reads on and goes on in the same epoch.";
    TimeoutIsFailure, "timeout-is-failure", Ownership,
        "A batch whose append timed out is taken for not written, and the next one has its number.";
    NoBatchNumber, "no-batch-number", Ownership,
        "A batch of the current epoch counts whatever its number.";
    FencedForGood, "fenced-for-good", Ownership,
        "An owner that was fenced does not claim again, though the shard is assigned to it.";

    SentBeforeCommit, "sent-before-commit", Outputs,
        "A task is sent before its batch is acknowledged.";
    MarkForgotten, "mark-forgotten", Outputs,
        "A new owner sends nothing again.";
    MarkOfOwnBatches, "mark-of-own-batches", Outputs,
        "The mark counts the outputs of the owner's own batches only.";
    WatermarkPastMark, "watermark-past-mark", Outputs,
        "The watermark moves past the dispatched mark.";
    OldEpochsDropped, "old-epochs-dropped", Outputs,
        "A worker drops every task of an epoch that is not the latest it knows.";
    SweptWithoutTimer, "swept-without-timer", Outputs,
        "A task that cannot be sent is left to a timer that it does not have.";
    SentAgainAsNewest, "sent-again-as-newest", Outputs,
        "A task that is sent again carries the number of the newest batch.";

    WatermarkBeforeRows, "watermark-before-rows", Projection,
        "The watermark is written before the rows that it covers.";
    WritersEpoch, "writers-epoch", Projection,
        "A watermark has the epoch of who writes it instead of the batch's.";
    WatermarkWithoutNumber, "watermark-without-number", Projection,
        "A watermark has no batch number; a reader takes the first that it finds.";
    LastArrivalWins, "last-arrival-wins", Projection,
        "A row that arrives later replaces a newer one.";
    ReplayWithoutSequence, "replay-without-sequence", Projection,
        "A replay folds events that the row has already.";
    MarginIgnored, "margin-ignored", Projection,
        "A recovery starts at the watermark instead of the margin mark.";
    MarginByLogTime, "margin-by-log-time", Projection,
        "The margin mark moves once its batch is old, whenever the rows were acknowledged.";
    TrimPastMargin, "trim-past-margin", Projection,
        "The log is trimmed to the watermark.";
    TrimToFreshMargin, "trim-to-fresh-margin", Projection,
        "The log is trimmed to a margin mark that the store acknowledged just now.";
    OneCell, "one-cell", Projection,
        "Watermark and margin mark are one cell with the watermark's timestamp.";

    WatermarkPastDeferral, "watermark-past-deferral", Deferrals,
        "The watermark moves past a deferral that is open.";
    ResolvedNotRecorded, "resolved-not-recorded", Deferrals,
        "A batch that decides a deferred input does not say so.";
    LaterInputOvertakes, "later-input-overtakes", Deferrals,
        "An input is decided while an earlier one of its execution is deferred.";
    OnePosition, "one-position", Deferrals,
        "Batches and watermarks hold the position of commands only.";

    ShortTimerSkipped, "short-timer-skipped", Timers,
        "A timer that is due soon gets no row: the owner has it in memory.";
    CursorNeverFalls, "cursor-never-falls", Timers,
        "The timer cursor of a watermark is never earlier than that of the one before.";
}

impl Mutation {
    /// The mutation with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutation| mutation.name() == name)
    }
}
