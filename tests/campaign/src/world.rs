//! The servers and the nodes that are tormented.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use flowmill_model::ShardId;
use flowmill_nodes::{Cluster, Metrics, Node, Place, Role};
use flowmill_rig::{Cassandra, Kafka, KafkaPlan, Proxy};
use flowmill_runtime::Entropy;
use futures::future::try_join_all;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use crate::Args;
use crate::disks::Disks;

/// How long a node may take until it dies at the place it was given.
const DIES_WITHIN: Duration = Duration::from_secs(15);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Nodes of each role.
const EACH: [(Role, usize); 3] = [(Role::Orchestrator, 3), (Role::Gateway, 2), (Role::Worker, 2)];

/// Everything that can fail.
pub(crate) struct World {
    pub(crate) kafka: Kafka,
    pub(crate) cql: Cassandra,
    pub(crate) cluster: Cluster,
    pub(crate) slots: Vec<Slot>,
    pub(crate) entropy: Entropy,
    /// Another build of the program.
    previous: Option<PathBuf>,
    /// For how long nodes may be silent, as they are told.
    session: String,
    /// Those that can be filled. Last, so that no server is on them any more when they go.
    disks: Option<Disks>,
}

/// A node that comes back to its address, and its ways to the servers.
pub(crate) struct Slot {
    pub(crate) role: Role,
    pub(crate) listen: String,
    pub(crate) node: Option<Node>,
    /// To the nodes of the store.
    pub(crate) store: Vec<Proxy>,
    /// From the other nodes to this one.
    pub(crate) peers: Proxy,
    /// Whether it is started from the other build.
    pub(crate) is_previous: bool,
}

/// How a node ended that was to die.
pub(crate) struct Death {
    /// Whether it died at its place.
    pub(crate) died: bool,
    /// The shards that it served at last.
    pub(crate) served: Vec<ShardId>,
}

impl World {
    /// Starts the servers, makes a cluster, and starts its nodes.
    pub(crate) async fn start(args: &Args, shards: u16, entropy: Entropy) -> anyhow::Result<Self> {
        let roles = EACH.into_iter().flat_map(|(role, count)| std::iter::repeat_n(role, count));
        let roles: Vec<Role> = roles.collect();
        let least = ("group.min.session.timeout.ms".to_owned(), (args.session * 1_000).to_string());
        let (nodes, ways, settings) = (args.servers, roles.len(), vec![least]);
        let disks = args.fills_disks().then(Disks::mount).transpose()?;
        let within = disks.as_ref().map(|disks| disks.kafka.path().to_owned());
        let plan = KafkaPlan { nodes, ways, settings, within, ..KafkaPlan::default() };
        let (kafka, cql) = block_in_place(|| {
            let kafka = std::thread::spawn(move || Kafka::start(&plan));
            let cql = match &disks {
                Some(disks) => Cassandra::start_within(disks.cql.path())?,
                None if nodes == 1 => Cassandra::start()?,
                None => Cassandra::start_three()?,
            };
            let kafka = kafka.join().map_err(|_| anyhow::anyhow!("the rig's thread panicked"))?;
            anyhow::Ok((kafka?, cql))
        })?;
        let name = "campaign".to_owned();
        let (brokers, store) = (kafka.bootstrap(), cql.contact());
        let flowmill = args.flowmill.clone();
        let cluster = Cluster { flowmill, kafka: brokers, cql: store, name };
        block_in_place(|| match nodes {
            1 => cluster.init(shards),
            _ => cluster.init_on_three(shards),
        })?;
        let slots = roles.into_iter().map(|role| Slot::new(role, &cql, &entropy));
        let slots = slots.collect::<anyhow::Result<_>>()?;
        let (previous, session) = (args.previous.clone(), format!("{}s", args.session));
        let mut world = Self { kafka, cql, cluster, slots, entropy, previous, session, disks };
        world.start_all().await?;
        Ok(world)
    }

    /// The disks that can be filled.
    pub(crate) fn disks(&self) -> anyhow::Result<&Disks> {
        self.disks.as_ref().context("the servers have no disks of their own")
    }

    /// Where the gateways are.
    pub(crate) fn gateways(&self) -> Vec<String> {
        let gateways = self.slots.iter().filter(|slot| slot.role == Role::Gateway);
        gateways.map(|slot| slot.listen.clone()).collect()
    }

    /// The numbers of the nodes of this role.
    pub(crate) fn all(&self, role: Role) -> Vec<usize> {
        (0..self.slots.len()).filter(|slot| self.slots[*slot].role == role).collect()
    }

    /// The number of a node of this role, drawn.
    pub(crate) fn any(&self, role: Role) -> usize {
        let with_role = self.all(role);
        with_role[self.below(with_role.len())]
    }

