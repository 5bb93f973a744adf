//! The disk is full: what was acknowledged stays, callers are told, and work goes on by itself
//! when there is room.
//!
//! The data are on a file system of their own, in memory, which the server mounts in a namespace
//! of its own; the test reaches into it through the server's process.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flowmill_api::ExecutionStatus;
use flowmill_client::{
    Client, ClientError, DefinitionFormat, DeployRequest, Repeats, StartAnswer, StartKey,
    StartRequest,
};
use flowmill_model::{ErrorCode, ExecutionId, FlowName};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::program::{Files, command};

/// The size of the file system: some segments of the log, and rows.
const SIZE: &str = "400m";

/// Bytes of an input: a few hundred starts fill what the log has reserved.
const INPUT_BYTES: usize = 512 * 1024;

/// Starts after which the disk must have been full.
const STARTS: usize = 1_000;

/// How long the server may take to go on once there is room.
const ROOM_FOUND_WITHIN: Duration = Duration::from_secs(30);

/// How long an execution may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

const INLINE: &str = "
flowmill: 1
document: { namespace: test, name: inline, version: 1.0.0 }
nodes:
  - { id: begin, type: start }
  - { id: small, type: map, parameters: { expression: .n } }
  - { id: done, type: end }
connections:
  - begin.out -> small.in
  - small.out -> done.in
";

/// Mounts a file system of the given size over the folder, then becomes the program.
const MOUNT_AND_RUN: &str = r#"mount -t tmpfs -o size="$1" flowmill "$2" && shift 2 && exec "$@""#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_loses_nothing_and_is_got_over() {
    let files = Files::new();
    let mut server = Confined::start(&files.path().join("data"));
    let client = Client::new(server.url.parse().unwrap(), Repeats::none()).unwrap();
    deploy(&client).await;
    let mut acknowledged = vec![start(&client, 0).await.unwrap()];
    client.wait(acknowledged[0], ENDED_WITHIN).await.unwrap();

    server.fill();
    let refused = loop {
        assert!(acknowledged.len() < STARTS, "the disk never filled");
        match start(&client, acknowledged.len()).await {
            Ok(id) => acknowledged.push(id),
            Err(error) => break error,
        }
    };
    check_refusal(&refused);
    let ready = client.ready().await.unwrap();
    assert!(!ready.ready, "{ready:?}");
    let first = client.get(acknowledged[0]).await.unwrap();
    assert_eq!(first.status, ExecutionStatus::Completed, "{first:?}");

    server.make_room();
    acknowledged.push(start_again(&client, acknowledged.len()).await);
    for (number, id) in acknowledged.into_iter().enumerate() {
        let execution = client.wait(id, ENDED_WITHIN).await.unwrap();
        assert_eq!(execution.status, ExecutionStatus::Completed, "{number}");
        let output = serde_json::to_value(&execution.output).unwrap();
        assert_eq!(output, json!(number));
    }
    server.end();
}

fn check_refusal(refused: &ClientError) {
    let problem = refused.problem().unwrap_or_else(|| panic!("{refused:?}"));
    assert_eq!(problem.status, 503, "{problem:?}");
    assert_eq!(problem.code.as_deref(), Some(ErrorCode::StorageFull.as_str()), "{problem:?}");
}

async fn deploy(client: &Client) {
    let (flow, format) = ("test/inline".parse().unwrap(), DefinitionFormat::Yaml);
    let request = DeployRequest { flow, source: INLINE.into(), format, spread: None };
    client.deploy(request).await.unwrap();
}

async fn start(client: &Client, number: usize) -> Result<ExecutionId, ClientError> {
    let input: Value = json!({ "n": number, "filler": "x".repeat(INPUT_BYTES) });
    let flow: FlowName = "test/inline".parse().unwrap();
    let key = StartKey::Given(format!("start-{number}"));
    let input = input.to_string().into();
    let request = StartRequest { flow, version: None, input, key };
    Ok(match client.start(&request, None).await? {
        StartAnswer::Accepted(start) => start.id,
        StartAnswer::Ended(execution) => execution.id,
    })
}

async fn start_again(client: &Client, number: usize) -> ExecutionId {
    let deadline = Instant::now() + ROOM_FOUND_WITHIN;
    loop {
        match start(client, number).await {
            Ok(id) => return id,
            Err(error) => assert!(Instant::now() < deadline, "still refused: {error:?}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// A server on a file system of its own.
struct Confined {
    child: Child,
    url: String,
    /// The data folder, as it is seen from outside.
    data: PathBuf,
}

impl Confined {
    fn start(data: &Path) -> Self {
        std::fs::create_dir_all(data).unwrap();
        let mut child = Self::command(data).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!(
                "the server did not start: {error}; this test mounts a file system in a namespace of \
                 its own, so `unshare --map-root-user --mount true` must work here"
            )
        });
        let root = PathBuf::from(format!("/proc/{}/root", child.id()));
        let data = root.join(data.strip_prefix("/").unwrap());
        Self { child, url: said["url"].as_str().unwrap().to_owned(), data }
    }

    fn command(data: &Path) -> Command {
        let program = command();
        let mut confined = Command::new("unshare");
        confined.args(["--map-root-user", "--mount", "sh", "-c", MOUNT_AND_RUN, "sh", SIZE]);
        confined.arg(data).arg(program.get_program());
        confined.args(["dev", "--output", "json", "--listen", "127.0.0.1:0", "--data-dir"]);
        confined.arg(data).stdin(Stdio::null());
        confined
    }

    fn filler(&self) -> PathBuf {
        self.data.join("filler")
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        let block = vec![0xff; 64 * 1024];
        while filler.write(&block).is_ok_and(|written| written > 0) {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn end(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
