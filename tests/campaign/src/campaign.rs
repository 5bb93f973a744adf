//! One campaign, from the first process to the last comparison.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use flowmill_log::Log;
use flowmill_log::kafka::{Clients, ClusterName, KafkaLog, KafkaSettings};
use flowmill_model::{ExecutionId, ShardId};
use flowmill_nodes::{Role, deploy, ready};
use flowmill_runtime::Entropy;
use flowmill_store::cql::{CqlSettings, CqlStore};
use futures::future::join_all;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::Args;
use crate::availability::{Availability, Windows};
use crate::callers::{Callers, Ways};
use crate::flows::Kind;
use crate::ledger::Ledger;
use crate::nemesis::{Injected, Nemesis, Shards, Strike, Torment};
use crate::pauses::Pauses;
use crate::sink::Sink;
use crate::table::{Struck, Table};
use crate::verdict::{Evidence, Verdict};
use crate::witness::Witness;
use crate::world::{Slot, World};

/// Shards of the cluster.
const SHARDS: u16 = 6;

/// How long the cluster is left alone before the first fault.
const QUIET: Duration = Duration::from_secs(10);

/// How long it may take after a fault until every shard answers. Then the next fault comes.
const RECOVERS_WITHIN: Duration = Duration::from_secs(60);

/// How long callers may take to come to their end once all works.
const CALLERS_END_WITHIN: Duration = Duration::from_secs(120);

/// Everything that a campaign consists of.
pub(crate) struct Campaign {
    seed: u64,
    world: World,
    log: Arc<dyn Log>,
    store: Arc<CqlStore>,
    witness: Witness,
    inputs: Injected,
    sink: Sink,
    callers: Callers,
    /// An open execution of every shard.
    targets: BTreeMap<ShardId, ExecutionId>,
}

/// What was seen while faults struck.
#[derive(Default)]
struct Seen {
    lasted: Duration,
    struck: BTreeMap<Nemesis, Struck>,
    windows: Windows,
    quiet: Windows,
    poison: usize,
    /// Nodes that ended although nobody ended them.
    dead: u32,
}

impl Seen {
    fn look_at(&mut self, availability: &Availability) {
        let all: Vec<_> = self.struck.values().flat_map(|struck| struck.during.clone()).collect();
        self.windows = availability.windows(|_| true);
        self.quiet = availability.windows(|at| !all.iter().any(|time| time.contains(&at)));
        for struck in self.struck.values_mut() {
            struck.windows = availability.during(&struck.during);
        }
    }
}

impl Campaign {
    /// Starts the servers and the nodes, and opens the executions that stay open.
    pub(crate) async fn start(args: &Args) -> anyhow::Result<Self> {
        let seed = args.seed.unwrap_or_else(|| Entropy::system().next());
        eprintln!("seed {seed}; starting Kafka, Cassandra and the nodes");
        let ledger = Ledger::new(args.record.as_deref())?;
        ledger.note("seed", &json!(seed));
        let entropy = Entropy::seeded(seed);
        let world = World::start(args, SHARDS, entropy).await?;
        let (log, store) = open(&world).await?;
        let witness = Witness::watch(&log, SHARDS);
        let inputs = Injected::new(&log, SHARDS);
        let sink = Sink::start().await?;
        let client = ready(world.node(world.any(Role::Gateway))?).await?;
        for kind in Kind::ALL {
            deploy(&client, kind.flow(), &kind.definition(&sink.url, &sink.hanging)).await?;
        }
        let callers = Callers::new(Ways::to(&world.gateways())?, ledger);
        callers.open(args.open.max(usize::from(SHARDS) * 20)).await;
        let opened = callers.ledger.all();
        let targets = opened.values().map(|start| (start.id.shard(), start.id)).collect();
        Ok(Self { seed, world, log, store, witness, inputs, sink, callers, targets })
    }

    /// Lets faults strike, lets everything end, and compares everything with everything.
    pub(crate) async fn run(mut self, args: &Args) -> anyhow::Result<Table> {
        let (stop, calling) = self.callers.call(args.rate, self.seed);
        sleep(QUIET).await;
        let before = memory(&self.world);
        let seen = self.torment(args).await?;
        stop.cancel();
        let mut verdict = Verdict::default();
        if timeout(CALLERS_END_WITHIN, join_all(calling)).await.is_err() {
            verdict.violations.push("I7: callers are never answered".to_owned());
        }
        let dead_letters = self.judge(&seen, &mut verdict).await?;
        let after = memory(&self.world);
        let memory = before.into_iter().zip(after);
        let memory = memory.map(|((role, before), (_, after))| (role, before, after)).collect();
        let Seen { lasted, struck, windows, quiet, poison, dead } = seen;
        let seed = self.seed;
        Ok(Table {
            seed,
            lasted,
            struck,
            windows,
            quiet,
            dead,
            memory,
            poison,
            dead_letters,
            verdict,
        })
    }