    /// A number below `bound`, drawn.
    pub(crate) fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.entropy.next() % bound).unwrap_or_default()
    }

    /// A time between two, drawn.
    pub(crate) fn between(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(1_000 * least + self.entropy.next() % (1_000 * (most - least) + 1))
    }

    /// The node in a slot.
    pub(crate) fn node(&self, slot: usize) -> anyhow::Result<&Node> {
        self.slots[slot].node.as_ref().context("the node does not run")
    }

    /// A node's ways to the brokers.
    pub(crate) fn ways_to_kafka(&self, slot: usize) -> &[Proxy] {
        self.kafka.ways()[slot].proxies()
    }

    /// The shards that a node serves, as it says itself; none if it does not answer.
    pub(crate) async fn served(&self, slot: usize) -> Vec<ShardId> {
        let Some(node) = &self.slots[slot].node else { return vec![] };
        served_by(node).await.unwrap_or_default()
    }

    /// Ends a node as a loss of power would.
    pub(crate) fn kill(&mut self, slot: usize) {
        self.slots[slot].node = None;
    }

    /// Asks a node to end and waits until it has.
    pub(crate) fn terminate(&mut self, slot: usize) -> anyhow::Result<()> {
        let node = self.slots[slot].node.take().context("the node does not run")?;
        let status = block_in_place(|| node.terminate())?;
        ensure!(status.success(), "a node that was asked to end ended with {status}");
        Ok(())
    }

    /// Starts a node where it was.
    pub(crate) async fn restart(&mut self, slot: usize) -> anyhow::Result<()> {
        let node = self.cluster.node(&self.place(slot)).await?;
        self.slots[slot].node = Some(node);
        Ok(())
    }

    /// Starts a node where it was, to die when it passes a named place so often, and waits until it
    /// has.
    pub(crate) async fn restart_to_die(&mut self, slot: usize, at: &str) -> anyhow::Result<Death> {
        let mut place = self.place(slot);
        place.variables.push(("FLOWMILL_CRASH_AT".to_owned(), at.to_owned()));
        let mut served = Vec::new();
        // It may die before it says that it is ready.
        let Ok(mut node) = self.cluster.node(&place).await else {
            return Ok(Death { died: true, served });
        };
        let deadline = Instant::now() + DIES_WITHIN;
        while !node.has_ended()? {
            if Instant::now() >= deadline {
                return Ok(Death { died: false, served });
            }
            served = served_by(&node).await.unwrap_or(served);
            sleep(LOOK).await;
        }
        Ok(Death { died: true, served })
    }

    /// Starts every node that does not run, side by side.
    pub(crate) async fn start_all(&mut self) -> anyhow::Result<()> {
        let ended: Vec<_> =
            (0..self.slots.len()).filter(|slot| self.slots[*slot].node.is_none()).collect();
        let places: Vec<_> = ended.iter().map(|slot| self.place(*slot)).collect();
        let nodes = try_join_all(places.iter().map(|place| self.cluster.node(place))).await?;
        for (slot, node) in ended.into_iter().zip(nodes) {
            self.slots[slot].node = Some(node);
        }
        Ok(())
    }

    /// Nodes that have ended although nobody ended them, and what they said.
    pub(crate) fn dead(&mut self) -> anyhow::Result<Vec<String>> {
        let mut dead = Vec::new();
        for slot in &mut self.slots {
            let Some(node) = &mut slot.node else { continue };
            if node.has_ended()? {
                let said = node.said()?;
                let last = said.lines().rev().take(5).collect::<Vec<_>>().join(" | ");
                dead.push(format!("the {} at {} ended: {last}", slot.role.as_str(), slot.listen));
                slot.node = None;
            }
        }
        Ok(dead)
    }

    fn place(&self, slot: usize) -> Place {
        let Slot { role, listen, store, peers, is_previous, .. } = &self.slots[slot];
        let store: Vec<_> = store.iter().map(|proxy| proxy.address().to_string()).collect();
        let options = match role {
            Role::Worker => vec!["--outgoing-allow".to_owned(), "loopback".to_owned()],
            Role::Orchestrator => {
                vec!["--advertise".to_owned(), format!("127.0.0.1:{}", peers.port())]
            }
            Role::Gateway => vec![],
        };
        Place {
            listen: Some(listen.clone()),
            options,
            kafka: Some(self.kafka.ways()[slot].bootstrap()),
            cql: Some(store.join(",")),
            flowmill: self.previous.clone().filter(|_| *is_previous),
            variables: vec![("FLOWMILL_KAFKA_SESSION_TIMEOUT".to_owned(), self.session.clone())],
            ..Place::of(*role)
        }
    }
}

impl Slot {
    fn new(role: Role, cql: &Cassandra, entropy: &Entropy) -> anyhow::Result<Self> {
        let listen = free_address(entropy);
        let (store, peers) = (cql.way()?, Proxy::to(listen.parse()?)?);
        Ok(Self { role, listen, node: None, store, peers, is_previous: false })
    }
}

async fn served_by(node: &Node) -> Option<Vec<ShardId>> {
    let metrics = Metrics::of(node).await.ok()?;
    let owned = metrics.by_label("flowmill_shard_owned", "shard");
    let owned = owned.into_iter().filter(|(_, value)| *value > 0.0);
    Some(owned.filter_map(|(shard, _)| shard.parse().ok().map(ShardId::new)).collect())
}

/// An address on this machine. Its port is below those that outgoing connections take, so that it
/// stays free while the node is away.
fn free_address(entropy: &Entropy) -> String {
    let addresses =
        std::iter::repeat_with(|| format!("127.0.0.1:{}", 20_000 + entropy.next() % 10_000));
    let free = |address: &String| TcpListener::bind(address).is_ok();
    addresses.take(100).find(free).expect("one of a hundred ports is free")
}
