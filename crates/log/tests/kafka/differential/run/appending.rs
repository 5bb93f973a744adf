//! Appends, alone, in bursts, under way when the process ends, and while a broker is struck.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_log::{Append, AppendError, NotWritten, Partition};
use futures::future::join_all;
use tokio::time::Instant;

use super::{Done, LOOK_AGAIN, Run, plain, within};
use crate::brokers::DEADLINE;
use crate::differential::records::{Number, Shape};
use crate::differential::script::{Fault, Send};
use crate::differential::seen::{Outcome, Seen, Sent};

/// What is added to the number of an append for the one that introduces its session to the
/// partition, or follows it because it was dropped.
const INTRODUCES: Number = 1_000_000;
const FOLLOWS: Number = 2_000_000;

/// The number in the script that a number goes back to.
pub(crate) fn original(number: Number) -> Number {
    number % INTRODUCES
}

/// Whether an append comes before those of its step, is one of them, or comes after them.
pub(crate) fn turn(number: Number) -> u8 {
    match number {
        FOLLOWS.. => 2,
        INTRODUCES.. => 0,
        _ => 1,
    }
}

impl Run<'_> {
    /// Calls for all appends, then awaits those that were not dropped.
    pub(super) async fn send(&mut self, sends: &[Send]) -> Done<Seen> {
        let mut seen = self.introduce(sends).await?;
        let appends = self.call(sends).await?;
        seen.extend(answers(sends, appends).await?);
        self.follow(sends, &mut seen).await?;
        Ok(Seen::Sent(seen))
    }

    pub(super) async fn rebuild(&mut self, session: usize, sends: &[Send]) -> Done<Seen> {
        let mut seen = self.introduce(sends).await?;
        drop(self.call(sends).await?);
        self.end_session(session).await?;
        seen.extend(sends.iter().map(|send| sent(send, Outcome::Unknown)));
        Ok(Seen::Sent(seen))
    }

    pub(super) async fn strike(
        &mut self,
        fault: Fault,
        leader_of: &Partition,
        sends: &[Send],
    ) -> Done<Seen> {
        let mut seen = self.introduce(sends).await?;
        let (early, late) = sends.split_at(sends.len() / 2);
        let mut appends = self.call(early).await?;
        // It strikes where some are written and some are not.
        if let Some(first) = appends.first_mut().and_then(Option::as_mut) {
            let answer = within("the first append", first).await?;
            appends[0] = Some(Box::pin(std::future::ready(answer)));
        }
        let struck = self.ground.strike(fault, leader_of).await;
        appends.extend(self.call(late).await?);
        seen.extend(answers(sends, appends).await?);
        self.ground.heal(fault, struck).await;
        // Nothing follows that would say that they are written.
        for one in seen.iter_mut().filter(|one| one.outcome == Outcome::Dropped) {
            one.outcome = Outcome::Unknown;
        }
        self.catch_up(&seen).await?;
        Ok(Seen::Sent(seen))
    }

    /// Waits until every session that is open finds what was acknowledged: a broker that stood
    /// still does not know at first that another one leads.
    async fn catch_up(&mut self, seen: &[Sent]) -> Done<()> {
        let acknowledged = seen.iter().filter_map(|sent| Some((&sent.to, sent.at()?)));
        // The last one of each partition stays.
        let mut last: Vec<_> = acknowledged.collect();
        last.sort_unstable();
        let last: BTreeMap<_, _> = last.into_iter().collect();
        let open = (0..self.sessions.len()).filter(|session| self.sessions[*session].is_some());
        for session in open.collect::<Vec<_>>() {
            for (of, at) in &last {
                let until = Instant::now() + DEADLINE;
                while self.bounds(session, of).await?.is_ok_and(|(_, end)| end <= *at)
                    && Instant::now() < until
                {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
        Ok(())
    }

    /// Appends one record, again and again while the log has not heard of the partition.
    pub(super) async fn append(&mut self, send: &Send) -> Done<Sent> {
        let log = self.log(send.session).await?;
        let (record, until) = (send.shape.record(send.number), Instant::now() + DEADLINE);
        loop {
            let answer = within("an append", log.append(&send.to, record.clone())).await?;
            let unheard = matches!(&answer, Err(AppendError::NotWritten(NotWritten::Closed(why)))
                if why.ends_with("try again"));
            if !unheard || Instant::now() >= until {
                return Ok(sent(send, answer.into()));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Appends one record by each session to each partition that it has not appended to yet.
    async fn introduce(&mut self, sends: &[Send]) -> Done<Vec<Sent>> {
        let mut seen = Vec::new();
        for send in sends {
            if self.introduced.insert((send.session, send.to.clone())) {
                seen.push(self.append(&added(send, INTRODUCES)).await?);
            }
        }
        Ok(seen)
    }

    /// Appends one record by each session to each partition that it dropped an append to: once it
    /// is acknowledged, those before it have landed.
    async fn follow(&mut self, sends: &[Send], seen: &mut Vec<Sent>) -> Done<()> {
        let mut followed = BTreeSet::new();
        for send in sends.iter().filter(|send| send.dropped) {
            if followed.insert((send.session, send.to.clone())) {
                seen.push(self.append(&added(send, FOLLOWS)).await?);
            }
        }
        Ok(())
    }

    /// Calls for appends; those that are dropped have no future.
    async fn call(&mut self, sends: &[Send]) -> Done<Vec<Option<Append>>> {
        for send in sends {
            self.log(send.session).await?;
        }
        let call = |send: &Send| {
            let session = self.sessions[send.session].as_ref()?;
            let append = session.log.append(&send.to, send.shape.record(send.number));
            (!send.dropped).then_some(append)
        };
        Ok(sends.iter().map(call).collect())
    }
}

async fn answers(sends: &[Send], appends: Vec<Option<Append>>) -> Done<Vec<Sent>> {
    let outcome = async |append: Option<Append>| match append {
        Some(append) => append.await.into(),
        None => Outcome::Dropped,
    };
    let outcomes = within("appends", join_all(appends.into_iter().map(outcome))).await?;
    Ok(sends.iter().zip(outcomes).map(|(send, outcome)| sent(send, outcome)).collect())
}

fn sent(send: &Send, outcome: Outcome) -> Sent {
    Sent { number: send.number, session: send.session, to: send.to.clone(), outcome }
}

fn added(to: &Send, number: Number) -> Send {
    let shape: Shape = plain(&to.to);
    Send { number: number + to.number, shape, dropped: false, ..to.clone() }
}
