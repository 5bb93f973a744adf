//! Draws scripts from seeds. The same seed gives the same script.

use std::collections::BTreeMap;

use flowmill_log::{Partition, Topic};
use flowmill_model::{Queue, limits};

use super::chance::Chance;
use super::records::{Number, Shape, Token};
use super::run::COMPACTED;
use super::script::{Fault, SESSIONS, SHARED, Script, Send, Spot, Step};

/// Readers of a script.
const READERS: usize = 4;

/// Members of a script at the same time.
const MEMBERS: usize = 4;

/// Records as large as the limit that a script has at most.
const LARGE: usize = 2;

/// Steps that a drawing chooses among.
#[derive(Clone, Copy)]
enum Kind {
    One,
    Burst,
    Crowd,
    Rebuild,
    Bounds,
    Trim,
    Open,
    Pull,
    Await,
    Overtake,
    Make,
    MakeTwice,
}

const KINDS: &[(usize, Kind)] = &[
    (12, Kind::One),
    (10, Kind::Burst),
    (8, Kind::Crowd),
    (4, Kind::Rebuild),
    (6, Kind::Bounds),
    (10, Kind::Trim),
    (14, Kind::Open),
    (18, Kind::Pull),
    (8, Kind::Await),
    (4, Kind::Overtake),
    (8, Kind::Make),
    (2, Kind::MakeTwice),
];

struct Drawing {
    chance: Chance,
    next: Number,
    large: usize,
    topics: BTreeMap<Topic, u16>,
    /// What each reader reads.
    readers: BTreeMap<usize, Partition>,
    /// The group of each member that is there.
    members: BTreeMap<usize, &'static str>,
    steps: Vec<Step>,
}

/// Appends, reads, trims and topics.
pub(crate) fn of_records(seed: u64, steps: usize) -> Script {
    let mut drawing = Drawing::new(seed);
    drawing.topics(&[Topic::History, Topic::Commands, COMPACTED]);
    for _ in 0..steps {
        let kind = drawing.chance.weighed(KINDS);
        drawing.step(kind);
    }
    drawing.script(format!("of records, seed {seed}"))
}

/// Members that come, go and commit.
pub(crate) fn of_members(seed: u64, steps: usize) -> Script {
    let mut drawing = Drawing::new(seed);
    let partitions = drawing.chance.count(4..=6);
    drawing.make(0, SHARED, partitions);
    for _ in 0..steps {
        drawing.membership();
    }
    for member in drawing.members.clone().into_keys() {
        drawing.steps.push(Step::Leave { member, asks: true });
    }
    drawing.script(format!("of members, seed {seed}"))
}

/// Brokers that are struck in the middle of appends.
pub(crate) fn of_faults(seed: u64, faults: &[Fault]) -> Script {
    let mut drawing = Drawing::new(seed);
    drawing.topics(&[Topic::History, Topic::Commands]);
    for fault in faults {
        for kind in [Kind::Crowd, Kind::Open, Kind::Pull] {
            drawing.step(kind);
        }
        let sends = (0..60).map(|_| drawing.crowd_send()).collect();
        let leader_of = drawing.partition();
        drawing.steps.push(Step::Strike { fault: *fault, leader_of, sends });
        for kind in [Kind::Pull, Kind::Bounds, Kind::Await, Kind::Trim, Kind::Burst] {
            drawing.step(kind);
        }
    }
    drawing.script(format!("of faults, seed {seed}"))
}

impl Drawing {
    fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            next: 0,
            large: LARGE,
            topics: BTreeMap::new(),
            readers: BTreeMap::new(),
            members: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    fn script(self, name: String) -> Script {
        Script { name, steps: self.steps }
    }

    fn topics(&mut self, topics: &[Topic]) {
        for topic in topics {
            let partitions = self.chance.count(1..=3);
            self.make(0, topic.clone(), partitions);
        }
    }

    fn make(&mut self, session: usize, topic: Topic, partitions: u16) {
        let compacted = topic == COMPACTED;
        self.steps.push(Step::Make { session, topic: topic.clone(), partitions, compacted });
        self.note(topic, partitions);
    }

    fn note(&mut self, topic: Topic, partitions: u16) {
        let known = self.topics.entry(topic).or_default();
        *known = partitions.max(*known);
    }

