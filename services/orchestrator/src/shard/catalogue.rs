//! The catalogue of flows, as shard 0 decides it.
//!
//! A version is new, the same, or in conflict; the first deploy of a flow's name fixes which
//! shards carry its executions, for ever. What is decided is an output of the batch; nothing is
//! known to anybody before that.

use std::collections::BTreeMap;

use flowmill_catalog::Catalogue;
use flowmill_model::command::{Command, Deploy};
use flowmill_model::history::DefinitionRecord;
use flowmill_model::{FlowName, FlowVersion, ShardId, Timestamp};
use flowmill_routing::CommandOutcome;

/// Decides deploys and activations. Only shard 0 has one.
pub(crate) struct Definitions {
    published: Catalogue,
    shards: u16,
    /// Decided and not yet in the published catalogue.
    staged: BTreeMap<FlowVersion, DefinitionRecord>,
}

impl Definitions {
    /// Starts from what is published and what history holds above it.
    pub(crate) fn new(
        published: Catalogue,
        shards: u16,
        decided: impl IntoIterator<Item = DefinitionRecord>,
    ) -> Self {
        let staged = decided.into_iter().map(|record| (record.flow.clone(), record)).collect();
        Self { published, shards, staged }
    }

    /// Decides a command; a new record is to be published once it is committed.
    pub(crate) fn decide(
        &mut self,
        command: &Command,
        now: Timestamp,
    ) -> (CommandOutcome, Option<DefinitionRecord>) {
        self.forget_published();
        match command {
            Command::Deploy(deploy) => self.deploy(deploy, now),
            Command::Activate(version) => self.activate(version),
            Command::Start(_)
            | Command::Signal(_)
            | Command::Cancel(_)
            | Command::Suspend(_)
            | Command::Resume(_) => {
                (CommandOutcome::Refused("it is not for the catalogue".into()), None)
            }
        }
    }

    fn deploy(
        &mut self,
        deploy: &Deploy,
        now: Timestamp,
    ) -> (CommandOutcome, Option<DefinitionRecord>) {
        if let Some(known) = self.find(&deploy.flow) {
            let outcome = if known.hash == deploy.hash {
                CommandOutcome::Unchanged
            } else {
                let flow = &deploy.flow;
                CommandOutcome::Conflict(format!(
                    "{flow} exists with other content; raise its version"
                ))
            };
            return (outcome, None);
        }
        let siblings = self.siblings(&deploy.flow.flow);
        let placement = match siblings.first() {
            None => place(&deploy.flow.flow, deploy.spread, self.shards),
            Some(first)
                if deploy.spread.is_none_or(|n| usize::from(n) == first.placement.len()) =>
            {
                first.placement.clone()
            }
            Some(first) => return (fixed_spread(first.placement.len()), None),
        };
        let record = DefinitionRecord {
            flow: deploy.flow.clone(),
            hash: deploy.hash,
            source: deploy.source.clone(),
            placement,
            deployed_at: now,
            activation: next_activation(&siblings),
        };
        self.staged.insert(record.flow.clone(), record.clone());
        (CommandOutcome::Applied, Some(record))
    }

    fn activate(&mut self, version: &FlowVersion) -> (CommandOutcome, Option<DefinitionRecord>) {
        let Some(mut record) = self.find(version) else { return (CommandOutcome::Unknown, None) };
        let siblings = self.siblings(&version.flow);
        if siblings.iter().all(|sibling| sibling.activation <= record.activation) {
            return (CommandOutcome::Unchanged, None);
        }
        record.activation = next_activation(&siblings);
        self.staged.insert(version.clone(), record.clone());
        (CommandOutcome::Applied, Some(record))
    }

    fn find(&self, version: &FlowVersion) -> Option<DefinitionRecord> {
        let published = || self.published.find(version).map(|d| d.record.as_ref().clone());
        self.staged.get(version).cloned().or_else(published)
    }

    /// Every known version of a flow.
    fn siblings(&self, flow: &FlowName) -> Vec<DefinitionRecord> {
        let mut known: BTreeMap<_, _> = self
            .published
            .versions(flow)
            .into_iter()
            .map(|deployed| (deployed.record.flow.clone(), deployed.record.as_ref().clone()))
            .collect();
        let staged = self.staged.iter().filter(|(version, _)| version.flow == *flow);
        known.extend(staged.map(|(version, record)| (version.clone(), record.clone())));
        known.into_values().collect()
    }

    fn forget_published(&mut self) {
        let published = &self.published;
        self.staged.retain(|version, record| {
            published.find(version).is_none_or(|d| d.record.activation < record.activation)
        });
    }
}

fn next_activation(siblings: &[DefinitionRecord]) -> u64 {
    siblings.iter().map(|record| record.activation).max().map_or(1, |highest| highest + 1)
}

fn fixed_spread(shards: usize) -> CommandOutcome {
    CommandOutcome::Conflict(format!(
        "the flow's executions are spread over {shards} shards since its first deploy, and stay there"
    ))
}

/// Chooses `spread` of `shards` for a flow, by rendezvous hashing: each shard draws a number from
/// the flow's name, and the highest win.
fn place(flow: &FlowName, spread: Option<u16>, shards: u16) -> Vec<ShardId> {
    let spread = usize::from(spread.unwrap_or(shards).clamp(1, shards));
    let mut drawn: Vec<_> = (0..shards).map(|shard| (draw(flow, shard), shard)).collect();
    drawn.sort_unstable_by(|a, b| b.cmp(a));
    let mut placement: Vec<_> =
        drawn.into_iter().take(spread).map(|(_, shard)| ShardId::new(shard)).collect();
    placement.sort_unstable();
    placement
}

/// FNV-1a over the flow's name and the shard, then spread over all bits.
fn draw(flow: &FlowName, shard: u16) -> u64 {
    let name = flow.to_string();
    let bytes = name.bytes().chain(shard.to_be_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(name: &str) -> FlowName {
        name.parse().expect("a valid name")
    }

    #[test]
    fn a_placement_has_the_size_asked_for_and_does_not_change_with_the_asking() {
        for spread in [1, 3, 16] {
            let placement = place(&flow("shop/orders"), Some(spread), 16);
            assert_eq!(placement.len(), usize::from(spread));
            assert_eq!(placement, place(&flow("shop/orders"), Some(spread), 16));
        }
    }

    #[test]
    fn flows_differ_in_their_placement() {
        let placements: std::collections::BTreeSet<_> =
            (0..40).map(|n| place(&flow(&format!("shop/f{n}")), Some(2), 16)).collect();
        assert!(placements.len() > 10, "{} different placements", placements.len());
    }
}
