//! Producers of other languages start flows: librdkafka's Python client, and Kafka's own in Java.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::broker::{User, broker};
use crate::node::Node;

/// The client for Python, in the version that was tried.
const CONFLUENT_KAFKA: &str = "confluent-kafka==2.5.0";

const PRODUCER: &str = r#"
import json, sys
from confluent_kafka import Producer

bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
failed = []
for number in range(count):
    producer.produce(
        topic,
        key=f"k-{number}",
        value=json.dumps({"order_id": f"p-{number}", "total": 101 + number}),
        headers=[("language", b"python")],
        on_delivery=lambda error, message: failed.append(error) if error else None,
    )
producer.flush(60)
sys.exit(f"not delivered: {failed}" if failed or len(producer) else 0)
"#;

/// A Python that has the client; made once, kept in the rig's cache.
fn python() -> PathBuf {
    let cache = flowmill_rig::cache_folder();
    let venv = cache.join(CONFLUENT_KAFKA.replace("==", "-"));
    let python = venv.join("bin/python");
    std::fs::create_dir_all(&cache).unwrap();
    let lock = std::fs::File::create(cache.join("confluent-kafka.lock")).unwrap();
    lock.lock().unwrap();
    let works = || {
        let imports = Command::new(&python).args(["-c", "import confluent_kafka"]).output();
        imports.is_ok_and(|output| output.status.success())
    };
    if !works() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", CONFLUENT_KAFKA]));
    }
    python
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

const FLOW: &str = "triggers: [{ kafka: { topic: TOPIC, from: earliest, envelope: ENVELOPE } }]
nodes: [{ id: s, type: start }]";

async fn started(cluster: &str, topic: &str, flow: &str) -> (Node, User) {
    let user = User::new(cluster).await;
    user.make_topic(topic, 3).await;
    let node = Node::start(user.clone()).await;
    let body = flow.replace("TOPIC", topic).replace("ENVELOPE", "json");
    node.deploy("orders", "1.0.0", &body).await;
    (node, user)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_of_a_python_producer_starts_one_execution() {
    const RECORDS: usize = 200;
    let (node, user) = started("python", "python.orders", FLOW).await;
    let triggers = node.triggers();
    let produce = || {
        let bootstrap = broker().bootstrap();
        let mut command = Command::new(python());
        run(command.args(["-c", PRODUCER, &bootstrap, "python.orders", &RECORDS.to_string()]));
    };
    tokio::task::spawn_blocking(produce).await.unwrap();
    node.await_executions("orders", RECORDS).await;
    let outputs = node.outputs("orders").await;
    let distinct: std::collections::BTreeSet<_> = outputs.iter().collect();
    assert_eq!(distinct.len(), RECORDS);
    assert!(outputs.contains(&r#"{"order_id":"p-7","total":108}"#.to_owned()), "{outputs:?}");
    triggers.stop().await;
    assert_eq!(user.positions("orders", "python.orders", 3).await.iter().sum::<i64>(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_of_the_java_producer_starts_one_execution() {
    let (node, user) = started("java", "java.orders", FLOW).await;
    let triggers = node.triggers();
    let produce = || {
        let broker = broker();
        let mut tool = broker.tool("org.apache.kafka.tools.ConsoleProducer");
        tool.args(["--bootstrap-server", &broker.bootstrap(), "--topic", "java.orders"]);
        tool.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut tool = tool.spawn().expect("a Java");
        let mut lines = tool.stdin.take().unwrap();
        for number in 0..50 {
            writeln!(lines, "{{\"order_id\": \"j-{number}\", \"total\": {number}}}").unwrap();
        }
        drop(lines);
        let output = tool.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    tokio::task::spawn_blocking(produce).await.unwrap();
    node.await_executions("orders", 50).await;
    let outputs = node.outputs("orders").await;
    assert!(outputs.contains(&r#"{"order_id":"j-49","total":49}"#.to_owned()), "{outputs:?}");
    triggers.stop().await;
    assert_eq!(user.positions("orders", "java.orders", 3).await.iter().sum::<i64>(), 50);
}