    fn step(&mut self, kind: Kind) {
        let session = self.session();
        let step = match kind {
            Kind::One => Step::Send(vec![self.any_send(session)]),
            Kind::Burst => {
                let count = self.chance.within(2..=30);
                Step::Send((0..count).map(|_| self.any_send(session)).collect())
            }
            Kind::Crowd => {
                let count = self.chance.within(4..=40);
                Step::Send((0..count).map(|_| self.crowd_send()).collect())
            }
            Kind::Rebuild => {
                let count = self.chance.below(8);
                let under_way = (0..count).map(|_| self.any_send(session)).collect();
                Step::Rebuild { session, under_way }
            }
            Kind::Bounds => Step::Bounds { session, of: self.any_partition() },
            Kind::Trim => Step::Trim { session, of: self.any_partition(), to: self.spot() },
            Kind::Open => return self.open(session),
            Kind::Pull => {
                let reader = self.chance.below(READERS);
                return self.pull_by(reader);
            }
            Kind::Await => return self.awaiting(session),
            Kind::Overtake => return self.overtake(session),
            Kind::Make => return self.ask(session),
            Kind::MakeTwice => return self.make_twice(),
        };
        self.steps.push(step);
    }

    fn session(&self) -> usize {
        self.chance.below(SESSIONS)
    }

    /// A partition that is there.
    fn partition(&self) -> Partition {
        let topics: Vec<_> = self.topics.keys().cloned().collect();
        let topic = self.chance.one_of(&topics);
        let number = self.chance.below(usize::from(self.topics[&topic]));
        Partition::new(topic, u16::try_from(number).expect("a small number"))
    }

    /// One that is there, or one that is not.
    fn any_partition(&self) -> Partition {
        match self.chance.below(25) {
            0 => Partition::new(Topic::History, 9),
            1 => Partition::new(Topic::Lifecycle, self.chance.count(0..=1)),
            _ => self.partition(),
        }
    }

    fn any_send(&mut self, session: usize) -> Send {
        let to = self.any_partition();
        self.send_to(session, to)
    }

    /// An append among those of other sessions. Which record of a key is the last would be left to
    /// chance, so none goes to a compacted topic.
    fn crowd_send(&mut self) -> Send {
        let plain = |partition: &Partition| partition.topic != COMPACTED;
        let to = std::iter::repeat_with(|| self.partition()).find(plain).expect("there is one");
        let session = self.session();
        self.send_to(session, to)
    }

    fn send_to(&mut self, session: usize, to: Partition) -> Send {
        self.next += 1;
        let shape = self.shape(&to);
        Send { number: self.next, session, to, shape, dropped: self.chance.once_in(8) }
    }

    fn shape(&mut self, to: &Partition) -> Shape {
        let token = if to.topic == COMPACTED {
            Token::Keyed(self.chance.count(0..=4).to_le_bytes()[0])
        } else if self.chance.once_in(60) {
            Token::BesideNul
        } else {
            self.chance.one_of(&[Token::Value, Token::Value, Token::Key, Token::Header])
        };
        let bytes = match self.chance.below(120) {
            0 if self.large > 0 => {
                self.large -= 1;
                limits::RECORD_BYTES + self.chance.below(3) - 1
            }
            1..=3 => self.chance.within(100_000..=1_500_000),
            4..=20 => self.chance.within(1_000..=20_000),
            _ => self.chance.below(300),
        };
        let headers = if self.chance.once_in(4) { self.chance.count(1..=20) } else { 0 };
        Shape { bytes, token, headers, noisy: self.chance.once_in(2) }
    }

    fn spot(&self) -> Spot {
        match self.chance.below(10) {
            0 => Spot::Start,
            1 => Spot::End,
            2 => Spot::Beyond(u64::from(self.chance.count(1..=3))),
            3..=4 => Spot::Below(u64::from(self.chance.count(1..=3))),
            _ => Spot::Within(u64::from(self.chance.count(0..=100))),
        }
    }

    fn open(&mut self, session: usize) {
        let (reader, of) = (self.chance.below(READERS), self.any_partition());
        let from = self.spot();
        self.readers.insert(reader, of.clone());
        self.steps.push(Step::Open { reader, session, of, from });
        if self.chance.once_in(2) {
            self.pull_by(reader);
        }
    }

    fn pull_by(&mut self, reader: usize) {
        let records = self.chance.one_of(&[1, 5, 20, 1_000]);
        let limit = self.chance.one_of(&[1, 7, 10_000]);
        let bytes = self.chance.one_of(&[0, 300, 50_000, usize::MAX]);
        self.steps.push(Step::Pull { reader, records, limit, bytes });
    }

