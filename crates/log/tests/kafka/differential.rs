//! The memory log and the log on Kafka, step by step through the same scripts.
//!
//! The simulation runs the engine on the memory log, so what it proves is worth as much as that log
//! behaves as Kafka does. A script is drawn from a seed and run on both; everything that is visible
//! must be the same, or differ as one of the [`rules`] allows, which says why. Besides, each log by
//! itself must keep the contract as far as it can be seen ([`own`]).
//!
//! Where brokers are struck, Kafka goes first. The memory log is then told, by its faults, what
//! became of each append, and must show the same: whatever Kafka did, the simulation can do, too.
//!
//! `FLOWMILL_SEED` repeats a seed, `17`, or plays a range, `0..100`. A script that shows a
//! difference is made smaller and printed; as a list of steps it can become a test by itself.
//!
//! After that the scripts are run on memory logs that are broken on purpose ([`broken`]), each of
//! which one of them must show.
//!
//! Not looked at: how long anything takes, records that retention lets go by their age, crashes of
//! processes, and names of topics and groups.

mod broken;
mod chance;
mod compare;
mod drawing;
mod ground;
mod history;
mod known;
mod own;
mod records;
mod rules;
mod run;
mod script;
mod seen;
mod shrink;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use flowmill_log::NotWritten;
use flowmill_log::kafka::Replicas;
use flowmill_log::memory::Fate;
use flowmill_rig::Kafka;
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;

use self::broken::Mutation;
use self::ground::Ground;
use self::records::Number;
use self::rules::Needed;
use self::run::{Stuck, run};
use self::script::{Fault, Script};
use self::seen::{Failure, Outcome, Visible};
use crate::brokers;

/// Brokers that scripts are run on.
#[derive(Clone)]
struct Cluster {
    bootstrap: String,
    replicas: Replicas,
    /// Those that faults strike.
    brokers: Option<Arc<Mutex<Kafka>>>,
}

impl Cluster {
    fn one() -> Self {
        Self { bootstrap: brokers::one(), replicas: Replicas::SINGLE, brokers: None }
    }

    fn three() -> Self {
        Self { bootstrap: brokers::three(), replicas: Replicas::SAFE, brokers: None }
    }

    /// Three brokers of its own, for faults.
    fn to_strike() -> Self {
        let kafka = brokers::start(3);
        let bootstrap = kafka.bootstrap();
        let brokers = Some(Arc::new(Mutex::new(kafka)));
        Self { bootstrap, replicas: Replicas::SAFE, brokers }
    }

    fn ground(&self) -> Ground {
        let settings = Box::new(brokers::settings(&self.bootstrap));
        Ground::Kafka { settings, replicas: self.replicas, brokers: self.brokers.clone() }
    }

    /// Runs a script here and on a memory log; gives what Kafka showed, if it ended, and what differs.
    async fn differences(&self, script: &Script) -> (Option<Visible>, Vec<String>, Needed) {
        let real = match run(script, &self.ground()).await {
            Ok(real) => real,
            Err(Stuck(what)) => return (None, vec![format!("Kafka: {what}")], Needed::default()),
        };
        let fates = if self.brokers.is_some() { fates(&real) } else { HashMap::new() };
        let (problems, needed) = match on_memory(script, Ground::memory(fates)).await {
            Ok(model) => compare::compare(script, &model, &real),
            Err(Stuck(what)) => (vec![format!("memory: {what}")], Needed::default()),
        };
        (Some(real), problems, needed)
    }

    /// Gives what Kafka showed. Panics if a script shows a difference, with the smallest one that
    /// was found.
    async fn check(&self, script: Script) -> Played {
        let (visible, problems, needed) = self.differences(&script).await;
        if let (Some(visible), true) = (visible, problems.is_empty()) {
            return Played { script, visible, needed };
        }
        say(&format!("{script}\n{}\n", problems.join("\n")));
        // When a broker is struck, the same script does not show the same.
        assert!(self.brokers.is_none(), "memory and Kafka differ in the script {}", script.name);
        let fails = async |script: &Script| !self.differences(script).await.1.is_empty();
        let small = shrink::shrink(script, fails).await;
        let (_, problems, _) = self.differences(&small).await;
        panic!("memory and Kafka differ in the {small}\n{}", problems.join("\n"));
    }

