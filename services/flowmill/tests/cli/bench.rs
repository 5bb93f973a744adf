//! `flowmill bench`: that its figures are of work that was done, not how large they are.

use serde_json::{Value, json};

use crate::program::{Files, flowmill};
use crate::server::Dev;

const SHORT: [&str; 5] = ["--duration", "1s", "--warm-up", "200ms", "--json"];

fn measured(arguments: &[&str]) -> Value {
    flowmill(&[&["bench"], arguments, &SHORT].concat()).with_code(0).json()
}

#[test]
fn every_workload_completes_on_the_embedded_engine() {
    for workload in ["inline", "three-tasks", "fan-out-10", "wait-5s"] {
        let report = measured(&["--workload", workload, "--concurrency", "64"]);
        assert_eq!((&report["workload"], &report["failed"]), (&json!(workload), &json!(0)));
        assert!(report["completed"].as_u64() >= Some(64), "{report}");
        let hops = report["perHopMs"].is_object();
        assert_eq!(hops, workload == "three-tasks", "{report}");
        for figure in ["cpuSecondsPerThousand", "peakRssBytes", "bytesWrittenPerExecution"] {
            assert!(report[figure].as_f64() > Some(0.0), "{figure}: {report}");
        }
    }
}

#[test]
fn an_open_loop_starts_as_many_as_were_due() {
    let report = measured(&["--rate", "50"]);
    assert_eq!(report["completed"], json!(50), "{report}");
    assert_eq!(report["load"], json!({ "loop": "open", "ratePerSecond": 50 }));
}

#[test]
fn a_server_is_measured_over_http_and_its_own_figures_are_left_out() {
    let files = Files::new();
    let server = Dev::start(files.path());
    let report = measured(&["--target", &server.url, "--concurrency", "8"]);
    assert_eq!(report["target"], json!(server.url));
    assert_eq!((&report["failed"], &report["peakRssBytes"]), (&json!(0), &Value::Null));
}

#[test]
fn a_servers_tasks_are_run_by_the_program_that_measures() {
    let files = Files::new();
    let server = Dev::start(files.path());
    let target = ["--target", &server.url, "--concurrency", "8"];
    let report = measured(&[&target[..], &["--workload", "three-tasks"]].concat());
    assert_eq!((&report["until"], &report["failed"]), (&json!("ended"), &json!(0)), "{report}");
    assert!(report["completed"].as_u64() >= Some(8), "{report}");
}

#[test]
fn a_start_that_is_durable_ends_its_measurement() {
    let report = measured(&["--workload", "wait-5s", "--until", "accepted", "--rate", "20"]);
    assert_eq!((&report["until"], &report["completed"]), (&json!("accepted"), &json!(20)));
    // Each would have waited for five seconds to its end.
    assert!(report["latencyMs"]["p50"].as_f64() < Some(5_000.0), "{report}");
}

#[test]
fn open_executions_are_found_again_by_the_next_engine() {
    let report = flowmill(&["bench", "--open", "500", "--json"]).with_code(0).json();
    assert_eq!(report["executions"], json!(500));
    assert!(report["startSeconds"].as_f64() > Some(0.0), "{report}");
}