    /// Trims what a reader is about to read, and reads what is gone.
    fn overtake(&mut self, session: usize) {
        let (reader, of) = (self.chance.below(READERS), self.partition());
        self.readers.insert(reader, of.clone());
        let from = Spot::Start;
        self.steps.push(Step::Open { reader, session, of: of.clone(), from });
        self.pull_by(reader);
        let (session, to) = (self.session(), Spot::Within(u64::from(self.chance.count(30..=100))));
        self.steps.push(Step::Trim { session, of: of.clone(), to });
        self.pull_by(reader);
        let (reader, from) = (self.chance.below(READERS), Spot::Below(1));
        self.readers.insert(reader, of.clone());
        self.steps.push(Step::Open { reader, session, of, from });
        self.pull_by(reader);
    }

    /// Reads to the end and waits there, or beyond it.
    fn awaiting(&mut self, session: usize) {
        let reader = self.chance.below(READERS);
        if self.chance.once_in(2) {
            let (of, from) = (self.partition(), Spot::Beyond(u64::from(self.chance.count(1..=3))));
            self.readers.insert(reader, of.clone());
            self.steps.push(Step::Open { reader, session, of, from });
        }
        let Some(of) = self.readers.get(&reader).cloned() else { return };
        let all = Step::Pull { reader, records: 100_000, limit: 10_000, bytes: usize::MAX };
        let send = |_| Send { dropped: false, ..self.send_to(session, of.clone()) };
        let sends = (0..4).map(send).collect();
        self.steps.extend([all, Step::Await { reader, sends }]);
    }

    /// Asks for a topic again, for a new one, for more or fewer partitions, or for what cannot be.
    fn ask(&mut self, session: usize) {
        let tasks = Topic::Tasks(Queue::new("http").expect("a queue"));
        let topic = match self.chance.below(6) {
            0 => Topic::Lifecycle,
            1 => tasks,
            _ => self.partition().topic,
        };
        let known = usize::from(self.topics.get(&topic).copied().unwrap_or(0));
        let partitions = self.chance.count(known.saturating_sub(1)..=known + 2);
        if known > 0 && self.chance.once_in(5) {
            let compacted = topic != COMPACTED;
            let partitions = u16::try_from(known).expect("a small number");
            self.steps.push(Step::Make { session, topic, partitions, compacted });
            return;
        }
        self.make(session, topic, partitions);
    }

    fn make_twice(&mut self) {
        let topic = self.chance.one_of(&[Topic::DeadLetters, self.partition().topic]);
        let known = usize::from(self.topics.get(&topic).copied().unwrap_or(0));
        let partitions = self.chance.count(known.max(1)..=known + 2);
        self.steps.push(Step::MakeTwice { topic: topic.clone(), partitions });
        self.note(topic, partitions);
    }

    fn membership(&mut self) {
        let partitions = usize::from(self.topics[&SHARED]);
        let members: Vec<usize> = self.members.keys().copied().collect();
        match self.chance.below(16) {
            _ if members.is_empty() => self.join(),
            0..=4 => self.join(),
            5..=7 => self.leave(self.chance.one_of(&members)),
            8 => {
                let more = self.chance.count(partitions + 1..=partitions + 2);
                self.make(0, SHARED, more);
            }
            _ => {
                let group = self.members[&self.chance.one_of(&members)];
                // Few partitions, so that some are committed more than once.
                let partition = self.chance.count(0..=1);
                let next = u64::from(self.chance.count(1..=50));
                self.steps.push(Step::Commit { group, partition, next });
            }
        }
    }

    fn join(&mut self) {
        let free = (0..MEMBERS).find(|member| !self.members.contains_key(member));
        let Some(member) = free else { return };
        let (session, group) = (self.session(), self.chance.one_of(&["a", "a", "b"]));
        self.members.insert(member, group);
        self.steps.push(Step::Join { member, session, group });
    }

    fn leave(&mut self, member: usize) {
        self.members.remove(&member);
        self.steps.push(Step::Leave { member, asks: self.chance.once_in(2) });
    }
}

#[test]
fn a_seed_gives_the_same_script() {
    assert_eq!(of_records(5, 30).to_string(), of_records(5, 30).to_string());
    assert_ne!(of_records(5, 30).to_string(), of_records(6, 30).to_string());
}