    /// Plays the seeds that are asked for, or these, and then the same with memory logs that are
    /// broken: each must be caught by one of them.
    async fn play(
        &self,
        (seeds, at_once): (Range<u64>, usize),
        draw: impl Fn(u64) -> Script,
        mutations: &[Mutation],
    ) {
        let asked = asked_for();
        let mutations = if asked.is_some() { &[] } else { mutations };
        let scripts = asked.unwrap_or(seeds).map(|seed| self.check(draw(seed)));
        let played: Vec<_> = stream::iter(scripts).buffer_unordered(at_once).collect().await;
        let mut needed = Needed::default();
        played.iter().for_each(|played| needed.add(&played.needed));
        say(&format!("differences that rules allow: {needed:?}"));
        for mutation in mutations {
            let caught = stream::iter(&played).any(|played| played.shows(*mutation)).await;
            assert!(caught, "{mutation:?} is not caught");
        }
    }
}

/// A script that showed no difference.
struct Played {
    script: Script,
    visible: Visible,
    needed: Needed,
}

impl Played {
    /// Whether a broken memory log differs from what Kafka showed.
    async fn shows(&self, mutation: Mutation) -> bool {
        match on_memory(&self.script, Ground::broken(mutation)).await {
            Ok(model) => !compare::compare(&self.script, &model, &self.visible).0.is_empty(),
            Err(Stuck(_)) => true,
        }
    }
}

#[expect(clippy::print_stdout, reason = "a test may say what it did and found")]
fn say(what: &str) {
    println!("{what}");
}

/// The seeds of `FLOWMILL_SEED`.
fn asked_for() -> Option<Range<u64>> {
    let text = std::env::var("FLOWMILL_SEED").ok()?;
    let number = |text: &str| text.parse::<u64>().expect("FLOWMILL_SEED is a number or a range");
    Some(match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    })
}

/// Runs a script on a memory log, in a time of its own that does not pass by itself.
async fn on_memory(script: &Script, ground: Ground) -> Result<Visible, Stuck> {
    let script = script.clone();
    let play = move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(run(&script, &ground))
    };
    tokio::task::spawn_blocking(play).await.unwrap()
}

/// What the memory log is to do with appends, so that it does what Kafka did.
fn fates(real: &Visible) -> HashMap<Number, Fate> {
    let there: std::collections::BTreeSet<Number> =
        real.contents.values().flat_map(|all| all.values()).filter_map(|f| f.number).collect();
    let fate = |sent: &seen::Sent| match &sent.outcome {
        Outcome::Unknown => {
            let lands = there.contains(&sent.number).then_some(Duration::ZERO);
            Some(Fate::Unknown { told: Duration::ZERO, lands: lands.into_iter().collect() })
        }
        Outcome::Refused(Failure::Closed) => {
            let why = NotWritten::Closed("as Kafka did".to_owned());
            Some(Fate::Refused { told: Duration::ZERO, why })
        }
        Outcome::At(_) | Outcome::Dropped | Outcome::Refused(_) => None,
    };
    let sent = real.steps.iter().flat_map(seen::Seen::sent);
    sent.filter_map(|sent| Some((sent.number, fate(sent)?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_what_one_broker_does() {
    let draw = |seed| drawing::of_records(seed, 25);
    Cluster::one().play((0..10, 4), draw, broken::OF_RECORDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_in_memory_do_what_those_of_one_broker_do() {
    let draw = |seed| drawing::of_members(seed, 8);
    Cluster::one().play((0..3, 3), draw, broken::OF_MEMBERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_what_three_brokers_do() {
    let draw = |seed| drawing::of_records(seed, 20);
    Cluster::three().play((100..103, 3), draw, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_can_do_what_three_brokers_do_that_are_struck() {
    let faults = [Fault::Kill, Fault::PauseAll, Fault::Pause, Fault::KillAndRestart];
    let draw = |seed| drawing::of_faults(seed, &faults);
    Cluster::to_strike().play((0..1, 1), draw, &[]).await;
}
