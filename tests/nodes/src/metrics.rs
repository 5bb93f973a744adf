//! Figures out of a node's `/metrics`.

use flowmill_client::{Client, Repeats};

use crate::node::Node;

/// What a node's `/metrics` say now.
pub struct Metrics(String);

impl Metrics {
    /// Asks a node.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn of(node: &Node) -> anyhow::Result<Self> {
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

    /// The samples of a metric by the value of one of their labels.
    pub fn by_label(&self, name: &str, label: &str) -> Vec<(String, f64)> {
        let samples = self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let values = samples.filter_map(|rest| {
            let (labels, value) = rest.rsplit_once("} ")?;
            let quoted = format!("{label}=\"");
            let (_, text) = labels.split_once(&quoted)?;
            Some((text.split_once('"')?.0.to_owned(), value.parse().ok()?))
        });
        values.collect()
    }

    /// Their sum; 0 when there is none.
    pub fn sum(&self, name: &str) -> f64 {
        self.values(name).sum()
    }

    /// A quantile of a histogram over what came since an earlier look, in the histogram's unit and
    /// within its buckets' bounds; 0 when nothing came.
    pub fn quantile_since(&self, earlier: &Self, name: &str, share: f64) -> f64 {
        let (now, before) = (self.buckets(name), earlier.buckets(name));
        let came = |(bound, count): &(f64, f64)| {
            let known = before.iter().find(|(other, _)| other == bound);
            (*bound, count - known.map_or(0.0, |(_, count)| *count))
        };
        let buckets: Vec<_> = now.iter().map(came).collect();
        let wanted = share * buckets.last().map_or(0.0, |(_, count)| *count);
        let (mut from, mut below) = (0.0, 0.0);
        for (bound, count) in buckets.into_iter().filter(|(bound, _)| bound.is_finite()) {
            if count >= wanted && count > below {
                return from + (bound - from) * (wanted - below) / (count - below);
            }
            (from, below) = (bound, count);
        }
        if wanted > 0.0 { from } else { 0.0 }
    }

    /// Upper bounds and counts up to them, over all series of a histogram.
    fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        let samples = self.0.lines().filter_map(|line| line.strip_prefix(name));
        for sample in samples.filter_map(|rest| rest.strip_prefix("_bucket{")) {
            let Some((labels, count)) = sample.rsplit_once("} ") else { continue };
            let bound = labels.rsplit_once("le=\"").and_then(|(_, rest)| rest.split_once('"'));
            let Some(bound) = bound.and_then(|(bound, _)| bound.parse::<f64>().ok()) else {
                continue;
            };
            let count: f64 = count.parse().unwrap_or_default();
            match buckets.iter_mut().find(|(other, _)| *other == bound) {
                Some((_, sum)) => *sum += count,
                None => buckets.push((bound, count)),
            }
        }
        buckets
    }

    /// The largest; 0 when there is none.
    pub fn max(&self, name: &str) -> f64 {
        self.values(name).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_of_what_came_since() {
        let line = |flow: &str, bound: &str, count: u32| {
            format!("took_bucket{{flow=\"{flow}\",le=\"{bound}\"}} {count}\n")
        };
        let look = |counts: [u32; 4]| {
            let [one, two, other, all] = counts;
            let text = [
                line("a", "1", one),
                line("a", "2", two),
                line("a", "+Inf", two),
                line("b", "1", other),
                line("b", "2", all),
                line("b", "+Inf", all),
            ];
            Metrics(text.concat())
        };
        let (before, after) = (look([100, 100, 0, 0]), look([102, 104, 2, 6]));
        let quantile = |share| after.quantile_since(&before, "took", share);
        assert_eq!((quantile(0.2), quantile(0.4), quantile(0.7)), (0.5, 1.0, 1.5));
        assert_eq!(before.quantile_since(&before, "took", 0.5), 0.0);
    }

    #[test]
    fn samples_of_a_metric_are_told_from_those_of_a_longer_name() {
        let text = "# HELP lag Lag.\nlag{shard=\"0\"} 2\nlag{shard=\"1\"} 5\nlag_seconds 9\nup 1\n";
        let metrics = Metrics(text.to_owned());
        assert_eq!((metrics.sum("lag"), metrics.max("lag")), (7.0, 5.0));
        assert_eq!((metrics.sum("up"), metrics.sum("down")), (1.0, 0.0));
    }
}
