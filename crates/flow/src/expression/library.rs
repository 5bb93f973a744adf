//! The functions that expressions may call.
//!
//! jaq's whole library, less what looks outside the value at hand. An expression is compiled
//! together with the definitions it needs and no others: that keeps a compiled expression small
//! and its compilation fast.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jaq_core::load::parse::Def;
use jaq_core::native;

use super::{Kind, references};

/// A function's name and how many arguments it takes.
pub(super) type Signature<'a> = (&'a str, usize);

/// Native functions that are left out, each with the reason a user sees. What is defined in terms
/// of them goes with them.
const WITHHELD: [(&str, &str); 7] = [
    ("now", "there is no clock in expressions: use $runtime or pass the time in the input"),
    ("localtime", "there is no time zone in expressions: use gmtime"),
    ("strflocaltime", "there is no time zone in expressions: use strftime"),
    ("env", "there is no environment in expressions: pass the value in the input"),
    ("halt", "an expression cannot end the process: use error"),
    ("debug_empty", "an expression cannot write to the log"),
    ("stderr_empty", "an expression cannot write to the log"),
];

/// Names that other implementations of jq have, each with what to do without.
const ABSENT: [(&str, &str); 15] = [
    ("$ENV", "there is no environment in expressions: pass the value in the input"),
    ("debug", "an expression cannot write to the log: leave it out"),
    ("stderr", "an expression cannot write to the log: leave it out"),
    ("halt_error", "an expression cannot end the process: use error"),
    ("input", "an expression sees one value only: use `.` or $input"),
    ("inputs", "an expression sees one value only: use `.` or $input"),
    ("input_filename", "an expression reads no files"),
    ("input_line_number", "an expression reads no files"),
    ("import", "expressions have no modules: write the function out with `def`"),
    ("include", "expressions have no modules: write the function out with `def`"),
    ("module", "expressions have no modules: write the function out with `def`"),
    ("modulemeta", "expressions have no modules"),
    ("get_search_list", "expressions have no modules"),
    ("$__loc__", "expressions have no file and line"),
    ("$__prog_args", "expressions have no arguments"),
];

pub(super) struct Library {
    definitions: Vec<Def<&'static str>>,
    /// What each definition calls, in the same order.
    calls: Vec<BTreeSet<Signature<'static>>>,
    by_signature: BTreeMap<Signature<'static>, Vec<usize>>,
    natives: BTreeSet<Signature<'static>>,
}

/// What an expression is compiled with.
pub(super) struct Needed {
    pub(super) definitions: Vec<Def<&'static str>>,
    pub(super) natives: Vec<native::Fun<Kind>>,
}

impl Library {
    pub(super) fn get() -> &'static Self {
        static LIBRARY: LazyLock<Library> = LazyLock::new(Library::new);
        &LIBRARY
    }

    fn new() -> Self {
        let mut library = Self {
            definitions: Vec::new(),
            calls: Vec::new(),
            by_signature: BTreeMap::new(),
            natives: natives().map(|(name, args, _)| (name, args.len())).collect(),
        };
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        for definition in definitions {
            library.add(definition);
        }
        library
    }

    /// Adds a definition, unless it needs something that is left out.
    fn add(&mut self, definition: Def<&'static str>) {
        let signature = (definition.name, definition.args.len());
        let mut calls = references::calls_of(&definition.body);
        let own = |call: &Signature<'_>| *call == signature || definition.args.contains(&call.0);
        calls.retain(|call| !own(call));
        let known = |call: &Signature<'static>| {
            self.natives.contains(call)
                || self.by_signature.contains_key(call)
                || references::is_defined_inside(&definition.body, *call)
        };
        if !calls.iter().all(known) {
            return;
        }
        self.by_signature.entry(signature).or_default().push(self.definitions.len());
        self.calls.push(calls);
        self.definitions.push(definition);
    }

    /// The definitions and native functions that `calls` need, directly or through others.
    pub(super) fn needed_by(&self, calls: &BTreeSet<Signature<'_>>) -> Needed {
        let mut reached = BTreeSet::new();
        let mut needed = vec![false; self.definitions.len()];
        let mut open: Vec<Signature<'_>> = calls.iter().copied().collect();
        while let Some(call) = open.pop() {
            if !reached.insert(call) {
                continue;
            }
            for &index in self.by_signature.get(&call).into_iter().flatten() {
                needed[index] = true;
                open.extend(self.calls[index].iter().copied());
            }
        }
        let definitions = self.definitions.iter().zip(&needed);
        let called = |(name, args, _): &native::Fun<Kind>| reached.contains(&(*name, args.len()));
        Needed {
            definitions: definitions
                .filter(|(_, needed)| **needed)
                .map(|(d, _)| d.clone())
                .collect(),
            natives: natives().filter(called).collect(),
        }
    }

    /// Every function.
    pub(super) fn signatures(&self) -> impl Iterator<Item = Signature<'static>> {
        self.by_signature.keys().chain(&self.natives).copied()
    }

    /// The names of all functions.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.signatures().map(|(name, _)| name)
    }

    /// The numbers of arguments that a function called `name` takes.
    pub(super) fn arities(&self, name: &str) -> Vec<usize> {
        let named = self.signatures().filter(|(other, _)| *other == name);
        let mut arities: Vec<_> = named.map(|(_, arity)| arity).collect();
        arities.sort_unstable();
        arities.dedup();
        arities
    }
}

/// Why `name` is not there although jq has it, and what to do.
pub(super) fn absent(name: &str) -> Option<&'static str> {
    WITHHELD.iter().chain(&ABSENT).find(|(absent, _)| *absent == name).map(|(_, why)| *why)
}

fn natives() -> impl Iterator<Item = native::Fun<Kind>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.filter(|(name, _, _)| WITHHELD.iter().all(|(withheld, _)| withheld != name))
}
