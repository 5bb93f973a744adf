//! Workers of other languages, in processes of their own, beside `flowmill dev`.

#[allow(dead_code, unreachable_pub, reason = "an example has a main of its own")]
#[path = "../../../../crates/worker/examples/charge.rs"]
pub(crate) mod charge;
mod python;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::python::Python;
use crate::program::{Files, repository_file};
use crate::server::Dev;

/// How long a worker may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

fn bill() -> String {
    repository_file("examples/workers/bill.yaml").to_str().unwrap().to_owned()
}

/// The workers that the server knows, once one of that kind waits for tasks.
fn connected(server: &Dev, kind: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = server.flowmill(&["workers", "--output", "json"]).with_code(0).json();
        let workers = listed.as_array().unwrap().iter();
        let ours = |worker: &&Value| {
            let name = worker["name"].as_str().unwrap();
            // It says how many tasks it takes after it has said who it is.
            let takes = worker["capacity"].as_u64() > Some(0);
            name.starts_with(kind) && worker["connected"] == json!(true) && takes
        };
        if let Some(worker) = workers.clone().find(ours) {
            return worker.clone();
        }
        assert!(Instant::now() < deadline, "no worker came: {listed}");
        std::thread::yield_now();
    }
}

fn start(server: &Dev, cents: u32) -> crate::program::Ended {
    let input = json!({ "cents": cents }).to_string();
    let wait = ["--wait", "60s", "--output", "json"];
    server.flowmill(&[&["start", "shop/bill", "--input", &input][..], &wait].concat())
}

#[test]
fn a_python_worker_runs_tasks_over_grpc() {
    let python = Python::with_grpc();
    let files = Files::new();
    let server = Dev::start(&files.path().join("data"));
    server.flowmill(&["deploy", &bill()]).with_code(0);
    let worker = python.worker(&server, files.path());
    let listed = connected(&server, "python-");
    assert_eq!((&listed["queues"], &listed["capacity"]), (&json!(["charge"]), &json!(8)));

    let charged = start(&server, 180).with_code(0).json();
    assert_eq!(charged["status"], json!("completed"), "{}", worker.said());
    assert_eq!(charged["output"]["charged"], json!(180));
    let declined = start(&server, 5_000).with_code(1);
    assert_eq!(declined.json()["error"]["type"], json!("https://example.com/declined"));

    let table = server.flowmill(&["workers"]).with_code(0).stdout;
    assert!(table.contains("WORKER") && table.contains("charge"), "{table}");
    let answered = connected(&server, "python-");
    assert_eq!((&answered["completed"], &answered["failed"]), (&json!(1), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_worker_of_the_sdk_runs_tasks_in_a_process_of_its_own() {
    let files = Files::new();
    let server = Dev::start(&files.path().join("data"));
    server.flowmill(&["deploy", &bill()]).with_code(0);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = charge::worker(&server.url).unwrap();
    let running = flowmill_runtime::spawn("worker", worker.run(async { drop(stopped.await) }));
    connected(&server, "rust");
    let charged = start(&server, 180).with_code(0).json();
    assert_eq!(
        (&charged["status"], &charged["output"]["charged"]),
        (&json!("completed"), &json!(180))
    );
    stop.send(()).unwrap();
    assert_eq!(running.await.unwrap().given_up, 0);
}

#[test]
fn a_task_of_a_worker_that_was_killed_is_run_by_another_one() {
    let python = Python::with_grpc();
    let files = Files::new();
    let server = Dev::start(&files.path().join("data"));
    let text = std::fs::read_to_string(bill()).unwrap().replace("PT30S", "PT2S");
    server.flowmill(&["deploy", &files.write("bill.yaml", &text)]).with_code(0);
    // It takes a task and never answers.
    let poll = json!({ "queue": "charge", "wait": "60s", "worker": "gone" }).to_string();
    let gone = std::thread::spawn({
        let url = format!("{}/v1/tasks/poll", server.url);
        move || python::post(&url, &poll)
    });
    connected(&server, "gone");
    let id = start_only(&server);
    let taken: Value = serde_json::from_str(&gone.join().unwrap()).unwrap();
    assert_eq!(taken["tasks"][0]["attempt"], json!(1));

    let _worker = python.worker(&server, files.path());
    let get = ["executions", "get", &id, "--wait", "60s", "--output", "json"];
    let ended = server.flowmill(&get).with_code(0).json();
    assert_eq!((&ended["status"], &ended["output"]["charged"]), (&json!("completed"), &json!(7)));
}

fn start_only(server: &Dev) -> String {
    let start = ["start", "shop/bill", "--input", r#"{"cents": 7}"#, "--output", "json"];
    server.flowmill(&start).with_code(0).json()["id"].as_str().unwrap().to_owned()
}
