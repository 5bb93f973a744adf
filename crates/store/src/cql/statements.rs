//! Every statement on rows, in one place. Each is prepared once, marked as idempotent, and takes
//! its timestamp, if it has one, as a value.

use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::statement::prepared::PreparedStatement;

/// Rows taken in one answer of a server.
const PAGE_ROWS: i32 = 1_000;

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A statement on rows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Statement {
            $($(#[$doc])* $name,)*
        }

        impl Statement {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its text; `@` stands for the keyspace and a dot.
            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

statements! {
    /// State and listing of an execution.
    PutState = "INSERT INTO @executions (execution, bucket, state, listing) VALUES (?, ?, ?, ?) \
                USING TIMESTAMP ?";
    /// The same, with a row of history.
    PutStateAndEvents = "INSERT INTO @executions (execution, bucket, state, listing, place, events) \
                         VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    /// A row of history.
    PutEvents = "INSERT INTO @executions (execution, bucket, place, events) VALUES (?, ?, ?, ?) \
                 USING TIMESTAMP ?";
    /// That a timer of an execution is set.
    PutTimerSet = "INSERT INTO @executions (execution, bucket, place) VALUES (?, ?, ?) \
                   USING TIMESTAMP ?";
    /// That it is not, or no longer.
    DropTimerSet = "DELETE FROM @executions USING TIMESTAMP ? \
                    WHERE execution = ? AND bucket = ? AND place = ?";
    /// A bucket of an execution, whole.
    DropBucket = "DELETE FROM @executions USING TIMESTAMP ? WHERE execution = ? AND bucket = ?";
    /// An execution's state.
    GetState = "SELECT DISTINCT execution, bucket, state FROM @executions \
                WHERE execution = ? AND bucket = 0";
    /// How lists show an execution.
    GetListing = "SELECT DISTINCT execution, bucket, listing FROM @executions \
                  WHERE execution = ? AND bucket = 0";
    /// The last row of history, within a bucket, from a place down.
    GetPlacesDown = "SELECT place FROM @executions \
                     WHERE execution = ? AND bucket = ? AND place >= ? AND place <= ? \
                     ORDER BY place DESC";
    /// Rows of history within a bucket, between two places.
    GetEvents = "SELECT place, events FROM @executions \
                 WHERE execution = ? AND bucket = ? AND place >= ? AND place < ? LIMIT ?";
    /// Timers that are set, of an execution.
    GetTimersSet = "SELECT place FROM @executions \
                    WHERE execution = ? AND bucket = 0 AND place >= ?";
    /// A part of something large.
    PutChunk = "INSERT INTO @chunks (execution, owner, version, number, part) \
                VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
    /// All parts of something large.
    GetChunks = "SELECT number, part FROM @chunks \
                 WHERE execution = ? AND owner = ? AND version = ?";
    /// Parts of states that were replaced.
    DropOlderChunks = "DELETE FROM @chunks USING TIMESTAMP ? \
                       WHERE execution = ? AND owner = ? AND version < ?";
    /// Everything large of an execution.
    DropChunks = "DELETE FROM @chunks USING TIMESTAMP ? WHERE execution = ?";
    /// A row of a list.
    PutListed = "INSERT INTO @lists (flow, bucket, shard, slice, place, shown) \
                 VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    /// A row of a list by status.
    PutIndexed = "INSERT INTO @lists (flow, bucket, shard, slice, place) VALUES (?, ?, ?, ?, ?) \
                  USING TIMESTAMP ?";
    /// A row of a list that is not, or no longer, there.
    DropListed = "DELETE FROM @lists USING TIMESTAMP ? \
                  WHERE flow = ? AND bucket = ? AND shard = ? AND slice = ? AND place = ?";
    /// A part of a list whose executions are all gone.
    DropBucketOfList = "DELETE FROM @lists USING TIMESTAMP ? \
                        WHERE flow = ? AND bucket = ? AND shard = ?";
    /// Rows of a list, between two places, newest first.
    GetListed = "SELECT place, shown FROM @lists \
                 WHERE flow = ? AND bucket = ? AND shard = ? AND slice = ? \
                 AND place < ? AND place >= ? LIMIT ?";
    /// Rows of a list at these places.
    GetListedAt = "SELECT place, shown FROM @lists \
                   WHERE flow = ? AND bucket = ? AND shard = ? AND slice = ? AND place IN ?";
    /// That a part of a list has rows.
    PutListBucket = "INSERT INTO @list_buckets (flow, slice, bucket, shard) VALUES (?, ?, ?, ?) \
                     USING TIMESTAMP ?";
    /// That it has none any more.
    DropListBucket = "DELETE FROM @list_buckets USING TIMESTAMP ? \
                      WHERE flow = ? AND slice = ? AND bucket = ? AND shard = ?";
    /// The parts of a list, newest first.
    GetListBuckets = "SELECT bucket, shard FROM @list_buckets \
                      WHERE flow = ? AND slice = ? AND bucket <= ? AND bucket >= ?";
    /// That a flow has lists.
    PutFlow = "INSERT INTO @flows (one, namespace, name) VALUES (0, ?, ?) USING TIMESTAMP 1";
    /// All flows.
    GetFlows = "SELECT namespace, name FROM @flows WHERE one = 0";
    /// The flows of a namespace.
    GetFlowsOf = "SELECT namespace, name FROM @flows WHERE one = 0 AND namespace = ?";
    /// A pending timer.
    PutTimer = "INSERT INTO @timers (shard, slot, place, task) VALUES (?, ?, ?, ?) \
                USING TIMESTAMP ?";
    /// A timer that is not, or no longer, pending.
    DropTimer = "DELETE FROM @timers USING TIMESTAMP ? WHERE shard = ? AND slot = ? AND place = ?";
    /// Pending timers between two places.
    GetTimers = "SELECT place, task FROM @timers \
                 WHERE shard = ? AND slot = ? AND place > ? AND place < ? LIMIT ?";
    /// When an execution may be purged.
    PutEnd = "INSERT INTO @ends (shard, slot, place, version) VALUES (?, ?, ?, ?) \
              USING TIMESTAMP ?";
    /// An end that has moved.
    DropEnd = "DELETE FROM @ends USING TIMESTAMP ? WHERE shard = ? AND slot = ? AND place = ?";
    /// Ends that are dealt with.
    DropEnds = "DELETE FROM @ends USING TIMESTAMP ? WHERE shard = ? AND slot = ? AND place <= ?";
    /// Ends before a place, the earliest first.
    GetEnds = "SELECT place, version FROM @ends \
               WHERE shard = ? AND slot = ? AND place < ? LIMIT ?";
    /// That a slot has rows.
    PutSlot = "INSERT INTO @slots (shard, kind, slot) VALUES (?, ?, ?) USING TIMESTAMP ?";
    /// That it has none any more.
    DropSlot = "DELETE FROM @slots USING TIMESTAMP ? WHERE shard = ? AND kind = ? AND slot = ?";
    /// Slots with rows, between two.
    GetSlots = "SELECT slot FROM @slots WHERE shard = ? AND kind = ? AND slot >= ? AND slot <= ?";
    /// A shard's watermark.
    PutWatermark = "UPDATE @watermarks USING TIMESTAMP ? SET watermark = ? WHERE shard = ?";
    /// A shard's margin mark.
    PutMargin = "UPDATE @watermarks USING TIMESTAMP ? SET margin = ? WHERE shard = ?";
    /// Both.
    GetWatermarks = "SELECT watermark, margin FROM @watermarks WHERE shard = ?";
}

/// The statements, as the servers know them.
#[derive(Debug)]
pub(super) struct Statements(Vec<PreparedStatement>);

impl Statements {
    /// Prepares all of them for the tables of a keyspace.
    pub(super) async fn prepare(session: &Session, keyspace: &str) -> Result<Self, PrepareError> {
        let mut prepared = Vec::with_capacity(Statement::ALL.len());
        for statement in Statement::ALL {
            let text = statement.text().replace('@', &format!("{keyspace}."));
            let mut one = session.prepare(text).await?;
            one.set_is_idempotent(true);
            one.set_page_size(PAGE_ROWS);
            prepared.push(one);
        }
        Ok(Self(prepared))
    }

    /// One of them.
    pub(super) fn get(&self, statement: Statement) -> &PreparedStatement {
        &self.0[statement as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_has_a_timestamp_and_no_condition() {
        for statement in Statement::ALL {
            let text = statement.text();
            let changes = !text.starts_with("SELECT");
            assert_eq!(text.contains("USING TIMESTAMP"), changes, "{text}");
            assert!(!text.contains(" IF "), "{text}");
        }
    }
}
