//! The settings of librdkafka for each kind of client, with the reason where its default is wrong.

use std::path::Path;

use flowmill_model::limits;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::{ClientError, Clients};
use crate::kafka::settings::{Credentials, Login, Security, Tls, Transport};

/// What kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Producer,
    Consumer,
    Admin,
}

/// Room beyond [`limits::RECORD_BYTES`] for what a record batch adds: its head, lengths, the
/// frames of headers.
pub(crate) const FRAME_BYTES: usize = 64 * 1024;

/// How often a client reports its figures, in milliseconds: more often than they are scraped.
const STATISTICS_MS: &str = "5000";

/// Every client.
const COMMON: &[(&str, &str)] = &[
    // A broker that comes back is to be found at once, one that is away not to be stormed.
    ("reconnect.backoff.ms", "20"),
    ("reconnect.backoff.max.ms", "500"),
    ("retry.backoff.ms", "20"),
    ("retry.backoff.max.ms", "500"),
    // A broker that hangs must not hold a request for the default of a minute.
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("socket.nagle.disable", "true"),
    ("socket.keepalive.enable", "true"),
    // Partitions that were added are to be seen while somebody still waits for them.
    ("topic.metadata.refresh.interval.ms", "10000"),
];

const PRODUCER: &[(&str, &str)] = &[
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("max.in.flight.requests.per.connection", "5"),
    // Company comes by itself while requests are in flight.
    ("linger.ms", "0"),
    ("compression.codec", "lz4"),
    // A leader's election takes seconds; whoever gives up earlier turns it into an outage.
    ("message.timeout.ms", "15000"),
    ("request.timeout.ms", "10000"),
    // The bound is ours, in bytes, and is met before these.
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "262144"),
];

const CONSUMER: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // The library's default reads committed records only.
    ("isolation.level", "read_uncommitted"),
    ("auto.offset.reset", "error"),
    ("allow.auto.create.topics", "false"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    // A member learns by its heartbeat that partitions move, and they rest until all have.
    ("heartbeat.interval.ms", "500"),
    ("max.poll.interval.ms", "15000"),
    ("fetch.min.bytes", "1"),
    ("fetch.wait.max.ms", "500"),
    // A full queue is looked at again this soon; the default is a second.
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.error.backoff.ms", "50"),
    // What one answer and the queue behind it take of memory. A larger record comes alone.
    ("fetch.max.bytes", "16777216"),
    ("queued.max.messages.kbytes", "16384"),
];

impl Clients {
    /// The configuration of a client.
    #[expect(clippy::disallowed_methods, reason = "this is the one factory")]
    pub(super) fn config(
        &self,
        kind: Purpose,
        purpose: &str,
        extra: &[(&str, &str)],
    ) -> Result<ClientConfig, ClientError> {
        flowmill_librdkafka::prepare();
        let mut config = ClientConfig::new();
        // Lines below a warning are for debugging the library; errors come as events.
        config.set_log_level(RDKafkaLogLevel::Warning);
        config.set("bootstrap.servers", &self.settings().brokers);
        config.set("client.id", self.shared.name(purpose));
        let largest = (limits::RECORD_BYTES + FRAME_BYTES).to_string();
        let of_kind = match kind {
            Purpose::Producer => PRODUCER,
            Purpose::Consumer => CONSUMER,
            Purpose::Admin => &[],
        };
        for (key, value) in COMMON.iter().chain(of_kind) {
            config.set(*key, *value);
        }
        let session = self.settings().session.get().as_millis().to_string();
        match kind {
            Purpose::Producer => config.set("message.max.bytes", &largest),
            Purpose::Consumer => config.set("session.timeout.ms", &session),
            Purpose::Admin => &mut config,
        };
        if self.shared.statistics.is_some() && kind != Purpose::Admin {
            config.set("statistics.interval.ms", STATISTICS_MS);
        }
        secure(&mut config, &self.settings().security)?;
        for (key, value) in extra {
            config.set(*key, *value);
        }
        Ok(config)
    }
}

fn secure(config: &mut ClientConfig, security: &Security) -> Result<(), ClientError> {
    match security {
        Security::Plaintext => config.set("security.protocol", "plaintext"),
        Security::Tls(tls) => {
            encrypt(config, tls)?;
            config.set("security.protocol", "ssl")
        }
        Security::Sasl { login, over: Transport::Tls(tls) } => {
            encrypt(config, tls)?;
            identify(config, login);
            config.set("security.protocol", "sasl_ssl")
        }
        Security::Sasl { login, over: Transport::Plaintext } => {
            identify(config, login);
            config.set("security.protocol", "sasl_plaintext")
        }
    };
    Ok(())
}

fn encrypt(config: &mut ClientConfig, tls: &Tls) -> Result<(), ClientError> {
    let files = [
        ("ssl.ca.location", &tls.ca),
        ("ssl.certificate.location", &tls.certificate),
        ("ssl.key.location", &tls.key),
    ];
    for (key, file) in files {
        if let Some(file) = file {
            config.set(key, readable(file)?);
        }
    }
    if tls.ca.is_none() {
        // The library is built with an OpenSSL of its own, which knows no place to look.
        config.set("ssl.ca.location", "probe");
    }
    if let Some(password) = &tls.key_password {
        config.set("ssl.key.password", password.reveal());
    }
    Ok(())
}

/// The file's name as text, once it is known that it can be opened: the library would only say
/// that a client cannot be made.
fn readable(file: &Path) -> Result<String, ClientError> {
    let shown = file.display();
    std::fs::File::open(file).map_err(|error| ClientError::File(format!("{shown}: {error}")))?;
    let text = file.to_str().ok_or_else(|| ClientError::File(format!("{shown} is not UTF-8")))?;
    Ok(text.to_owned())
}

fn identify(config: &mut ClientConfig, login: &Login) {
    let mut log_in = |mechanism: &str, who: &Credentials| {
        config.set("sasl.mechanism", mechanism);
        config.set("sasl.username", &who.user);
        config.set("sasl.password", who.password.reveal());
    };
    match login {
        Login::Plain(who) => log_in("PLAIN", who),
        Login::ScramSha256(who) => log_in("SCRAM-SHA-256", who),
        Login::ScramSha512(who) => log_in("SCRAM-SHA-512", who),
        Login::OAuthBearer(_) => {
            config.set("sasl.mechanism", "OAUTHBEARER");
        }
    }
}
