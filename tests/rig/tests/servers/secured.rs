//! A secured cluster lets in who has its authority's certificate and its user's password, and nobody
//! else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use flowmill_rig::{Cassandra, Kafka, KafkaPlan, KafkaSecurity};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::SOON;

/// Keeps what the client complains of.
#[derive(Default)]
struct Complaints(Mutex<Vec<RDKafkaErrorCode>>);

impl ClientContext for Complaints {
    fn error(&self, error: KafkaError, _: &str) {
        let code = error.rdkafka_error_code().expect("its own errors have a code");
        self.0.lock().unwrap().push(code);
    }
}

impl ConsumerContext for Complaints {}

fn settings(kafka: &Kafka, mechanism: &str) -> ClientConfig {
    let access = kafka.access().expect("it is secured");
    let settings = [
        ("bootstrap.servers", kafka.bootstrap()),
        ("security.protocol", "SASL_SSL".into()),
        ("ssl.ca.location", access.ca.display().to_string()),
        ("sasl.mechanism", mechanism.into()),
        ("sasl.username", access.user.clone()),
        ("sasl.password", access.password.clone()),
        ("group.id", "rig".into()),
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn client(settings: &ClientConfig) -> BaseConsumer<Complaints> {
    settings.create_with_context(Complaints::default()).unwrap()
}

/// The brokers that a client is told of once it is let in.
#[track_caller]
fn brokers(settings: &ClientConfig) -> Vec<i32> {
    let told = client(settings).fetch_metadata(None, SOON).unwrap();
    let mut ids: Vec<i32> = told.brokers().iter().map(|broker| broker.id()).collect();
    ids.sort_unstable();
    ids
}

#[track_caller]
fn assert_refused(settings: &ClientConfig, with: RDKafkaErrorCode) {
    let client = client(settings);
    client.subscribe(&["none"]).unwrap();
    let deadline = Instant::now() + SOON;
    while !client.context().0.lock().unwrap().contains(&with) {
        assert!(Instant::now() < deadline, "{:?}", client.context().0.lock().unwrap());
        drop(client.poll(Duration::from_millis(20)));
    }
}

#[test]
fn a_secured_broker_lets_in_who_has_the_password_and_trusts_its_certificate() {
    let plan = KafkaPlan { security: KafkaSecurity::SaslTls, ..KafkaPlan::default() };
    let mut kafka = Kafka::start(&plan).unwrap();
    for mechanism in ["SCRAM-SHA-512", "PLAIN"] {
        let right = settings(&kafka, mechanism);
        assert_eq!(brokers(&right), [1], "{mechanism}");
        let mut wrong = right.clone();
        wrong.set("sasl.password", "guessed");
        assert_refused(&wrong, RDKafkaErrorCode::Authentication);
        // The system's authorities do not know that of the cluster.
        let mut distrustful = right.clone();
        distrustful.remove("ssl.ca.location");
        assert_refused(&distrustful, RDKafkaErrorCode::SSL);
    }
    let mut token = settings(&kafka, "OAUTHBEARER");
    token.set("enable.sasl.oauthbearer.unsecure.jwt", "true");
    token.set("sasl.oauthbearer.config", "principal=rig");
    assert_eq!(brokers(&token), [1]);

    kafka.kill(0).unwrap();
    kafka.restart(0).unwrap();
    assert_eq!(brokers(&settings(&kafka, "SCRAM-SHA-512")), [1], "the user is still known");
}

#[test]
fn every_node_of_a_secured_cluster_knows_the_user() {
    let security = KafkaSecurity::SaslTls;
    let kafka = Kafka::start(&KafkaPlan { nodes: 3, security, ..KafkaPlan::default() }).unwrap();
    for address in kafka.bootstrap().split(',') {
        let mut settings = settings(&kafka, "SCRAM-SHA-512");
        settings.set("bootstrap.servers", address);
        assert_eq!(brokers(&settings), [1, 2, 3], "{address}");
    }
}

#[test]
fn a_broker_that_asks_for_a_certificate_lets_in_who_has_one_of_its_authority() {
    let security = KafkaSecurity::MutualTls;
    let kafka = Kafka::start(&KafkaPlan { security, ..KafkaPlan::default() }).unwrap();
    let access = kafka.access().unwrap();
    let settings = [
        ("bootstrap.servers", kafka.bootstrap()),
        ("security.protocol", "SSL".into()),
        ("ssl.ca.location", access.ca.display().to_string()),
        ("group.id", "rig".into()),
    ];
    let mut known: ClientConfig =
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let nobody = known.clone();
    known.set("ssl.certificate.location", access.certificate.to_str().unwrap());
    known.set("ssl.key.location", access.key.to_str().unwrap());
    assert_eq!(brokers(&known), [1]);
    // It is told after the handshake, while it waits for the first answer.
    assert_refused(&nobody, RDKafkaErrorCode::BrokerTransportFailure);
}

#[test]
fn a_secured_cql_server_has_its_user_after_a_kill_too_and_speaks_tls_alone() {
    let mut cassandra = Cassandra::start_secured().unwrap();
    let access = cassandra.access().unwrap().clone();
    assert!(access.ca.exists() && access.password.len() == 24, "{access:?}");
    assert!(cassandra.answers(0, 1));
    cassandra.kill(0).unwrap();
    cassandra.restart(0).unwrap();
    assert!(cassandra.answers(0, 1));
    // A greeting in the clear: the connection is closed without an answer to it.
    let mut plain = TcpStream::connect(cassandra.contact()).unwrap();
    plain.set_read_timeout(Some(SOON)).unwrap();
    plain.write_all(b"\x04\0\0\0\x05\0\0\0\0").unwrap();
    let mut answer = Vec::new();
    let closed = plain.read_to_end(&mut answer);
    assert!(closed.is_err() || answer.first() != Some(&0x84), "{answer:?}");
}
