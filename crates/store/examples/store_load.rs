//! Measures the embedded store: `store_load DIR ROWS short|open|keyed`, or, with the feature `cql`,
//! the store on a Cassandra that is started for it: `store_load cql ROWS short|open|keyed`.
//!
//! For the embedded store, a child process writes ROWS executions from four shards, 1,000 a flush (400 bytes of state,
//! 300 of history), with watermarks as fast as they are answered, and is killed; then the file is
//! opened again, read and listed. `short` executions are written once, ended; `open` ones wait
//! for a timer; `keyed` ones are short, with ids in no order. Run it with `--release`. A row is one
//! execution's flush: its transitions since the last one, coalesced.

#![allow(clippy::print_stdout, reason = "a measuring program prints its figures")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use flowmill_model::{
    BatchNumber, Epoch, ExecutionId, FlowName, FlowVersion, Name, Offset, Sequence, ShardId,
    TimerId, Timestamp, Version,
};
use flowmill_store::{
    EmbeddedStore, ExecutionWrite, HistoryRow, ListQuery, Listing, RowVersion, Settings, Status,
    Store, TimerKey, TimerRow, Watermark, Write,
};

const SHARDS: u64 = 4;
const FLUSH: u64 = 1_000;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rows, kind, rest @ ..] = &arguments[..] else {
        bail!("use: store_load DIR ROWS short|open|keyed");
    };
    let rows = rows.parse()?;
    #[cfg(feature = "cql")]
    if folder == "cql" {
        return on_cql(rows, kind).await;
    }
    match rest {
        [] => {
            fill_and_kill(&arguments)?;
            read(folder, rows, kind).await
        }
        _ => fill(folder, rows, kind).await,
    }
}

