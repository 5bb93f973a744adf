//! What a script is run on: a memory log, or brokers.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowmill_log::kafka::init::identify;
use flowmill_log::kafka::{Clients, KafkaLog, KafkaSettings, Replicas};
use flowmill_log::memory::Fate;
use flowmill_log::{Log, MemoryLog, Partition, Record};
use flowmill_rig::Kafka;
use parking_lot::Mutex;

use super::broken::{Broken, Mutation};
use super::records::{Number, number_of};
use super::script::Fault;
use crate::brokers::DEADLINE;

/// Where sessions are opened.
pub(crate) enum Ground {
    Memory {
        log: MemoryLog,
        /// What becomes of appends; those that are not named are written at once.
        fates: Arc<HashMap<Number, Fate>>,
        broken: Option<Mutation>,
        /// What broken sessions share.
        trimmed: Arc<Mutex<BTreeSet<Partition>>>,
    },
    Kafka {
        settings: Box<KafkaSettings>,
        replicas: Replicas,
        /// The brokers that faults strike.
        brokers: Option<Arc<Mutex<Kafka>>>,
    },
}

/// One process's log.
pub(crate) struct Session {
    pub(crate) log: Arc<dyn Log>,
    clients: Option<Clients>,
}

impl Ground {
    /// A memory log without a record.
    pub(crate) fn memory(fates: HashMap<Number, Fate>) -> Self {
        let (log, fates) = (MemoryLog::new(), Arc::new(fates));
        Self::Memory { log, fates, broken: None, trimmed: Arc::default() }
    }

    /// One that is broken.
    pub(crate) fn broken(mutation: Mutation) -> Self {
        let (log, fates) = (MemoryLog::new(), Arc::default());
        Self::Memory { log, fates, broken: Some(mutation), trimmed: Arc::default() }
    }

    pub(crate) async fn open(&self) -> Session {
        match self {
            Self::Memory { log, fates, broken, trimmed } => {
                let (session, fates) = (log.session(), Arc::clone(fates));
                session.set_faults(move |_: &Partition, record: &Record| {
                    let fate = number_of(record).and_then(|number| fates.get(&number));
                    fate.cloned().unwrap_or(Fate::AT_ONCE)
                });
                let mut log: Arc<dyn Log> = Arc::new(session);
                if let Some(mutation) = *broken {
                    let (calls, trimmed) = (Arc::default(), Arc::clone(trimmed));
                    log = Arc::new(Broken { log, mutation, calls, trimmed });
                }
                Session { log, clients: None }
            }
            Self::Kafka { settings, replicas, .. } => {
                let clients = Clients::new((**settings).clone());
                identify(&clients, *replicas).await.unwrap();
                let log = KafkaLog::open_unchecked(clients.clone()).await.unwrap();
                Session { log: Arc::new(log), clients: Some(clients) }
            }
        }
    }

    /// Does something to the broker that leads a partition, or to all; gives the nodes that
    /// [`heal`](Self::heal) is to care for. A memory log has no brokers: what they do to appends is
    /// in its fates.
    pub(crate) async fn strike(&self, fault: Fault, leader_of: &Partition) -> Vec<usize> {
        let Self::Kafka { settings, brokers: Some(brokers), .. } = self else { return vec![] };
        let (settings, brokers, of) = (settings.clone(), Arc::clone(brokers), leader_of.clone());
        blocking(move || {
            let leader = leader(&settings, &of);
            let mut brokers = brokers.lock();
            let struck: Vec<usize> = match fault {
                Fault::Kill | Fault::KillAndRestart | Fault::Pause => leader.into_iter().collect(),
                Fault::PauseAll => (0..brokers.nodes()).collect(),
            };
            for node in &struck {
                match fault {
                    Fault::Kill => brokers.kill(*node).unwrap(),
                    Fault::KillAndRestart => {
                        brokers.kill(*node).unwrap();
                        brokers.restart(*node).unwrap();
                    }
                    Fault::Pause | Fault::PauseAll => brokers.pause(*node).unwrap(),
                }
            }
            struck
        })
        .await
    }

    /// Lets all brokers serve again.
    pub(crate) async fn heal(&self, fault: Fault, struck: Vec<usize>) {
        if matches!(self, Self::Memory { .. }) {
            // What its faults have land lands when others have their turn.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let Self::Kafka { brokers: Some(brokers), .. } = self else { return };
        let brokers = Arc::clone(brokers);
        blocking(move || {
            let mut brokers = brokers.lock();
            for node in &struck {
                match fault {
                    Fault::Kill => brokers.restart(*node).unwrap(),
                    Fault::KillAndRestart => {}
                    Fault::Pause | Fault::PauseAll => brokers.resume(*node).unwrap(),
                }
            }
            let (all, began) = (brokers.nodes(), Instant::now());
            while !(0..all).all(|node| brokers.answers(node, all)) {
                assert!(began.elapsed() < DEADLINE, "not every broker comes back");
                std::thread::yield_now();
            }
        })
        .await;
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The node that leads a partition now; nodes are numbered from 1 in Kafka.
fn leader(settings: &KafkaSettings, of: &Partition) -> Option<usize> {
    let topic = settings.cluster.topic(&of.topic);
    let admin = Clients::new(settings.clone()).admin().unwrap();
    let metadata = admin.inner().fetch_metadata(Some(&topic), DEADLINE).unwrap();
    let partition = metadata.topics()[0].partitions().get(usize::from(of.number))?;
    usize::try_from(partition.leader() - 1).ok()
}

impl Session {
    /// Ends the process in good order, and waits until what it was given has been sent.
    pub(crate) async fn end(self) -> bool {
        drop(self.log);
        match self.clients {
            Some(clients) => clients.gone(DEADLINE).await,
            None => true,
        }
    }
}
