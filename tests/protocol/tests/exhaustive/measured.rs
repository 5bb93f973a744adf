//! What the searches give. They are the same each time, so a difference means that a model shows
//! something else than before.

use flowmill_protocol::Config;
use flowmill_protocol::Mutation::{self, *};
use flowmill_protocol::Property::{self, *};

/// How many states each configuration has.
const STATES: &[(Config, usize)] = &[
    (Config::Ownership, 6_554_738),
    (Config::Outputs, 1_848_865),
    (Config::Projection, 4_182_353),
    (Config::Deferrals, 620_349),
    (Config::Timers, 233_852),
];

/// What each mutation breaks, and in how many steps at least.
const CAUGHT: &[(Mutation, Property, usize)] = &[
    (NoGapCheck, S4, 11),
    (StaleEpochs, S4, 15),
    (EqualClaims, S4, 14),
    (ClaimNotReadUpTo, S2, 9),
    (SameEpochAgain, S4, 10),
    (TimeoutIsFailure, S4, 10),
    (NoBatchNumber, S1, 7),
    (FencedForGood, S1, 11),
    (SentBeforeCommit, S3, 4),
    (MarkForgotten, S5, 12),
    (MarkOfOwnBatches, S5, 12),
    (WatermarkPastMark, S5, 12),
    (OldEpochsDropped, S5, 14),
    (SweptWithoutTimer, S5, 13),
    (SentAgainAsNewest, S5, 17),
    (WatermarkBeforeRows, S6, 4),
    (WritersEpoch, S2, 5),
    (WatermarkWithoutNumber, S2, 5),
    (LastArrivalWins, S6, 7),
    (ReplayWithoutSequence, S6, 3),
    (MarginIgnored, S6, 5),
    (MarginByLogTime, S6, 7),
    (TrimPastMargin, S6, 5),
    (TrimToFreshMargin, S6, 8),
    (OneCell, S6, 11),
    (WatermarkPastDeferral, S7, 6),
    (ResolvedNotRecorded, S8, 9),
    (LaterInputOvertakes, S7, 3),
    (OnePosition, S1, 6),
    (ShortTimerSkipped, S9, 13),
    (CursorNeverFalls, S9, 16),
];

/// The number of states that a configuration has.
pub(crate) fn states_of(config: Config) -> usize {
    let listed = STATES.iter().find(|(named, _)| *named == config);
    listed.unwrap_or_else(|| panic!("{} is not listed", config.name())).1
}

/// What a mutation breaks, and in how many steps.
pub(crate) fn broken_by(mutation: Mutation) -> (Property, usize) {
    let listed = CAUGHT.iter().find(|(named, ..)| *named == mutation);
    let (_, property, steps) = listed.unwrap_or_else(|| panic!("{mutation:?} is not listed"));
    (*property, *steps)
}
