//! Groups of members that share the partitions of a topic, for logs that live in one process.
//!
//! A partition belongs to the member at its number modulo the number of members, in the order
//! they joined: one member has all. Positions are kept in memory: they are a hint, and whoever
//! needs more has it in history.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowmill_model::Offset;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::contract::{Member, ReadError};
use crate::topic::{Partition, Topic};

/// All groups of one log. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Groups {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

/// Called when every group of a topic has picked up everything below an offset of a partition.
pub(crate) type Release = Arc<dyn Fn(&Partition, Offset) + Send + Sync>;

#[derive(Default)]
struct State {
    closed: Option<String>,
    members_so_far: u64,
    partitions: BTreeMap<Topic, u16>,
    /// By topic, then by the group's name.
    groups: BTreeMap<Topic, BTreeMap<String, Group>>,
}

#[derive(Default)]
struct Group {
    members: Vec<Joined>,
    /// Members that the group has taken for gone. They do not know it yet.
    expelled: Vec<Joined>,
    /// Members that are back, and are to be told that they had lost what they held.
    readmitted: Vec<Joined>,
    committed: BTreeMap<u16, Offset>,
}

impl Group {
    /// Keeps the members that `stays` says, wherever they stand.
    fn retain(&mut self, stays: impl Fn(&Joined) -> bool) {
        for joined in [&mut self.members, &mut self.expelled, &mut self.readmitted] {
            joined.retain(&stays);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Joined {
    member: u64,
    session: u64,
}

impl Groups {
    /// Says how many partitions a topic has.
    pub(crate) fn set_partitions(&self, topic: &Topic, partitions: u16) {
        self.state.lock().partitions.insert(topic.clone(), partitions);
        self.changed.notify_waiters();
    }

    /// Adds a member. `session` is the process it belongs to, for [`Groups::end_session`].
    pub(crate) fn join(
        &self,
        group: &str,
        topic: &Topic,
        session: u64,
        release: Release,
    ) -> GroupMember {
        let mut state = self.state.lock();
        state.members_so_far += 1;
        let joined = Joined { member: state.members_so_far, session };
        let groups = state.groups.entry(topic.clone()).or_default();
        groups.entry(group.to_owned()).or_default().members.push(joined);
        drop(state);
        self.changed.notify_waiters();
        let (groups, group, topic) = (self.clone(), group.to_owned(), topic.clone());
        GroupMember { groups, group, topic, joined, given: None, lost: false, release }
    }

    /// The position a group has committed.
    pub(crate) fn committed(&self, group: &str, of: &Partition) -> Option<Offset> {
        let state = self.state.lock();
        state.groups.get(&of.topic)?.get(group)?.committed.get(&of.number).copied()
    }

    /// Makes the members of a session leave, without a word.
    pub(crate) fn end_session(&self, session: u64) {
        for group in self.state.lock().groups.values_mut().flat_map(BTreeMap::values_mut) {
            group.retain(|joined| joined.session != session);
        }
        self.changed.notify_waiters();
    }

    /// Takes the members of a session for gone, as a group does that hears nothing of them: others
    /// get what they hold. They themselves are told nothing before [`Groups::readmit`].
    pub(crate) fn expel(&self, session: u64) {
        for group in self.state.lock().groups.values_mut().flat_map(BTreeMap::values_mut) {
            let silent = group.members.extract_if(.., |joined| joined.session == session);
            group.expelled.extend(silent);
        }
        self.changed.notify_waiters();
    }

    /// Takes the expelled members of a session in again, behind all others. Each is told first that
    /// it has lost everything.
    pub(crate) fn readmit(&self, session: u64) {
        for group in self.state.lock().groups.values_mut().flat_map(BTreeMap::values_mut) {
            let back = group.expelled.extract_if(.., |joined| joined.session == session);
            let back: Vec<_> = back.collect();
            group.members.extend(&back);
            group.readmitted.extend(back);
        }
        self.changed.notify_waiters();
    }

    /// Forgets every group, as a restart of their only process does.
    pub(crate) fn forget(&self) {
        self.state.lock().groups.clear();
        self.changed.notify_waiters();
    }

    /// Fails every member from now on.
    pub(crate) fn close(&self, reason: &str) {
        self.state.lock().closed = Some(reason.to_owned());
        self.changed.notify_waiters();
    }
}

impl State {
    fn group(&mut self, topic: &Topic, group: &str) -> Option<&mut Group> {
        self.groups.get_mut(topic)?.get_mut(group)
    }

    /// What a member holds; `None` when it is no member any more.
    fn assignment(&mut self, member: &GroupMember) -> Option<Vec<u16>> {
        let partitions = self.partitions.get(&member.topic).copied().unwrap_or(0);
        let members = &self.group(&member.topic, &member.group)?.members;
        let place = members.iter().position(|joined| *joined == member.joined)?;
        Some((0..partitions).filter(|p| usize::from(*p) % members.len() == place).collect())
    }

    /// Whether a member is back and was not told so yet.
    fn welcome(&mut self, member: &GroupMember) -> bool {
        let Some(group) = self.group(&member.topic, &member.group) else { return false };
        let before = group.readmitted.len();
        group.readmitted.retain(|joined| *joined != member.joined);
        group.readmitted.len() < before
    }

    /// Notes a commit; gives the offset below which every group of the topic is done.
    fn commit(&mut self, member: &GroupMember, partition: u16, next: Offset) -> Option<Offset> {
        let group = self.group(&member.topic, &member.group)?;
        if !group.members.contains(&member.joined) {
            return None;
        }
        let committed = group.committed.entry(partition).or_default();
        *committed = next.max(*committed);
        let groups = self.groups.get(&member.topic)?.values();
        let positions = groups.map(|group| group.committed.get(&partition).copied());
        positions.min().flatten()
    }
}

/// A member of a group.
pub(crate) struct GroupMember {
    groups: Groups,
    group: String,
    topic: Topic,
    joined: Joined,
    given: Option<Vec<u16>>,
    lost: bool,
    release: Release,
}

impl GroupMember {
    async fn next_assignment(&mut self) -> Result<Vec<u16>, ReadError> {
        let changed = Arc::clone(&self.groups.changed);
        loop {
            let change = changed.notified();
            if let Some(assigned) = self.news()? {
                self.given = Some(assigned.clone());
                return Ok(assigned);
            }
            change.await;
        }
    }

    /// The assignment, when it is not the one given last.
    fn news(&mut self) -> Result<Option<Vec<u16>>, ReadError> {
        let groups = self.groups.clone();
        let mut state = groups.state.lock();
        if let Some(reason) = &state.closed {
            return Err(ReadError::Closed(reason.clone()));
        }
        if state.welcome(self) {
            self.lost = true;
            return Ok(Some(vec![]));
        }
        let news = state.assignment(self).filter(|assigned| self.given.as_ref() != Some(assigned));
        self.lost = self.lost && news.is_none();
        Ok(news)
    }

    fn has_others(&self) -> bool {
        let mut state = self.groups.state.lock();
        let members = state.group(&self.topic, &self.group).map(|group| &group.members);
        members.is_some_and(|members| members.iter().any(|joined| *joined != self.joined))
    }
}

impl Member for GroupMember {
    fn assigned(&mut self) -> BoxFuture<'_, Result<Vec<u16>, ReadError>> {
        self.next_assignment().boxed()
    }

    fn commit(&self, partition: u16, next: Offset) {
        let released = self.groups.state.lock().commit(self, partition, next);
        if let Some(below) = released {
            (self.release)(&Partition::new(self.topic.clone(), partition), below);
        }
    }

    fn is_lost(&self) -> bool {
        self.lost
    }

    fn leave(self: Box<Self>) -> BoxFuture<'static, bool> {
        let others = self.has_others();
        ready(others).boxed()
    }
}

impl Drop for GroupMember {
    fn drop(&mut self) {
        if let Some(group) = self.groups.state.lock().group(&self.topic, &self.group) {
            group.retain(|joined| *joined != self.joined);
        }
        self.groups.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(partitions: u16) -> Groups {
        let groups = Groups::default();
        groups.set_partitions(&Topic::Commands, partitions);
        groups
    }

    fn join(groups: &Groups, session: u64) -> GroupMember {
        groups.join("g", &Topic::Commands, session, Arc::new(|_, _| {}))
    }

    #[tokio::test]
    async fn members_share_the_partitions_and_inherit_them() {
        let groups = groups(3);
        let mut first = join(&groups, 1);
        assert_eq!(first.assigned().await, Ok(vec![0, 1, 2]));
        let mut second = join(&groups, 1);
        assert_eq!(first.assigned().await, Ok(vec![0, 2]));
        assert_eq!(second.assigned().await, Ok(vec![1]));
        drop(first);
        assert_eq!(second.assigned().await, Ok(vec![0, 1, 2]));
    }

    #[tokio::test]
    async fn a_topic_made_later_is_assigned_later() {
        let groups = Groups::default();
        let mut member = join(&groups, 1);
        assert_eq!(member.assigned().await, Ok(vec![]));
        assert!(member.assigned().now_or_never().is_none());
        groups.set_partitions(&Topic::Commands, 1);
        assert_eq!(member.assigned().await, Ok(vec![0]));
    }

    #[tokio::test]
    async fn an_ended_session_holds_nothing_and_commits_nothing() {
        let groups = groups(1);
        let mut dead = join(&groups, 1);
        let mut alive = join(&groups, 2);
        groups.end_session(1);
        assert_eq!(alive.assigned().await, Ok(vec![0]));
        assert!(dead.assigned().now_or_never().is_none());
        dead.commit(0, Offset::new(9));
        assert_eq!(groups.committed("g", &Partition::new(Topic::Commands, 0)), None);
    }

    #[tokio::test]
    async fn an_expelled_member_hears_of_it_when_it_is_back() {
        let groups = groups(2);
        let (mut silent, mut other) = (join(&groups, 1), join(&groups, 2));
        assert_eq!(silent.assigned().await, Ok(vec![0]));
        assert_eq!(other.assigned().await, Ok(vec![1]));
        groups.expel(1);
        assert_eq!(other.assigned().await, Ok(vec![0, 1]));
        assert!(silent.assigned().now_or_never().is_none());
        assert!(!silent.is_lost());
        silent.commit(0, Offset::new(9));
        assert_eq!(groups.committed("g", &Partition::new(Topic::Commands, 0)), None);
        groups.readmit(1);
        assert_eq!((silent.assigned().await, silent.is_lost()), (Ok(vec![]), true));
        assert_eq!((silent.assigned().await, silent.is_lost()), (Ok(vec![1]), false));
        assert_eq!(other.assigned().await, Ok(vec![0]));
    }

    #[test]
    fn a_position_is_released_when_every_group_has_passed_it() {
        let groups = groups(1);
        let released = Arc::new(Mutex::new(Vec::new()));
        let release = |name| {
            let released = Arc::clone(&released);
            groups.join(
                name,
                &Topic::Commands,
                1,
                Arc::new(move |_, below| released.lock().push(below)),
            )
        };
        let (a, b) = (release("a"), release("b"));
        a.commit(0, Offset::new(5));
        b.commit(0, Offset::new(3));
        a.commit(0, Offset::new(4));
        b.commit(0, Offset::new(9));
        assert_eq!(*released.lock(), [3, 3, 5].map(Offset::new));
    }
}