    /// Has one fault after the other strike until the time is over.
    async fn torment(&mut self, args: &Args) -> anyhow::Result<Seen> {
        let pauses = Pauses::watch(&self.callers.ways, &self.targets);
        let known = self.targets.values().next().context("executions were opened")?;
        let availability = Availability::watch(&self.callers, *known);
        let (begun, mut seen) = (Instant::now(), Seen::default());
        let ledger = self.callers.ledger.clone();
        for turn in 0.. {
            if begun.elapsed().as_secs_f64() >= args.minutes * 60.0 {
                break;
            }
            let nemesis = match &args.nemesis[..] {
                [] => Nemesis::MIXED[self.world.below(Nemesis::MIXED.len())],
                some => some[turn % some.len()],
            };
            pauses.reset();
            let striking = Instant::now();
            let (callers, inputs, sink) = (&self.callers, &self.inputs, &self.sink);
            let (world, rate, large) = (&mut self.world, args.rate, args.large);
            let mut torment = Torment { world, callers, inputs, sink, rate, large };
            let strike = nemesis.strike(&mut torment).await?;
            seen.poison += strike.poison;
            let struck = seen.struck.entry(nemesis).or_default();
            let recovered = recover(&pauses, &strike, struck).await;
            struck.during.push(striking..Instant::now());
            let (at, what) = (begun.elapsed().as_secs_f64(), &strike.what);
            eprintln!("{at:>5.0} s  {nemesis:?}: {what}; {recovered}");
            ledger.note("fault", &json!({ "nemesis": format!("{nemesis:?}"), "what": what }));
            for said in self.world.dead()? {
                seen.dead += 1;
                eprintln!("         {said}");
                ledger.note("ended", &json!(said));
            }
            self.world.start_all().await?;
            // A quarter of the time is quiet.
            sleep((striking.elapsed() / 3).min(QUIET)).await;
        }
        seen.lasted = begun.elapsed();
        seen.look_at(&availability);
        Ok(seen)
    }

    /// Looks at everything once it has ended; gives the number of dead letters.
    async fn judge(&self, seen: &Seen, verdict: &mut Verdict) -> anyhow::Result<u64> {
        eprintln!("the faults are over; everything is to end");
        let Self { callers, sink, witness, log, store, .. } = self;
        let evidence = Evidence { callers, sink, witness, log, store: store.as_ref() };
        evidence.let_end(verdict).await;
        eprintln!("everything is compared with everything");
        evidence.judge(verdict).await?;
        let letters = self.inputs.dead_letters().await?;
        if letters < u64::try_from(seen.poison)? {
            let what = format!("I8: of {} poison records {letters} are dead letters", seen.poison);
            verdict.violations.push(what);
        }
        for violation in &verdict.violations {
            callers.ledger.note("verdict", &json!(violation));
        }
        callers.ledger.flush()?;
        Ok(letters)
    }
}

/// Opens the cluster's log and store, for looking at them.
async fn open(world: &World) -> anyhow::Result<(Arc<dyn Log>, Arc<CqlStore>)> {
    let cluster = &world.cluster;
    let settings = KafkaSettings {
        cluster: ClusterName::new(cluster.name.clone())?,
        ..KafkaSettings::plain(cluster.kafka.clone())
    };
    let log: Arc<dyn Log> = Arc::new(KafkaLog::open(Clients::new(settings)).await?);
    let nodes = cluster.cql.split(',').map(str::to_owned);
    let settings = CqlSettings { keyspace: cluster.name.clone(), ..CqlSettings::of(nodes) };
    Ok((log, Arc::new(CqlStore::open(&settings).await?)))
}

/// Waits until every shard answers again, and notes how long the shards that were struck took.
async fn recover(pauses: &Pauses, strike: &Strike, seen: &mut Struck) -> String {
    let deadline = Instant::now() + RECOVERS_WITHIN;
    let mut answered = BTreeMap::new();
    let all = pauses.longest();
    while Instant::now() < deadline && !pauses.all_answered_since(strike.healed) {
        note_answered(pauses, strike, all.keys(), &mut answered);
        sleep(Duration::from_millis(20)).await;
    }
    note_answered(pauses, strike, all.keys(), &mut answered);
    let silent = pauses.silent_since(strike.healed);
    seen.times += 1;
    seen.missed += u32::try_from(silent.len()).unwrap_or(u32::MAX);
    let took: Vec<Duration> = match &strike.shards {
        Shards::These(shards) => {
            let longest = pauses.longest();
            shards.iter().filter_map(|shard| longest.get(shard).copied()).collect()
        }
        Shards::All => pauses.longest().into_values().collect(),
        Shards::AfterHealing => answered.into_values().collect(),
    };
    took.iter().for_each(|time| seen.recovery.record(*time));
    let longest = took.iter().max().copied().unwrap_or_default();
    match silent.len() {
        0 => format!("all shards answer, the slowest after {:.1} s", longest.as_secs_f64()),
        count => format!("{count} shards do not answer yet"),
    }
}

/// Notes since when shards answer that did not before.
fn note_answered<'a>(
    pauses: &Pauses,
    strike: &Strike,
    shards: impl Iterator<Item = &'a ShardId>,
    answered: &mut BTreeMap<ShardId, Duration>,
) {
    let silent = pauses.silent_since(strike.healed);
    for shard in shards.filter(|shard| !silent.contains(shard)) {
        answered.entry(*shard).or_insert_with(|| strike.healed.elapsed());
    }
}

/// The memory of every node, with its role.
fn memory(world: &World) -> Vec<(&'static str, u64)> {
    let used = |slot: &Slot| {
        let usage = slot.node.as_ref().and_then(|node| node.usage().ok());
        (slot.role.as_str(), usage.map_or(0, |usage| usage.rss))
    };
    world.slots.iter().map(used).collect()
}
