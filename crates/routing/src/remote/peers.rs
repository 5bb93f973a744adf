//! The owners in other processes, kept as the announcements say.

use std::collections::BTreeMap;

use flowmill_model::ShardId;
use flowmill_model::shard::ShardAnnouncement;
use flowmill_runtime::spawn;
use tokio::task::JoinHandle;

use super::peer::Peer;
use super::trust::Trust;
use crate::directory::{Announced, Directory};
use crate::owners::Owners;

/// Follows the announcements and enters the owners elsewhere into [`Owners`]. Dropping it stops
/// that; what was entered stays.
#[derive(Debug)]
pub struct Peers(JoinHandle<()>);

impl Drop for Peers {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Peers {
    /// Keeps `owners` as `directory` says. `own` is the address this node announces itself with,
    /// if it does: it does not ask itself.
    pub fn keep(owners: Owners, directory: Directory, own: Option<String>, trust: Trust) -> Self {
        let keeper = Keeper { owners, own, trust, peers: BTreeMap::new() };
        Self(spawn("peers", keeper.run(directory)))
    }
}

struct Keeper {
    owners: Owners,
    own: Option<String>,
    trust: Trust,
    peers: BTreeMap<String, Peer>,
}

impl Keeper {
    async fn run(mut self, mut directory: Directory) {
        loop {
            self.update(directory.all());
            directory.changed().await;
        }
    }

    fn update(&mut self, announced: BTreeMap<ShardId, Announced>) {
        let announced: Vec<_> = announced.into_values().map(|known| known.latest).collect();
        let addresses: Vec<_> = announced.iter().filter_map(|a| a.address.clone()).collect();
        self.peers.retain(|address, _| addresses.contains(address));
        let elsewhere: Vec<_> = announced
            .iter()
            .filter_map(|known| Some((known.shard, known.epoch, self.peer_of(known)?)))
            .collect();
        self.owners.set_elsewhere(elsewhere, self.peers.values().cloned().collect());
    }

    fn peer_of(&mut self, announcement: &ShardAnnouncement) -> Option<Peer> {
        let address = announcement.address.as_ref()?;
        if self.own.as_ref() == Some(address) {
            return None;
        }
        if let Some(peer) = self.peers.get(address) {
            return Some(peer.clone());
        }
        match Peer::at(address, &self.trust) {
            Ok(peer) => {
                self.peers.insert(address.clone(), peer.clone());
                Some(peer)
            }
            Err(error) => {
                let node = &announcement.node;
                tracing::error!(node, address, %error, "a node announces no usable address");
                None
            }
        }
    }
}