fn fill_and_kill(arguments: &[String]) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .arg("fill")
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(child.stdout.take().context("piped")?);
    for line in output.lines() {
        let line = line?;
        if line == "filled" {
            break;
        }
        println!("{line}");
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

async fn fill(folder: &str, rows: u64, kind: &str) -> Result<()> {
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(file(folder), Settings::default())?);
    fill_all(&store, rows, kind).await?;
    println!("file: {} MB", std::fs::metadata(file(folder))?.len() / 1_000_000);
    for _ in 0..3 {
        let start = Instant::now();
        store.set_watermark(ShardId::new(0), watermark(u64::MAX >> 20)).await?;
        println!("a watermark: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    println!("filled");
    std::future::pending().await
}

async fn fill_all(store: &Arc<dyn Store>, rows: u64, kind: &str) -> Result<()> {
    let (start, before) = (Instant::now(), processor_seconds()?);
    let shards = (0..SHARDS).map(|shard| fill_shard(Arc::clone(store), shard, rows, kind));
    futures::future::try_join_all(shards).await?;
    let took = start.elapsed().as_secs_f64();
    let own = (processor_seconds()? - before) * 1e6 / rows as f64;
    let rate = rows as f64 / took;
    println!("{rows} rows in {took:.1} s: {rate:.0}/s, {own:.0} us of our CPU each, {}", memory()?);
    Ok(())
}

async fn fill_shard(store: Arc<dyn Store>, shard: u64, rows: u64, kind: &str) -> Result<()> {
    let shard_id = ShardId::new(shard as u16);
    let (mut slowest, mut last) = (Duration::ZERO, None);
    for flush in 0..rows / FLUSH / SHARDS {
        let executions = (0..FLUSH).map(|n| entry(shard_id, flush * FLUSH + n, kind)).collect();
        let start = Instant::now();
        store.write(shard_id, Write { executions }).await?;
        slowest = slowest.max(start.elapsed());
        if flush % 20 == 0
            && let Some(pending) = last.replace(store.set_watermark(shard_id, watermark(flush)))
        {
            pending.await?;
        }
    }
    println!("shard {shard}: slowest write {:.1} ms", slowest.as_secs_f64() * 1e3);
    Ok(())
}

fn entry(shard: ShardId, n: u64, kind: &str) -> ExecutionWrite {
    let open = kind == "open";
    let at = Timestamp::from_millis(1_700_000_000_000 + n / 8);
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let id = match kind {
        "keyed" => ExecutionId::new(shard, u128::from(mixed) << 48),
        _ => ExecutionId::time_ordered(shard, at, mixed),
    };
    let timer = TimerKey {
        due: at.after(Duration::from_secs(3_600)),
        execution: id,
        timer: TimerId::new(1),
    };
    ExecutionWrite {
        id,
        version: RowVersion::from_raw(n),
        sequence: Sequence::new(6),
        checkpoint: vec![n as u8; 400].into(),
        history: Some(HistoryRow { first: Sequence::new(0), count: 6, blob: vec![7; 300].into() }),
        listing: Listing {
            flow: flow(n % 10),
            status: if open { Status::Waiting } else { Status::Completed },
            started_at: at,
            ended_at: (!open).then_some(at),
        },
        purge_at: (!open).then(|| at.after(Duration::from_secs(7 * 24 * 3_600))),
        timers_set: if open { vec![TimerRow { key: timer, task: false }] } else { Vec::new() },
        timers_cleared: Vec::new(),
    }
}

fn flow(number: u64) -> FlowVersion {
    let name = |text: &str| Name::new(text).expect("valid");
    let flow = FlowName { namespace: name("shop"), name: name(&format!("orders-{number}")) };
    FlowVersion { flow, version: Version::new("1.0.0").expect("valid") }
}

fn watermark(offset: u64) -> Watermark {
    Watermark {
        log: Default::default(),
        offset: Offset::new(offset),
        epoch: Epoch::new(1),
        batch: BatchNumber::new(offset),
        positions: Default::default(),
        mark: BatchNumber::new(offset),
        timer_cursor: Timestamp::from_millis(0),
    }
}

/// A Cassandra is started, filled, read, and stopped.
#[cfg(feature = "cql")]
async fn on_cql(rows: u64, kind: &str) -> Result<()> {
    use flowmill_store::cql::{InitPlan, Replication, init};
    let server = flowmill_rig::Cassandra::start()?;
    let mut settings = flowmill_store::CqlSettings::of(server.contact().split(','));
    settings.replication = Replication::Everywhere(1);
    init(&settings, InitPlan::default()).await?;
    let store: Arc<dyn Store> = Arc::new(flowmill_store::CqlStore::open(&settings).await?);
    for round in ["cold", "warm", "warm again"] {
        println!("{round}:");
        fill_all(&store, rows, kind).await?;
    }
    measure_reads(store.as_ref(), rows, kind).await
}

async fn read(folder: &str, rows: u64, kind: &str) -> Result<()> {
    let start = Instant::now();
    let store = EmbeddedStore::open(file(folder), Settings::default())?;
    println!("opened after a kill in {:.0} ms, {}", start.elapsed().as_secs_f64() * 1e3, memory()?);
    measure_reads(&store, rows, kind).await
}

async fn measure_reads(store: &dyn Store, rows: u64, kind: &str) -> Result<()> {
    let start = Instant::now();
    let per_shard = rows / SHARDS;
    for n in 0..20_000_u64 {
        let wanted = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % per_shard;
        let id = entry(ShardId::new((n % SHARDS) as u16), wanted, kind).id;
        store.load(id).await?.context("a row is missing")?;
    }
    println!("a random load: {:.1} us", start.elapsed().as_secs_f64() * 1e6 / 20_000.0);
    let (start, mut after, mut listed) = (Instant::now(), None, 0);
    for _ in 0..100 {
        let query = ListQuery { after, limit: 100, ..ListQuery::default() };
        let page = store.list(query).await?;
        listed += page.len();
        after = page.last().map(|(position, _)| *position);
    }
    println!("a page of 100: {:.2} ms ({listed} listed)", start.elapsed().as_secs_f64() * 10.0);
    println!("{}", memory()?);
    Ok(())
}

fn file(folder: &str) -> std::path::PathBuf {
    Path::new(folder).join("store.redb")
}

/// Seconds that this process has used of the processors.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("the name ends")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 / 100.0)
}

fn memory() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let lines =
        status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    Ok(lines.map(|line| line.replace([' ', '\t'], "")).collect::<Vec<_>>().join(", "))
}
