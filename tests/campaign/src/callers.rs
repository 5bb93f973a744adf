//! Callers: they start executions whatever happens to the servers, send the signals that these wait
//! for, and look whether what was acknowledged to them is known everywhere at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowmill_client::{Client, ClientError, Repeats, StartAnswer, StartKey, StartRequest};
use flowmill_model::ExecutionId;
use flowmill_runtime::{Entropy, spawn};
use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::flows::Kind;
use crate::ledger::Ledger;

/// Callers at the same time: what the rate is spread over, and how many wait in an outage.
const CALLERS: u64 = 32;

/// Between two tries.
pub(crate) const AGAIN: Duration = Duration::from_millis(50);

/// One in so many starts is asked for five times at once under the same key.
const AT_ONCE: u64 = 10;

/// The ways in: a client for each gateway. Every request is sent once; repeating is the caller's.
#[derive(Clone)]
pub(crate) struct Ways(Arc<[Client]>);

impl Ways {
    /// Ways to gateways at these addresses.
    pub(crate) fn to(addresses: &[String]) -> anyhow::Result<Self> {
        let client = |address: &String| {
            anyhow::Ok(Client::new(format!("http://{address}").parse()?, Repeats::none())?)
        };
        let clients: anyhow::Result<Vec<_>> = addresses.iter().map(client).collect();
        Ok(Self(clients?.into()))
    }

    /// One of them; the next turn is another one.
    pub(crate) fn at(&self, turn: u64) -> &Client {
        let index = turn % u64::try_from(self.0.len()).unwrap_or(1);
        &self.0[usize::try_from(index).unwrap_or_default()]
    }
}

/// What all callers share.
#[derive(Clone)]
pub(crate) struct Callers {
    pub(crate) ways: Ways,
    pub(crate) ledger: Ledger,
    keys: Arc<AtomicU64>,
}

impl Callers {
    pub(crate) fn new(ways: Ways, ledger: Ledger) -> Self {
        Self { ways, ledger, keys: Arc::default() }
    }

    /// Starts callers that start so many executions a second between them, until the token says
    /// that they are to come to an end.
    pub(crate) fn call(&self, rate: u32, seed: u64) -> (CancellationToken, Vec<JoinHandle<()>>) {
        let stop = CancellationToken::new();
        let pace = Duration::from_secs_f64(CALLERS as f64 / f64::from(rate.max(1)));
        let caller = |number| {
            let (callers, entropy) = (self.clone(), Entropy::seeded(seed.wrapping_add(number)));
            let stop = stop.clone();
            spawn("caller", async move {
                sleep(pace.mul_f64(number as f64 / CALLERS as f64)).await;
                let mut turns = interval(pace);
                turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while !stop.is_cancelled() {
                    turns.tick().await;
                    callers.one(&entropy).await;
                }
            })
        };
        let callers = (0..CALLERS).map(caller).collect();
        (stop, callers)
    }

    /// Opens executions that stay open until the end.
    pub(crate) async fn open(&self, count: usize) {
        let each = count.div_ceil(usize::try_from(CALLERS).unwrap_or(1));
        let opening = (0..CALLERS).map(|turn| async move {
            for _ in 0..each {
                self.start(turn, &self.key("open"), Kind::Open).await;
            }
        });
        join_all(opening).await;
    }

