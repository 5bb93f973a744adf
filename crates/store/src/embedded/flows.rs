//! Table `flows`: namespace/name -> a number, which stands for the flow in other tables.
//!
//! Numbers are given in order and never taken back: there are few flows.

use bincode::{Decode, Encode};
use flowmill_model::FlowName;
use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition};

use super::failure::Failure;
use crate::row::ListQuery;

/// The table.
pub(super) const TABLE: TableDefinition<'_, &str, u32> = TableDefinition::new("flows");

/// Stands for a flow's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(super) struct FlowNumber(u32);

impl FlowNumber {
    /// Wraps a number.
    #[cfg(test)]
    pub(super) const fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// The number.
    pub(super) const fn get(self) -> u32 {
        self.0
    }
}

/// The number of `flow`, which is given one if it has none.
pub(super) fn number(
    table: &mut Table<'_, &'static str, u32>,
    flow: &FlowName,
) -> Result<FlowNumber, Failure> {
    let name = flow.to_string();
    if let Some(number) = table.get(name.as_str())? {
        return Ok(FlowNumber(number.value()));
    }
    let next = table.len()?;
    let next = u32::try_from(next).map_err(|_| Failure::row("flows", next, "too many flows"))?;
    table.insert(name.as_str(), next)?;
    Ok(FlowNumber(next))
}

/// The flows that the query's filters let through.
pub(super) fn wanted(
    table: &impl ReadableTable<&'static str, u32>,
    query: &ListQuery,
) -> Result<Vec<(FlowNumber, FlowName)>, Failure> {
    let prefix = match (&query.flow, &query.namespace) {
        (Some(flow), _) => flow.to_string(),
        (None, Some(namespace)) => format!("{namespace}/"),
        (None, None) => String::new(),
    };
    let mut flows = Vec::new();
    for entry in table.range(prefix.as_str()..)? {
        let (name, number) = entry?;
        let Some(rest) = name.value().strip_prefix(&prefix) else {
            break;
        };
        if query.flow.is_some() && !rest.is_empty() {
            break;
        }
        let flow: FlowName =
            name.value().parse().map_err(|error| Failure::row("flows", name.value(), error))?;
        if query.namespace.as_ref().is_none_or(|namespace| *namespace == flow.namespace) {
            flows.push((FlowNumber(number.value()), flow));
        }
    }
    Ok(flows)
}
