//! What a node tells of itself at `/metrics`.

use std::time::Duration;

use flowmill_client::Repeats;
use tokio::time::{Instant, sleep};

use super::node::Node;
use super::servers::SOON;
use crate::load::client;

/// How often a node is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// All samples of a node at one time.
pub(super) struct Figures(String);

impl Figures {
    pub(super) async fn of(node: &Node) -> Self {
        Self(client(&node.address(), Repeats::default()).metrics().await.unwrap())
    }

    /// Asks until the figures are as `wanted`, and gives them.
    #[track_caller]
    pub(super) fn until(
        node: &Node,
        what: &str,
        wanted: impl Fn(&Self) -> bool,
    ) -> impl Future<Output = Self> {
        let caller = std::panic::Location::caller();
        async move {
            let deadline = Instant::now() + SOON;
            loop {
                let figures = Self::of(node).await;
                if wanted(&figures) {
                    return figures;
                }
                let text = &figures.0;
                assert!(Instant::now() < deadline, "{caller}: {what} is not to be had: {text}");
                sleep(AGAIN).await;
            }
        }
    }

    /// The values of a metric, of those samples that have all these labels, `name="value"` each.
    pub(super) fn all(&self, metric: &str, labels: &[&str]) -> Vec<f64> {
        let value = |line: &str| {
            let (sample, value) = line.rsplit_once(' ')?;
            let rest = sample.strip_prefix(metric)?;
            let is_it = rest.is_empty() || rest.starts_with('{');
            let wanted = is_it && labels.iter().all(|label| rest.contains(label));
            wanted.then(|| value.parse().unwrap())
        };
        self.0.lines().filter_map(value).collect()
    }

    /// Their sum.
    pub(super) fn sum(&self, metric: &str, labels: &[&str]) -> f64 {
        self.all(metric, labels).iter().sum()
    }

    /// Their largest; none when there is none.
    pub(super) fn max(&self, metric: &str, labels: &[&str]) -> Option<f64> {
        self.all(metric, labels).into_iter().reduce(f64::max)
    }

    /// Demands at least so much.
    #[track_caller]
    pub(super) fn at_least(&self, least: f64, metric: &str, labels: &[&str]) {
        let sum = self.sum(metric, labels);
        assert!(sum >= least, "{metric} with {labels:?} is {sum}, not {least}: {}", self.0);
    }
}
