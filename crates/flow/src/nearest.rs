//! "Did you mean": the known name closest to a misspelt one.

/// Names longer than this are not compared; none of ours is, and the work is quadratic.
const LONGEST: usize = 64;

/// The closest of `known` to `name`, if any is close enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.chars().count() > LONGEST {
        return None;
    }
    let tolerated = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            (*distance <= tolerated && *distance < name.chars().count())
                || candidate.eq_ignore_ascii_case(name)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be inserted, removed, replaced or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before_last = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut row = vec![i + 1; to.len() + 1];
        for j in 0..to.len() {
            let replaced = last[j] + usize::from(from[i] != to[j]);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j];
            if swapped {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_found_and_a_far_one_is_not() {
        let known = ["condition", "expression", "http.request", "map"];
        let check = |name: &str, expect: Option<&str>| {
            assert_eq!(nearest(name, known), expect, "{name}");
        };
        check("conditon", Some("condition"));
        check("Expression", Some("expression"));
        check("htpp.request", Some("http.request"));
        check("mpa", Some("map"));
        check("something else", None);
        check("", None);
        check(&"x".repeat(100), None);
    }
}
