//! Cases about groups.

use std::collections::BTreeSet;

use flowmill_model::Offset;

use super::{Subject, history, soon};
use crate::contract::Member;
use crate::topic::Topic;

async fn assigned(member: &mut Box<dyn Member>) -> Vec<u16> {
    soon("an assignment", member.assigned()).await.expect("a member is assigned")
}

/// A group of one.
pub async fn one_member_has_every_partition(mut subject: Subject) {
    let log = subject.with_history().await;
    let mut member = log.join("alone", &Topic::History);
    while assigned(&mut member).await.into_iter().collect::<BTreeSet<_>>() != BTreeSet::from([0, 1])
    {
    }
}

/// Two members come to hold every partition between them, and the rest when one leaves.
pub async fn members_share_every_partition(mut subject: Subject) {
    let log = subject.with_history().await;
    let mut first = log.join("shared", &Topic::History);
    while assigned(&mut first).await.len() != 2 {}
    let mut second = log.join("shared", &Topic::History);
    let (mut of_first, mut of_second) = (vec![0, 1], vec![]);
    let settle = async {
        while of_first.len() + of_second.len() != 2 || of_first == of_second {
            tokio::select! { biased;
                news = first.assigned() => of_first = news.expect("a member is assigned"),
                news = second.assigned() => of_second = news.expect("a member is assigned"),
            }
        }
    };
    soon("sharing", settle).await;
    drop(first);
    while assigned(&mut second).await.len() != 2 {}
}

/// Who leaves is told whether others are there to have its partitions.
pub async fn who_leaves_knows_whether_others_stay(mut subject: Subject) {
    let log = subject.with_history().await;
    let mut first = log.join("left", &Topic::History);
    while assigned(&mut first).await.len() != 2 {}
    let mut second = log.join("left", &Topic::History);
    while assigned(&mut second).await.len() != 1 {}
    assert!(!first.is_lost());
    assert!(soon("leaving", first.leave()).await);
    while assigned(&mut second).await.len() != 2 {}
    assert!(!soon("leaving", second.leave()).await);
}

/// Positions are per group and partition, and never move back.
pub async fn a_group_remembers_its_highest_position(mut subject: Subject) {
    let log = subject.with_history().await;
    let committed = async |group: &str| {
        soon("a position", log.committed(group, &history())).await.expect("a position is read")
    };
    assert_eq!(committed("one").await, None);
    let mut member = log.join("one", &Topic::History);
    while assigned(&mut member).await.len() != 2 {}
    for next in [7, 5] {
        member.commit(1, Offset::new(next));
    }
    let reached = async {
        while committed("one").await != Some(Offset::new(7)) {
            tokio::task::yield_now().await;
        }
    };
    soon("a commit", reached).await;
    assert_eq!(committed("another").await, None);
}
