//! Patterns of names in a compatibility matrix.

use std::fmt;
use std::sync::Arc;

use flowmill_model::limits;

/// A name, in which `*` stands for any characters or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Arc<str>);

/// A pattern that is empty or too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pattern has 1 to {} characters", limits::MATRIX_PATTERN_CHARS)]
pub struct InvalidPattern;

impl Pattern {
    /// Checks and wraps a pattern.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let sane = (1..=limits::MATRIX_PATTERN_CHARS).contains(&text.chars().count());
        if sane { Ok(Self(text.into())) } else { Err(InvalidPattern) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is of the pattern. Takes at most time in proportion to both lengths.
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return *self.0 == *name };
        let Some(mut name) = name.strip_prefix(first) else { return false };
        let mut pieces: Vec<&str> = rest.split('*').collect();
        let last = pieces.pop().unwrap_or_default();
        for piece in pieces {
            // The leftmost place leaves the most for what follows.
            let Some(at) = name.find(piece) else { return false };
            name = &name[at + piece.len()..];
        }
        name.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let check = |pattern: &str, name: &str, expect: bool| {
            assert_eq!(
                Pattern::new(pattern).expect(pattern).matches(name),
                expect,
                "{pattern} {name}"
            );
        };
        check("http.request", "http.request", true);
        check("http.request", "http.requests", false);
        check("http.*", "http.request", true);
        check("http.*", "http.", true);
        check("http.*", "https.request", false);
        check("*", "", true);
        check("*.v1", "order.v1", true);
        check("a*b*c", "abbc", true);
        check("a*b*c", "acb", false);
        check("a*a", "a", false);
        check("*ab", "aab", true);
    }

    #[test]
    fn patterns_are_bounded() {
        assert_eq!(Pattern::new(""), Err(InvalidPattern));
        assert_eq!(Pattern::new(&"*".repeat(201)), Err(InvalidPattern));
    }
}
