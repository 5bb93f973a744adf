//! Members of groups, each listened to by a task of its own.

use std::collections::{BTreeMap, BTreeSet};

use flowmill_log::{Member, Partition};
use flowmill_model::Offset;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::{Done, LOOK_AGAIN, Run, available, within};
use crate::brokers::DEADLINE;
use crate::differential::script::SHARED;
use crate::differential::seen::Seen;

/// Members by their numbers in the script, and what was committed.
#[derive(Default)]
pub(super) struct Members {
    joined: BTreeMap<usize, Joined>,
    /// The highest position that was committed, by group and partition.
    committed: BTreeMap<(&'static str, u16), u64>,
}

struct Joined {
    session: usize,
    group: &'static str,
    held: watch::Receiver<BTreeSet<u16>>,
    orders: mpsc::UnboundedSender<Order>,
}

enum Order {
    Commit(u16, Offset),
    Leave(oneshot::Sender<bool>),
}

impl Members {
    /// Drops the members of a session.
    pub(super) fn end_session(&mut self, session: usize) {
        self.joined.retain(|_, joined| joined.session != session);
    }

    /// Drops every member.
    pub(super) fn end(&mut self) {
        self.joined.clear();
    }

    fn held(&self, group: &str) -> Vec<BTreeSet<u16>> {
        let of_group = self.joined.values().filter(|joined| joined.group == group);
        of_group.map(|joined| joined.held.borrow().clone()).collect()
    }
}

impl Joined {
    fn listen(mut member: Box<dyn Member>, session: usize, group: &'static str) -> Self {
        let (told, held) = watch::channel(BTreeSet::new());
        let (orders, mut ordered) = mpsc::unbounded_channel();
        flowmill_runtime::spawn("differential-member", async move {
            loop {
                tokio::select! { biased;
                    order = ordered.recv() => match order {
                        Some(Order::Commit(partition, next)) => member.commit(partition, next),
                        Some(Order::Leave(answer)) => {
                            // Who asked may be gone.
                            answer.send(member.leave().await).unwrap_or_default();
                            return;
                        }
                        None => return,
                    },
                    news = member.assigned() => {
                        let Ok(assigned) = news else { return };
                        told.send_replace(assigned.into_iter().collect());
                    }
                }
            }
        });
        Self { session, group, held, orders }
    }
}

impl Run<'_> {
    pub(super) async fn join(
        &mut self,
        member: usize,
        session: usize,
        group: &'static str,
    ) -> Done<Seen> {
        if self.members.joined.contains_key(&member) {
            return Ok(Seen::PassedOver);
        }
        let log = self.log(session).await?;
        let joined = Joined::listen(log.join(group, &SHARED), session, group);
        self.members.joined.insert(member, joined);
        Ok(self.settled(group, None).await)
    }

    pub(super) async fn leave(&mut self, member: usize, asks: bool) -> Done<Seen> {
        let Some(leaving) = self.members.joined.remove(&member) else {
            return Ok(Seen::PassedOver);
        };
        let (group, mut others) = (leaving.group, None);
        if asks {
            let (answer, answered) = oneshot::channel();
            let order = leaving.orders.send(Order::Leave(answer));
            order.expect("the member listens");
            others = within("leaving", answered).await?.ok();
        }
        drop(leaving);
        Ok(self.settled(group, others).await)
    }

    /// Commits by whoever holds the partition, and waits until the group's position is the highest
    /// that was committed.
    pub(super) async fn commit(
        &mut self,
        group: &'static str,
        partition: u16,
        next: u64,
    ) -> Done<Seen> {
        let holder =
            |joined: &&Joined| joined.group == group && joined.held.borrow().contains(&partition);
        let Some(holder) = self.members.joined.values().find(holder) else {
            return Ok(Seen::PassedOver);
        };
        let session = holder.session;
        holder.orders.send(Order::Commit(partition, Offset::new(next))).expect("it listens");
        let highest = self.members.committed.entry((group, partition)).or_default();
        *highest = next.max(*highest);
        let wanted = *highest;
        Ok(Seen::Committed(self.position(session, group, partition, wanted).await?))
    }

    /// The position of a group, as wanted or as it is after a long time.
    async fn position(
        &mut self,
        session: usize,
        group: &'static str,
        partition: u16,
        wanted: u64,
    ) -> Done<Option<u64>> {
        let (log, until) = (self.log(session).await?, Instant::now() + DEADLINE);
        let of = Partition::new(SHARED, partition);
        loop {
            let found = available("a position", || log.committed(group, &of)).await?;
            let found = found.ok().flatten().map(Offset::get);
            if found == Some(wanted) || Instant::now() >= until {
                return Ok(found);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The positions of all groups, as a process that knows of nothing finds them.
    pub(super) async fn positions(&mut self) -> Done<BTreeMap<(&'static str, u16), Option<u64>>> {
        let mut positions = BTreeMap::new();
        for ((group, partition), _) in self.members.committed.clone() {
            let log = self.log(0).await?;
            let of = Partition::new(SHARED, partition);
            let found = available("a position", || log.committed(group, &of)).await?;
            positions.insert((group, partition), found.ok().flatten().map(Offset::get));
        }
        Ok(positions)
    }

    /// Waits until every group has heard how many partitions there are.
    pub(super) async fn settle_all(&mut self) {
        let groups: BTreeSet<_> = self.members.joined.values().map(|one| one.group).collect();
        for group in groups {
            self.settled(group, None).await;
        }
    }

    /// How the partitions are shared, once they are or after a long time.
    async fn settled(&mut self, group: &str, others: Option<bool>) -> Seen {
        let until = Instant::now() + DEADLINE;
        let partitions = self.made.get(&SHARED).copied().unwrap_or(0);
        loop {
            let held = self.members.held(group);
            let mut shares: Vec<usize> = held.iter().map(BTreeSet::len).collect();
            shares.sort_unstable_by(|a, b| b.cmp(a));
            let all: BTreeSet<u16> = held.into_iter().flatten().collect();
            let once = shares.iter().sum::<usize>() == all.len();
            let whole = shares.is_empty() || (once && all == (0..partitions).collect());
            let even =
                shares.first().zip(shares.last()).is_none_or(|(most, least)| most - least <= 1);
            if (whole && even) || Instant::now() >= until {
                return Seen::Settled { shares, whole, others };
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
