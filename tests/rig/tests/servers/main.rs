//! The servers start, answer, die and come back, and nothing is left of them.

#![cfg(test)]

mod compose;
mod secured;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use flowmill_rig::{Cassandra, Jaeger, Kafka, KafkaPlan, is_running};
use serde_json::Value;

/// How long something may take that must happen.
const SOON: Duration = Duration::from_secs(60);

fn is_listened_on(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

/// Waits until all these processes are gone.
#[track_caller]
fn assert_gone(pids: &[u32]) {
    let deadline = Instant::now() + SOON;
    while pids.iter().any(|pid| is_running(*pid)) {
        assert!(Instant::now() < deadline, "one of {pids:?} still runs");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_broker_comes_back_with_its_address_after_a_kill_and_after_an_end() {
    let mut kafka = Kafka::start(&KafkaPlan::default()).unwrap();
    let address = kafka.bootstrap();
    assert!(kafka.answers(0, 1));
    assert!(!kafka.answers(0, 2), "there is one broker only");
    kafka.restart(0).expect_err("it runs");

    kafka.kill(0).unwrap();
    assert!(!is_listened_on(&address));
    kafka.kill(0).expect_err("it does not run");
    kafka.restart(0).unwrap();
    assert_eq!(kafka.bootstrap(), address);
    assert!(kafka.answers(0, 1));

    kafka.terminate(0).unwrap();
    assert!(!is_listened_on(&address));
    kafka.restart(0).unwrap();
    let pids = kafka.pids();
    drop(kafka);
    assert_gone(&pids);
}

#[test]
fn a_broker_that_is_paused_is_silent_until_it_goes_on() {
    let kafka = Kafka::start(&KafkaPlan::default()).unwrap();
    kafka.pause(0).unwrap();
    assert!(is_listened_on(&kafka.bootstrap()), "its system still accepts connections");
    assert!(!kafka.answers(0, 1));
    kafka.resume(0).unwrap();
    assert!(kafka.answers(0, 1));
}

#[test]
fn two_of_three_brokers_go_on_without_the_third() {
    let mut kafka = Kafka::start(&KafkaPlan { nodes: 3, ..KafkaPlan::default() }).unwrap();
    assert_eq!(kafka.nodes(), 3);
    kafka.kill(2).unwrap();
    for node in [0, 1] {
        let deadline = Instant::now() + SOON;
        while !kafka.answers(node, 2) {
            assert!(Instant::now() < deadline, "node {node} does not answer");
        }
    }
    kafka.restart(2).unwrap();
    assert!(kafka.answers(2, 3));
}

#[test]
fn a_setting_that_is_none_is_told_with_what_the_broker_said() {
    let settings = vec![("log.segment.bytes".to_owned(), "many".to_owned())];
    let error =
        Kafka::start(&KafkaPlan { settings, ..KafkaPlan::default() }).unwrap_err().to_string();
    assert!(error.contains("log.segment.bytes"), "{error}");
}

#[test]
fn a_cql_server_comes_back_with_its_address_after_a_kill_and_after_an_end() {
    let mut cassandra = Cassandra::start().unwrap();
    let address = cassandra.contact();
    assert!(cassandra.answers(0, 1));
    assert!(!cassandra.answers(0, 2), "there is one node only");
    cassandra.kill(0).unwrap();
    assert!(!cassandra.answers(0, 1));
    cassandra.kill(0).expect_err("it does not run");
    cassandra.restart(0).unwrap();
    assert_eq!(cassandra.contact(), address);
    cassandra.restart(0).expect_err("it runs");
    cassandra.terminate(0).unwrap();
    cassandra.restart(0).unwrap();
    let pids = cassandra.pids();
    drop(cassandra);
    assert_gone(&pids);
}

#[test]
fn two_of_three_cql_nodes_go_on_without_the_third() {
    let mut cassandra = Cassandra::start_three().unwrap();
    let contact = cassandra.contact();
    assert_eq!((cassandra.nodes(), contact.split(',').count()), (3, 3));
    assert!((0..3).all(|node| cassandra.answers(node, 3)), "each knows all");
    cassandra.kill(2).unwrap();
    cassandra.pause(1).unwrap();
    assert!(cassandra.answers(0, 3), "it knows of the others, running or not");
    assert!(!cassandra.answers(1, 1));
    cassandra.resume(1).unwrap();
    assert!(cassandra.answers(1, 3));
    cassandra.restart(2).unwrap();
    assert!(cassandra.answers(2, 3));
    assert_eq!(cassandra.contact(), contact);
    let pids = cassandra.pids();
    drop(cassandra);
    assert_gone(&pids);
}

#[test]
fn jaeger_answers_where_it_says_and_is_gone_when_it_is_dropped() {
    let jaeger = Jaeger::start().unwrap();
    assert!(jaeger.answers());
    let (pid, query) = (jaeger.pid(), jaeger.query().replace("http://", ""));
    assert!(is_listened_on(&query));
    assert!(is_listened_on(&jaeger.otlp_grpc().replace("http://", "")));
    drop(jaeger);
    assert_gone(&[pid]);
    assert!(!is_listened_on(&query));
}

fn rig() -> Command {
    Command::new(env!("CARGO_BIN_EXE_flowmill-rig"))
}

/// A process that holds a broker with its data in this folder, and what it says of it.
fn holder(temporary: &Path) -> (Child, Value) {
    let mut holder = rig();
    holder.env("TMPDIR", temporary);
    holder.args(["hold", "--kafka", "1", "--cql", "0"]).stdout(Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (holder, serde_json::from_str(&line).unwrap())
}

#[test]
fn nothing_is_left_of_a_process_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut holder, state) = holder(folder.path());
    let servers = state["servers"].as_array().unwrap().iter();
    let servers: Vec<u32> =
        servers.map(|pid| u32::try_from(pid.as_u64().unwrap()).unwrap()).collect();
    assert!(servers.iter().all(|pid| is_running(*pid)));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_gone(&servers);
    let deadline = Instant::now() + SOON;
    while folder.path().read_dir().unwrap().count() > 0 {
        assert!(Instant::now() < deadline, "the data is still there");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_command_starts_servers_says_where_they_are_and_ends_them() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let run = |arguments: &[&str]| {
        let ended = rig().args(arguments).arg("--state").arg(&state).output().unwrap();
        (ended.status.success(), String::from_utf8(ended.stdout).unwrap())
    };
    assert_eq!(run(&["status"]), (true, "nothing runs\n".into()));
    let refused = rig().args(["up", "--state"]).arg(&state).env("PATH", "").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.starts_with("the servers did not start: ") && said.lines().count() == 1, "{said}");
    let (up, said) = run(&["up", "--kafka", "1", "--cql", "0"]);
    assert!(up, "{said}");
    let known: Value = serde_json::from_str(&said).unwrap();
    assert!(is_listened_on(known["kafka"].as_str().unwrap()));
    assert_eq!(run(&["status"]), (true, said.clone()));
    assert_eq!(run(&["up"]), (false, said), "what runs is said and nothing more is started");
    assert_eq!(run(&["down"]), (true, "ended\n".into()));
    assert!(!is_listened_on(known["kafka"].as_str().unwrap()));
    assert_eq!(run(&["down"]), (true, "nothing runs\n".into()));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "a file is left");
}
