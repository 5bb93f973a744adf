//! Random scripts, each step also done to a model that is obviously right.

use std::collections::BTreeMap;

use flowmill_log::embedded::Settings;
use flowmill_log::{EmbeddedLog, Log, Partition, Record, Retention, Topic};
use futures::future::join_all;
use proptest::prelude::*;

use crate::scratch::{Scratch, kept, offset, small, spec};

const PARTITIONS: [(Topic, u16); 5] = [
    (Topic::History, 0),
    (Topic::History, 1),
    (Topic::Commands, 0),
    (Topic::Definitions, 0),
    (Topic::Definitions, 1),
];

#[derive(Clone, Debug)]
enum Step {
    /// Appends all at once, then waits.
    Append(Vec<(usize, u8, usize)>),
    /// Trims to that many hundredths of what is kept.
    Trim(usize, u64),
    /// Closes and opens.
    Restart,
    /// Opens what a crash would have left.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![4 => 0..200_usize, 2 => 200..5_000_usize, 1 => 5_000..70_000_usize];
    let append = (0..PARTITIONS.len(), 0..6_u8, size);
    prop_oneof![
        6 => prop::collection::vec(append, 1..12).prop_map(Step::Append),
        4 => (0..PARTITIONS.len(), 0..=100_u64).prop_map(|(p, part)| Step::Trim(p, part)),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

fn partition(which: usize) -> Partition {
    let (topic, number) = PARTITIONS[which].clone();
    Partition::new(topic, number)
}

#[derive(Clone, Default)]
struct Model {
    start: u64,
    next: u64,
    records: BTreeMap<u64, Record>,
}

impl Model {
    fn append(&mut self, record: Record, compacted: bool) -> u64 {
        if compacted {
            self.records.retain(|_, kept| kept.key != record.key);
        }
        self.records.insert(self.next, record);
        self.next += 1;
        self.next - 1
    }

    fn trim(&mut self, before: u64) {
        self.start = self.start.max(before);
        self.records = self.records.split_off(&self.start);
    }
}

async fn open(scratch: &Scratch, settings: Settings) -> EmbeddedLog {
    let log = scratch.open(settings);
    for topic in [Topic::History, Topic::Commands] {
        log.ensure(spec(topic, Retention::UntilTrimmed)).await.unwrap();
    }
    log.ensure(spec(Topic::Definitions, Retention::Compacted)).await.unwrap();
    log
}

async fn append(log: &EmbeddedLog, models: &mut [Model], records: Vec<(usize, u8, usize)>) {
    let mut appends = Vec::new();
    let mut expected = Vec::new();
    for (which, key, bytes) in records {
        let value = vec![models[which].next.to_le_bytes()[0]; bytes].into();
        let record = Record::keyed(vec![key], value);
        appends.push(log.append(&partition(which), record.clone()));
        expected.push(models[which].append(record, PARTITIONS[which].0 == Topic::Definitions));
    }
    let found: Vec<_> = join_all(appends).await.into_iter().map(|o| o.unwrap().get()).collect();
    assert_eq!(found, expected);
}

async fn check(log: &EmbeddedLog, models: &[Model]) {
    for (which, model) in models.iter().enumerate() {
        let bounds = log.bounds(&partition(which)).await.unwrap();
        assert_eq!((bounds.start, bounds.end), (offset(model.start), offset(model.next)));
        let found = kept(log, &partition(which)).await;
        let found: BTreeMap<_, _> = found.into_iter().map(|f| (f.offset.get(), f.record)).collect();
        assert!(found == model.records, "{} differs", partition(which));
    }
}

async fn run(steps: Vec<Step>, cache_bytes: usize) {
    let settings = Settings { cache_bytes, ..small() };
    let mut scratch = Scratch::new();
    let mut log = open(&scratch, settings.clone()).await;
    let mut models = vec![Model::default(); PARTITIONS.len()];
    for step in steps {
        match step {
            Step::Append(records) => append(&log, &mut models, records).await,
            Step::Trim(which, part) => {
                let model = &mut models[which];
                let before = model.start + (model.next - model.start) * part / 100;
                log.trim(&partition(which), offset(before)).await.unwrap();
                model.trim(before);
            }
            Step::Restart => {
                drop(log);
                log = open(&scratch, settings.clone()).await;
            }
            Step::Crash => {
                let crashed = scratch.crashed();
                drop(log);
                scratch = crashed;
                log = open(&scratch, settings.clone()).await;
            }
        }
        check(&log, &models).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_log_does_what_the_model_does(
        steps in prop::collection::vec(step(), 1..60),
        cache_bytes in prop_oneof![Just(0), Just(20_000), Just(usize::MAX)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps, cache_bytes));
    }
}
