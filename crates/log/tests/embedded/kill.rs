//! A process that appends is killed at random moments: what it was told is there, once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use flowmill_log::embedded::Settings;
use flowmill_log::{Log, Partition, Topic};

use crate::scratch::{Scratch, kept, offset, record, shared, small, spec};

/// Names the folder of the process that is killed.
const FOLDER: &str = "FLOWMILL_LOG_KILL_TEST_FOLDER";

/// Appends under way at any time.
const IN_FLIGHT: usize = 16;

fn partitions() -> [Partition; 3] {
    [
        Partition::new(Topic::History, 0),
        Partition::new(Topic::History, 1),
        Partition::new(Topic::Commands, 1),
    ]
}

fn settings() -> Settings {
    Settings { cache_bytes: 0, ..small() }
}

/// Appends until it is killed, and says on its standard output what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run as a process of its own by the test below"]
async fn append_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        panic!("{FOLDER} names no folder");
    };
    let log = flowmill_log::EmbeddedLog::open(folder, settings()).unwrap();
    for topic in [Topic::History, Topic::Commands] {
        log.ensure(spec(topic, flowmill_log::Retention::UntilTrimmed)).await.unwrap();
    }
    let (log, run) = (shared(log), std::process::id());
    let appender = |appender: usize| {
        let log = Arc::clone(&log);
        async move {
            for n in 0_u64.. {
                for (which, partition) in partitions().iter().enumerate() {
                    let value = format!("{run} {appender} {n} {}", "x".repeat(appender * 40));
                    let at = log.append(partition, record(&value)).await.unwrap();
                    let line = format!("acknowledged {which} {at} {value}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            }
        }
    };
    futures::future::join_all((0..IN_FLIGHT).map(appender)).await;
}

/// Runs the process until it has said `lines` things, kills it, and gives all it said.
fn run_and_kill(scratch: &Scratch, lines: usize) -> Vec<(usize, u64, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "kill::append_until_killed"])
        .env(FOLDER, scratch.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    for line in output.lines() {
        said.extend(parse(&line.unwrap()));
        if said.len() == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(said.len() >= lines, "the process ended by itself after {} lines", said.len());
    said
}

/// A whole line; the last one may be cut short.
fn parse(line: &str) -> Option<(usize, u64, String)> {
    let (_, line) = line.split_once("acknowledged ")?;
    let mut parts = line.splitn(3, ' ');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.to_owned()))
}

#[tokio::test]
async fn a_killed_process_has_lost_nothing_it_was_told_and_doubled_nothing() {
    let scratch = Scratch::new();
    let mut acknowledged = Vec::new();
    for lines in [1, 2, 40, 333, 3, 1_000, 17, 700, 150, 64, 5, 451] {
        let said = run_and_kill(&scratch, lines);
        // The last line may have lost its end.
        acknowledged.extend(said[..said.len() - 1].iter().cloned());
        check(&scratch, &acknowledged).await;
    }
}

async fn check(scratch: &Scratch, acknowledged: &[(usize, u64, String)]) {
    let log = scratch.open(settings());
    let mut found = Vec::new();
    for partition in &partitions() {
        let kept = kept(&log, partition).await;
        let offsets: Vec<_> = kept.iter().map(|fetched| fetched.offset).collect();
        assert_eq!(offsets, (0..kept.len() as u64).map(offset).collect::<Vec<_>>());
        let values: Vec<_> =
            kept.iter().map(|f| String::from_utf8(f.record.value.to_vec()).unwrap()).collect();
        assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len(), "doubled");
        found.push(values);
    }
    for (which, at, value) in acknowledged {
        let at = usize::try_from(*at).unwrap();
        assert_eq!(found[*which].get(at), Some(value), "{} {at}", partitions()[*which]);
    }
}
