//! Runs a script on a log, and notes what is visible.
//!
//! What a log may take its time for is awaited: an answer, an assignment, a position. What it may
//! say at first and not for ever, that it has not heard of a partition yet or that nobody answers
//! now, is asked again. Nothing here knows what the right answer is.

mod appending;
mod members;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use flowmill_log::{Log, Partition, ReadError, Retention, Survival, Topic, TopicSpec};
use flowmill_model::Offset;
use futures::FutureExt;
use tokio::time::Instant;

pub(crate) use self::appending::{original, turn};
use self::members::Members;
use self::reading::Readers;
use super::ground::{Ground, Session};
use super::records::{Number, Shape, Token, number_of};
use super::script::{SESSIONS, SHARED, Script, Send, Step};
use super::seen::{Failure, Found, Seen, Visible};
use crate::brokers::DEADLINE;

/// Pause between two looks at something that takes its time.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The topic that is compacted.
pub(crate) const COMPACTED: Topic = Topic::Definitions;

/// What did not end in time.
#[derive(Debug)]
pub(crate) struct Stuck(pub(crate) String);

type Done<T> = Result<T, Stuck>;

struct Run<'a> {
    ground: &'a Ground,
    sends: BTreeMap<Number, &'a Send>,
    sessions: Vec<Option<Session>>,
    /// Sessions that have appended to a partition since it was made.
    introduced: BTreeSet<(usize, Partition)>,
    /// Topics that are there, with the number of their partitions.
    made: BTreeMap<Topic, u16>,
    readers: Readers,
    members: Members,
    contents: BTreeMap<Partition, BTreeMap<u64, Found>>,
}

