//! Scripts that once showed a difference.

use flowmill_log::{Partition, Topic};

use super::Cluster;
use super::records::{Shape, Token};
use super::run::COMPACTED;
use super::script::{SHARED, Script, Send, Spot, Step};

fn script(name: &str, steps: Vec<Step>) -> Script {
    Script { name: name.to_owned(), steps }
}

fn make(session: usize, topic: Topic, partitions: u16) -> Step {
    let compacted = topic == COMPACTED;
    Step::Make { session, topic, partitions, compacted }
}

fn send(number: u32, to: &Partition, token: Token) -> Step {
    let shape = Shape { token, ..Shape::SMALL };
    Step::Send(vec![Send { number, session: 0, to: to.clone(), shape, dropped: false }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_is_not_trimmed() {
    let of = Partition::new(COMPACTED, 0);
    let steps = vec![
        make(0, COMPACTED, 1),
        send(1, &of, Token::Keyed(1)),
        Step::Trim { session: 0, of: of.clone(), to: Spot::Start },
        Step::Trim { session: 0, of, to: Spot::End },
    ];
    Cluster::one().check(script("of a trim", steps)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_a_header_with_a_nul_is_refused() {
    let to = Partition::new(Topic::History, 0);
    let steps = vec![
        make(0, Topic::History, 1),
        send(1, &to, Token::BesideNul),
        send(2, &to, Token::Header),
    ];
    Cluster::one().check(script("of a NUL", steps)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_groups_position_does_not_go_back_when_another_member_commits_less() {
    let commit = |next| Step::Commit { group: "a", partition: 0, next };
    let steps = vec![
        make(0, SHARED, 2),
        Step::Join { member: 0, session: 0, group: "a" },
        commit(10),
        Step::Leave { member: 0, asks: false },
        Step::Join { member: 1, session: 1, group: "a" },
        commit(5),
    ];
    Cluster::one().check(script("of a lower position", steps)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_make_a_topic_larger_at_once_both_find_it_so() {
    let twice = |partitions| Step::MakeTwice { topic: Topic::History, partitions };
    let steps = vec![twice(1), twice(3), twice(4), twice(6), twice(8)];
    Cluster::one().check(script("of a topic made twice", steps)).await;
}