    /// A key that no other start has.
    pub(crate) fn key(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts one execution and does for it what its caller has to do.
    async fn one(&self, entropy: &Entropy) {
        let kind = match entropy.next() % 10 {
            0..4 => Kind::Call,
            4..6 => Kind::Shy,
            6..8 => Kind::Wait,
            _ => Kind::Signal,
        };
        let (turn, key) = (entropy.next(), self.key("call"));
        let id = if entropy.next().is_multiple_of(AT_ONCE) {
            self.start_five_times(turn, &key, kind).await
        } else {
            self.start(turn, &key, kind).await
        };
        self.is_known(turn.wrapping_add(1), id).await;
        if kind == Kind::Signal {
            self.signal(turn, id, &key).await;
        }
    }

    /// Asks for an execution five times at once under one key. All must be told the same one, which
    /// the ledger sees.
    pub(crate) async fn start_five_times(&self, turn: u64, key: &str, kind: Kind) -> ExecutionId {
        let starts = (0..5).map(|more| self.start(turn.wrapping_add(more), key, kind));
        join_all(starts).await[0]
    }

    /// Starts an execution, at one gateway after the other until it is acknowledged.
    pub(crate) async fn start(&self, mut turn: u64, key: &str, kind: Kind) -> ExecutionId {
        self.ledger.try_start(key, kind);
        loop {
            match self.try_start(turn, key, kind).await {
                Ok(id) => return id,
                Err(error) => self.tolerates(&error, "a start"),
            }
            turn = turn.wrapping_add(1);
            sleep(AGAIN).await;
        }
    }

    /// Asks once for a start, and says whether it was acknowledged. One that is refused for want of
    /// room was not taken, and nobody asks for it again.
    pub(crate) async fn start_once(&self, key: &str, kind: Kind) -> bool {
        self.ledger.try_start(key, kind);
        let refused = self.try_start(self.keys.load(Ordering::Relaxed), key, kind).await.err();
        if refused.as_ref().is_some_and(|error| error.status() == Some(429)) {
            self.ledger.refused(key);
        }
        refused.is_none()
    }

    /// Asks once for a start.
    pub(crate) async fn try_start(
        &self,
        turn: u64,
        key: &str,
        kind: Kind,
    ) -> Result<ExecutionId, ClientError> {
        let flow = kind.flow().parse().expect("it is a flow's name");
        let input = kind.input(key).to_string().into();
        let request =
            StartRequest { flow, version: None, input, key: StartKey::Given(key.to_owned()) };
        let id = match self.ways.at(turn).start(&request, None).await? {
            StartAnswer::Accepted(start) => start.id,
            StartAnswer::Ended(execution) => execution.id,
        };
        self.ledger.started(key, id, kind);
        Ok(id)
    }

    /// Asks once for a start without a key; says whether it was acknowledged. One that was not may
    /// have been taken all the same.
    pub(crate) async fn start_without_key(&self, turn: u64) -> bool {
        let flow = Kind::Nothing.flow().parse().expect("it is a flow's name");
        let (key, input) = (StartKey::Absent, "null".into());
        self.ledger.may_start_nothing();
        let request = StartRequest { flow, version: None, input, key };
        let StartAnswer::Accepted(start) = (match self.ways.at(turn).start(&request, None).await {
            Ok(answer) => answer,
            Err(_) => return false,
        }) else {
            return false;
        };
        self.ledger.started(&self.key("nothing"), start.id, Kind::Nothing);
        true
    }

    /// Looks at an execution that was acknowledged, through another gateway: it may not be
    /// available, but never unknown.
    async fn is_known(&self, turn: u64, id: ExecutionId) {
        if let Err(error) = self.ways.at(turn).get(id).await {
            self.tolerates(&error, &format!("I10: {id}, which was acknowledged, is read"));
        }
    }

    /// Sends the signal that an execution waits for until it is acknowledged.
    pub(crate) async fn signal(&self, mut turn: u64, id: ExecutionId, key: &str) {
        loop {
            let way = self.ways.at(turn);
            match way.signal(id, "go", "true".into(), Some(format!("go-{key}"))).await {
                Ok(_) => return,
                // It has ended: an earlier try got through.
                Err(error) if error.status() == Some(409) => return,
                Err(error) => self.tolerates(&error, &format!("a signal to {id}")),
            }
            turn = turn.wrapping_add(1);
            sleep(AGAIN).await;
        }
    }

    /// No answer, and answers that say "later", are what an outage looks like. Every other refusal is
    /// a false one.
    fn tolerates(&self, error: &ClientError, what: &str) {
        let later = error.status().is_none_or(|status| matches!(status, 429 | 503));
        if !later {
            self.ledger.violated(format!("{what}: {error}"));
        }
    }
}
