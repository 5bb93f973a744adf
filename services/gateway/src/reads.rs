//! Reads executions and their histories.
//!
//! The owner of the shard answers. While it is away, an execution is read from the store and
//! said to be stale; one that is not there is one that this gateway acknowledged, or the read is
//! refused for now. **Invariant:** only the owner's word is "unknown".

use std::time::Duration;

use flowmill_log::{Partition, Topic};
use flowmill_model::{ErrorCode, ExecutionId, FlowVersion, Sequence, limits};
use flowmill_routing::{AskError, EventView, ExecutionView, HistoryPage, Position};

use crate::gateway::{ask, has_moved, no_such_execution};
use crate::{Gateway, Refusal, stale};

/// Events asked for at once: as many as their bytes allow are put into one page.
const EVENTS: usize = 32;

/// An execution, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// As the owner sees it.
    Current(ExecutionView),
    /// As the store has it; the owner could not be asked.
    Stale(ExecutionView),
    /// Only its start is known, as durable; the owner could not be asked.
    Accepted {
        /// The execution.
        id: ExecutionId,
        /// The version it runs.
        flow: FlowVersion,
    },
}

impl Gateway {
    /// Reads an execution. With `after` the answer has seen that write.
    ///
    /// # Errors
    /// `not-found` by the owner's word only; `unavailable` and `overloaded`.
    pub async fn read(&self, id: ExecutionId, after: Option<Position>) -> Result<Read, Refusal> {
        self.check_shard(id)?;
        let after = of_shard(id, after);
        let first = self.read_or_stale(id, after, limits::READ_WAIT).await;
        match (&first, after) {
            // The store has not seen the write yet; an owner may come that has.
            (Err(refusal), Some(_)) if refusal.code == ErrorCode::Unavailable => {
                self.check_position(after).await?;
                self.read_or_stale(id, after, limits::COMMAND_WAIT - limits::READ_WAIT).await
            }
            _ => first,
        }
    }

    /// Asks the owner; the store, if there is none or it does not answer in time.
    async fn read_or_stale(
        &self,
        id: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Read, Refusal> {
        let owners = &self.parts().owners;
        match ask(within, has_moved, |left| owners.read(id, after, left)).await {
            Ok(Some(view)) => Ok(Read::Current(view)),
            Ok(None) => Err(no_such_execution(id)),
            Err(error @ AskError::Busy(_)) => Err(error.into()),
            Err(AskError::NoOwner(_) | AskError::Moved(_) | AskError::TimedOut(_)) => {
                stale::read(self, id, after).await
            }
        }
    }

    /// Refuses a position beyond the log's end: nothing will ever have seen it.
    async fn check_position(&self, after: Option<Position>) -> Result<(), Refusal> {
        let Some(Position { shard, offset }) = after else { return Ok(()) };
        let commands = Partition::of_shard(Topic::Commands, shard);
        match self.parts().log.bounds(&commands).await {
            Ok(bounds) if offset >= bounds.end => {
                Err(Refusal::bad_request("the position is none that was given by this log"))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Waits for an execution's end, at most `within` and [`limits::END_WAIT`]; `None` when it
    /// has not ended by then or the gateway comes to its end.
    ///
    /// # Errors
    /// As for [`Gateway::read`].
    pub async fn wait(
        &self,
        id: ExecutionId,
        after: Option<Position>,
        within: Duration,
    ) -> Result<Option<ExecutionView>, Refusal> {
        self.check_shard(id)?;
        let (owners, after) = (&self.parts().owners, of_shard(id, after));
        let within = within.min(limits::END_WAIT);
        let again = |error| match error {
            AskError::NoOwner(_) | AskError::Moved(_) | AskError::Busy(_) => true,
            AskError::TimedOut(_) => false,
        };
        let ended = ask(within, again, |left| owners.ended(id, after, left));
        let answer = tokio::select! {
            biased;
            answer = ended => answer,
            () = self.0.draining.cancelled() => return Ok(None),
        };
        match answer {
            Ok(Some(view)) => Ok(Some(view)),
            Ok(None) => Err(no_such_execution(id)),
            Err(_) => Ok(None),
        }
    }

    /// Reads a part of an execution's history: at most `limit` events from `from` on, fewer when
    /// they are large.
    ///
    /// # Errors
    /// As for [`Gateway::read`].
    pub async fn history(
        &self,
        id: ExecutionId,
        from: Sequence,
        limit: usize,
    ) -> Result<HistoryPage, Refusal> {
        self.check_shard(id)?;
        let limit = limit.clamp(1, limits::PAGE_ENTRIES);
        let mut events: Vec<EventView> = Vec::new();
        let (mut next, mut bytes) = (Some(from), 0);
        while let Some(from) = next
            && events.len() < limit
            && bytes < limits::PAGE_BYTES
        {
            let page = self.ask_history(id, from, EVENTS.min(limit - events.len())).await?;
            bytes += page.events.iter().map(|event| event.detail.len()).sum::<usize>();
            next = page.next;
            events.extend(page.events);
        }
        Ok(HistoryPage { events, next })
    }

    async fn ask_history(
        &self,
        id: ExecutionId,
        from: Sequence,
        limit: usize,
    ) -> Result<HistoryPage, Refusal> {
        let owners = &self.parts().owners;
        let question = |left| owners.history(id, from, limit, left);
        let answer = ask(limits::READ_WAIT, has_moved, question).await;
        answer?.ok_or_else(|| no_such_execution(id))
    }
}

/// A position says something about the executions of its own shard only.
fn of_shard(id: ExecutionId, after: Option<Position>) -> Option<Position> {
    after.filter(|position| position.shard == id.shard())
}
