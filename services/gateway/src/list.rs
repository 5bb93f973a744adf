//! Lists executions, from the store.
//!
//! A list lags behind the shards by their projection; reading an execution by its id does not.

use flowmill_model::{ExecutionId, Timestamp, limits};
use flowmill_store::{ListPosition, ListQuery, Listing};

use crate::{Gateway, Refusal, stale};

/// A page of executions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    /// The executions, newest first.
    pub executions: Vec<(ExecutionId, Listing)>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<ListPosition>,
}

impl Gateway {
    /// Lists executions, newest first, at most [`limits::PAGE_ENTRIES`] whatever the query says.
    ///
    /// # Errors
    /// `unavailable` when the store does not answer.
    pub async fn list(&self, query: ListQuery) -> Result<ListPage, Refusal> {
        let limit = query.limit.clamp(1, limits::PAGE_ENTRIES);
        let asked = ListQuery { limit: limit + 1, ..query };
        let mut entries = stale::in_time(self.parts().store.list(asked)).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().map(|(position, _)| *position).filter(|_| more);
        let entry = |(position, listing): (ListPosition, Listing)| (position.execution, listing);
        Ok(ListPage { executions: entries.into_iter().map(entry).collect(), next })
    }
}

/// A place in a list as callers carry it from page to page.
pub(crate) fn page_token(position: ListPosition) -> String {
    format!("{:x}-{}", position.started_at.as_millis(), position.execution)
}

/// Reads what [`page_token`] wrote.
pub(crate) fn parse_page_token(text: &str) -> Option<ListPosition> {
    let (millis, execution) = text.split_once('-')?;
    let started_at = Timestamp::from_millis(u64::from_str_radix(millis, 16).ok()?);
    Some(ListPosition { started_at, execution: execution.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_list_survives_its_text_form() {
        let execution = ExecutionId::from_bits(0x0001_0000_0000_0000_0000_0000_0000_00ff);
        let started_at = Timestamp::from_millis(1_767_323_045_678);
        let position = ListPosition { started_at, execution };
        assert_eq!(parse_page_token(&page_token(position)), Some(position));
        for text in ["", "-", "1", "x-00010000000000000000000000000001", "1-2", "1-"] {
            assert_eq!(parse_page_token(text), None, "{text}");
        }
    }
}
