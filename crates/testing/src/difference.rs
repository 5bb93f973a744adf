//! Where two values differ.

use std::collections::BTreeSet;

use flowmill_flow::Json;

use crate::Failure;

/// Differences of one value that are said. A reader starts with the first.
const SAID: usize = 20;

/// How far two values are the same to the comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of the value counts.
    Whole,
    /// Only the fields that the expected value has count.
    Subset,
}

/// Adds a failure for each place at which `found` is not what is expected.
pub(crate) fn differences(
    what: &str,
    expected: &Json,
    found: &Json,
    extent: Extent,
    failures: &mut Vec<Failure>,
) {
    let mut search = Search { what, extent, found: Vec::new() };
    search.compare(&mut String::new(), Some(expected), Some(found));
    failures.append(&mut search.found);
}

struct Search<'a> {
    what: &'a str,
    extent: Extent,
    found: Vec<Failure>,
}

impl Search<'_> {
    fn compare(&mut self, at: &mut String, expected: Option<&Json>, found: Option<&Json>) {
        if self.found.len() >= SAID {
            return;
        }
        let (Some(left), Some(right)) = (expected, found) else {
            return self.differ(at, expected, found);
        };
        if left == right {
            return;
        }
        if left.entries().is_some() && right.entries().is_some() {
            let mut keys: BTreeSet<String> = keys(left);
            if self.extent == Extent::Whole {
                keys.extend(self::keys(right));
            }
            let step = |key: &String| (key.replace('~', "~0").replace('/', "~1"), key.clone());
            for (step, key) in keys.iter().map(step) {
                self.inside(at, &step, left.get(&key).as_ref(), right.get(&key).as_ref());
            }
            return;
        }
        let (lefts, rights) = (items(left), items(right));
        if lefts.len() != rights.len() || lefts.is_empty() {
            return self.differ(at, expected, found);
        }
        for (number, (left, right)) in lefts.iter().zip(&rights).enumerate() {
            self.inside(at, &number.to_string(), Some(left), Some(right));
        }
    }

    fn inside(
        &mut self,
        at: &mut String,
        step: &str,
        expected: Option<&Json>,
        found: Option<&Json>,
    ) {
        let before = at.len();
        at.push('/');
        at.push_str(step);
        self.compare(at, expected, found);
        at.truncate(before);
    }

    fn differ(&mut self, at: &str, expected: Option<&Json>, found: Option<&Json>) {
        let place = if at.is_empty() { String::new() } else { format!(" at {at}") };
        self.found.push(Failure {
            what: format!("{}{place}", self.what),
            expected: expected.cloned(),
            found: found.cloned(),
            help: String::new(),
        });
    }
}

fn keys(value: &Json) -> BTreeSet<String> {
    value.entries().into_iter().flatten().map(|(key, _)| key).collect()
}

/// The items of a list; none of anything else.
fn items(value: &Json) -> Vec<Json> {
    value.items().into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(extent: Extent, expected: &str, found: &str, places: &[&str]) {
        let value = |text: &str| Json::parse(text.as_bytes()).expect("JSON");
        let mut failures = Vec::new();
        differences("output", &value(expected), &value(found), extent, &mut failures);
        let whats: Vec<_> = failures.iter().map(|failure| failure.what.as_str()).collect();
        assert_eq!(whats, places, "{expected} {found}");
    }

    #[test]
    fn each_place_that_differs_is_named() {
        let whole =
            |expected, found, places: &[&str]| check(Extent::Whole, expected, found, places);
        whole("1", "1.0", &[]);
        whole("1", "2", &["output"]);
        whole("{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,3],\"a\":1}", &["output at /b/1"]);
        whole("{\"a\":1}", "{\"b\":1}", &["output at /a", "output at /b"]);
        whole("{\"a/b\":1}", "{\"a/b\":null}", &["output at /a~1b"]);
        whole("[1]", "[1,2]", &["output"]);
        whole("[]", "{}", &["output"]);
        whole("{}", "{\"a\":1}", &["output at /a"]);
    }

    #[test]
    fn what_a_subset_does_not_mention_may_be_anything() {
        check(Extent::Subset, "{\"a\":1}", "{\"a\":1,\"b\":2}", &[]);
        check(Extent::Subset, "{\"a\":1,\"c\":1}", "{\"a\":2}", &["output at /a", "output at /c"]);
    }

    #[test]
    fn many_differences_are_cut() {
        let list = |item: &str| format!("[{}]", vec![item; 100].join(","));
        let value = |text: &str| Json::parse(text.as_bytes()).expect("JSON");
        let mut failures = Vec::new();
        let (left, right) = (value(&list("1")), value(&list("2")));
        differences("output", &left, &right, Extent::Whole, &mut failures);
        assert_eq!(failures.len(), SAID);
    }
}