/// Runs a script and gives all that was visible.
pub(crate) async fn run(script: &Script, ground: &Ground) -> Done<Visible> {
    let mut run = Run {
        ground,
        sends: script.sends(),
        sessions: (0..SESSIONS).map(|_| None).collect(),
        introduced: BTreeSet::new(),
        made: BTreeMap::new(),
        readers: Readers::default(),
        members: Members::default(),
        contents: BTreeMap::new(),
    };
    let mut visible = Visible::default();
    for step in &script.steps {
        visible.steps.push(run.step(step).await?);
    }
    run.finish(&mut visible).await?;
    Ok(visible)
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) -> Done<Seen> {
        match step {
            Step::Make { session, topic, partitions, compacted } => {
                self.make(&[*session], topic, *partitions, *compacted).await
            }
            Step::MakeTwice { topic, partitions } => {
                self.make(&[0, 1], topic, *partitions, *topic == COMPACTED).await
            }
            Step::Send(sends) => self.send(sends).boxed_local().await,
            Step::Rebuild { session, under_way } => self.rebuild(*session, under_way).await,
            Step::Bounds { session, of } => Ok(Seen::Bounds(self.bounds(*session, of).await?)),
            Step::Trim { session, of, to } => self.trim(*session, of, *to).await,
            Step::Open { reader, session, of, from } => {
                self.open_reader(*reader, *session, of, *from).await
            }
            Step::Pull { reader, records, limit, bytes } => {
                self.pull(*reader, *records, (*limit, *bytes)).await
            }
            Step::Await { reader, sends } => self.await_records(*reader, sends).await,
            Step::Join { member, session, group } => self.join(*member, *session, group).await,
            Step::Leave { member, asks } => self.leave(*member, *asks).await,
            Step::Commit { group, partition, next } => self.commit(group, *partition, *next).await,
            Step::Strike { fault, leader_of, sends } => self.strike(*fault, leader_of, sends).await,
        }
    }

    /// The log of a session, opened when it is needed first.
    async fn log(&mut self, session: usize) -> Done<std::sync::Arc<dyn Log>> {
        if self.sessions[session].is_none() {
            self.sessions[session] = Some(within("opening", self.ground.open()).await?);
        }
        let open = self.sessions[session].as_ref();
        Ok(std::sync::Arc::clone(&open.expect("it was put there").log))
    }

    /// Asks for a topic by several sessions at once.
    async fn make(
        &mut self,
        by: &[usize],
        topic: &Topic,
        partitions: u16,
        compacted: bool,
    ) -> Done<Seen> {
        if !self.made.contains_key(topic) && compacted != (*topic == COMPACTED) {
            return Ok(Seen::PassedOver);
        }
        let retention = if compacted { Retention::Compacted } else { Retention::UntilTrimmed };
        let survival = Survival::Durable;
        let spec = TopicSpec { topic: topic.clone(), partitions, retention, survival };
        let mut logs = Vec::new();
        for session in by {
            logs.push(self.log(*session).await?);
        }
        let asked = logs.iter().map(|log| available("making", || log.ensure(spec.clone())));
        let mut answers = Vec::new();
        for answer in futures::future::join_all(asked).await {
            answers.push(answer?.map_err(Failure::from));
        }
        if answers.contains(&Ok(())) {
            let known = self.made.entry(topic.clone()).or_default();
            *known = partitions.max(*known);
            self.introduced.retain(|(_, partition)| partition.topic != *topic);
            if *topic == SHARED {
                self.settle_all().await;
            }
        }
        let known = |session: &Option<Session>| {
            session.as_ref().and_then(|session| session.log.partitions(topic))
        };
        Ok(Seen::Made(answers, self.sessions.iter().map(known).collect()))
    }

    async fn bounds(
        &mut self,
        session: usize,
        of: &Partition,
    ) -> Done<Result<(u64, u64), Failure>> {
        let log = self.log(session).await?;
        let bounds = available("bounds", || log.bounds(of)).await?;
        Ok(bounds.map(|bounds| (bounds.start.get(), bounds.end.get())).map_err(Failure::from))
    }

    async fn trim(
        &mut self,
        session: usize,
        of: &Partition,
        to: super::script::Spot,
    ) -> Done<Seen> {
        // What goes is looked at before.
        self.look(session, of).await?;
        let log = self.log(session).await?;
        let bounds = available("bounds", || log.bounds(of)).await?;
        let before = bounds.map_or(Offset::new(0), |bounds| to.at(bounds));
        let trimmed = available("a trim", || log.trim(of, before)).await?.map_err(Failure::from);
        Ok(Seen::Trimmed(trimmed, self.bounds(session, of).await?))
    }

    /// What a record that was read is.
    fn found(&self, record: &flowmill_log::Record) -> Found {
        let number = number_of(record);
        let faithful = number.and_then(|number| {
            let send = self.sends.get(&original(number))?;
            let shape = if number == send.number { send.shape } else { plain(&send.to) };
            Some(shape.record(number) == *record)
        });
        Found { number, faithful: faithful.unwrap_or(false) }
    }

    /// Ends everything, and looks at all there is.
    async fn finish(mut self, visible: &mut Visible) -> Done<()> {
        self.readers = Readers::default();
        self.members.end();
        let ends = self.sessions.iter_mut().flat_map(Option::take).map(Session::end);
        if !futures::future::join_all(ends).await.into_iter().all(|ended| ended) {
            return Err(Stuck("the end of the sessions".to_owned()));
        }
        for (topic, count) in self.made.clone() {
            for number in 0..count {
                self.look(0, &Partition::new(topic.clone(), number)).await?;
            }
        }
        visible.committed = self.positions().await?;
        self.end_session(0).await?;
        visible.contents = self.contents;
        Ok(())
    }

    async fn end_session(&mut self, session: usize) -> Done<()> {
        self.readers.end_session(session);
        self.members.end_session(session);
        self.introduced.retain(|(of, _)| *of != session);
        let Some(open) = self.sessions[session].take() else { return Ok(()) };
        if open.end().await { Ok(()) } else { Err(Stuck("the end of a session".to_owned())) }
    }
}

/// The shape of a record that the runner adds.
fn plain(to: &Partition) -> Shape {
    let token = if to.topic == COMPACTED { Token::Keyed(255) } else { Token::Value };
    Shape { token, ..Shape::SMALL }
}

/// Awaits what must happen.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> Done<T> {
    let done = tokio::time::timeout(DEADLINE, future).await;
    done.map_err(|_| Stuck(format!("{what} did not end within {DEADLINE:?}")))
}

/// Asks until somebody answers.
async fn available<T, F: Future<Output = Result<T, ReadError>>>(
    what: &str,
    ask: impl Fn() -> F,
) -> Done<Result<T, ReadError>> {
    let until = Instant::now() + DEADLINE;
    loop {
        match within(what, ask()).await? {
            Err(ReadError::Unavailable(_)) if Instant::now() < until => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            answer => return Ok(answer),
        }
    }
}
