//! JSON pointers.

/// The pointer to `rest` below the entry `name`.
pub(crate) fn below(name: &str, rest: &str) -> String {
    format!("/{}{rest}", escaped(name))
}

/// The pointer to the entry `name` of the place `at`.
pub(crate) fn into(at: &str, name: &str) -> String {
    format!("{at}/{}", escaped(name))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
