//! Functions that are written in jq.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::syntax::ast::Definition;
use crate::{compile, natives, syntax};

const SOURCE: &str = include_str!("library.jq");

/// Definitions by name and number of arguments.
type Definitions = BTreeMap<&'static str, BTreeMap<usize, &'static Definition>>;

static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(|| {
    let definitions = syntax::library(SOURCE).expect("the library is well-formed");
    let mut all = Definitions::new();
    for definition in &*Box::leak(definitions.into_boxed_slice()) {
        let named = all.entry(definition.name.text.as_str()).or_default();
        named.insert(definition.parameters.len(), definition);
    }
    all
});

/// The definition of a function, and its name.
pub(crate) fn definition(name: &str, arity: usize) -> Option<(&'static str, &'static Definition)> {
    let definition = *DEFINITIONS.get(&name)?.get(&arity)?;
    Some((definition.name.text.as_str(), definition))
}

/// Every function that a program can call, by name and number of arguments, in alphabetical order.
pub fn functions() -> Vec<(&'static str, usize)> {
    let inline = compile::NAMES.iter().copied();
    let defined =
        DEFINITIONS.iter().flat_map(|(name, named)| named.keys().map(|arity| (*name, *arity)));
    let mut all: Vec<_> = defined.chain(inline).chain(natives::signatures()).collect();
    all.retain(|(name, _)| !name.starts_with('_'));
    all.sort_unstable();
    all.dedup();
    all
}
