//! Figures out of a node's `/metrics`.

use flowmill_client::{Client, Repeats};

use crate::node::Node;

/// What a node's `/metrics` say now.
pub(crate) struct Metrics(String);

impl Metrics {
    /// Asks a node.
    pub(crate) async fn of(node: &Node) -> anyhow::Result<Self> {
        let client = Client::new(node.url.parse()?, Repeats::none())?;
        Ok(Self(client.metrics().await?))
    }

    /// The values of all samples of a metric.
    fn values(&self, name: &str) -> impl Iterator<Item = f64> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let whole = rest.starts_with(['{', ' ']);
            whole.then(|| rest.rsplit_once(' ')?.1.parse().ok()).flatten()
        })
    }

    /// Their sum; 0 when there is none.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.values(name).sum()
    }

    /// The largest; 0 when there is none.
    pub(crate) fn max(&self, name: &str) -> f64 {
        self.values(name).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_metric_are_told_from_those_of_a_longer_name() {
        let text = "# HELP lag Lag.\nlag{shard=\"0\"} 2\nlag{shard=\"1\"} 5\nlag_seconds 9\nup 1\n";
        let metrics = Metrics(text.to_owned());
        assert_eq!((metrics.sum("lag"), metrics.max("lag")), (7.0, 5.0));
        assert_eq!((metrics.sum("up"), metrics.sum("down")), (1.0, 0.0));
    }
}
