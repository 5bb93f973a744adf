//! Brokers that ask for TLS and a login.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use flowmill_log::kafka::{
    Clients, ClusterError, Credentials, InitPlan, KafkaLog, KafkaSettings, Login, Replicas, Secret,
    Security, Tls, TokenFile, Transport, init,
};
use flowmill_log::{Log, ReadLimit, Record};
use flowmill_model::Offset;
use flowmill_rig::{Kafka, KafkaPlan, KafkaSecurity};

use crate::brokers::{self, history, soon};

const PLAN: InitPlan = InitPlan { shards: Some(1), replicas: Replicas::SINGLE };

fn kafka() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| {
        let security = KafkaSecurity::SaslTls;
        Kafka::start(&KafkaPlan { security, ..KafkaPlan::default() }).unwrap()
    })
}

fn tls() -> Tls {
    Tls { ca: Some(kafka().access().unwrap().ca.clone()), ..Tls::default() }
}

fn credentials() -> Credentials {
    let access = kafka().access().unwrap();
    Credentials { user: access.user.clone(), password: Secret::new(access.password.clone()) }
}

/// A fresh cluster, entered with this login.
fn settings(login: Login) -> KafkaSettings {
    let security = Security::Sasl { login, over: Transport::Tls(tls()) };
    KafkaSettings { security, ..brokers::settings(&kafka().bootstrap()) }
}

/// A record there and back.
async fn works(log: &KafkaLog) {
    let offset = soon("an append", log.append(&history(0), Record::of("x"))).await.unwrap();
    let mut reader = log.reader(&history(0), offset);
    let limit = ReadLimit { records: std::num::NonZeroUsize::MIN, bytes: 1 };
    let found = soon("a read", reader.read(limit)).await.unwrap();
    assert_eq!(found[0].record, Record::of("x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_and_used_with_a_password_over_tls() {
    for login in [Login::ScramSha512(credentials()), Login::Plain(credentials())] {
        let clients = Clients::new(settings(login));
        soon("making", init(&clients, PLAN)).await.unwrap();
        works(&soon("opening", KafkaLog::open(clients)).await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_with_what_to_check_and_never_told() {
    let password = Secret::new("not-the-password");
    let wrong = Login::ScramSha512(Credentials { password, ..credentials() });
    let clients = Clients::new(settings(wrong));
    let error = soon("making", init(&clients, PLAN)).await.unwrap_err();
    assert!(matches!(error, ClusterError::LoginRefused { .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("check user, password and mechanism"), "{text}");
    assert!(!text.contains("not-the-password"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_nobody_vouches_for_is_not_talked_to() {
    let login = Login::ScramSha512(credentials());
    let over = Transport::Tls(Tls::default());
    let security = Security::Sasl { login, over };
    let settings = KafkaSettings { security, ..brokers::settings(&kafka().bootstrap()) };
    let error = soon("making", init(&Clients::new(settings), PLAN)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be encrypted"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_certificates_that_is_missing_is_named() {
    let tls = Tls { ca: Some("/nowhere/ca.pem".into()), ..Tls::default() };
    let settings = KafkaSettings { security: Security::Tls(tls), ..KafkaSettings::plain("b:1") };
    let error = soon("making", init(&Clients::new(settings), PLAN)).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

/// Writes an unsigned token, which only a broker of the rig accepts.
fn write_token(file: &Path) {
    let encode = |text: &str| {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits = text.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        let bits: Vec<_> = bits.collect();
        let digit = |chunk: &[u8]| {
            let value = (0..6).fold(0, |sum, bit| sum << 1 | chunk.get(bit).unwrap_or(&0));
            char::from(ALPHABET[usize::from(value)])
        };
        bits.chunks(6).map(digit).collect::<String>()
    };
    let now = flowmill_runtime::Clock::system().now().as_millis() / 1_000;
    let user = &kafka().access().unwrap().user;
    let claims = format!(r#"{{"sub":"{user}","iat":{now},"exp":{}}}"#, now + 3_600);
    fs::write(file, format!("{}.{}.\n", encode(r#"{"alg":"none"}"#), encode(&claims))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_a_file_lets_a_node_in_but_makes_no_topics() {
    let by_password = settings(Login::ScramSha512(credentials()));
    soon("making", init(&Clients::new(by_password.clone()), PLAN)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    write_token(&path);
    let principal = kafka().access().unwrap().user.clone();
    let login = Login::OAuthBearer(TokenFile { path, principal });
    let security = Security::Sasl { login, over: Transport::Tls(tls()) };
    let clients = Clients::new(KafkaSettings { security, ..by_password });
    let log = soon("opening", KafkaLog::open(clients.clone())).await.unwrap();
    works(&log).await;
    let error = soon("making", init(&clients, InitPlan { shards: Some(2), ..PLAN })).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("OAUTHBEARER"), "{text}");
    let trim = soon("a trim", log.trim(&history(0), Offset::new(1))).await;
    assert!(trim.unwrap_err().to_string().contains("OAUTHBEARER"));
}
