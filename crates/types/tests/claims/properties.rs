//! What is claimed of generated pairs of schemas holds for generated values, by the word of an
//! independent validator that reads the original schemas.
//!
//! `TYPES_CASES` sets the number of cases, `TYPES_SEED` draws others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;

use flowmill_types::{Doubt, Fault, Formats, Relation, Type, relate};
use jsonschema::{Draft, Validator};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::choices::Choices;
use crate::{schemas, values};

/// A schema, as both read it.
struct Subject {
    schema: Value,
    own: Type,
    other: Validator,
}

impl Subject {
    /// `None` for a schema that is refused: of generated ones, those with a circle alone.
    fn new(schema: Value) -> Option<Self> {
        let own = match Type::read(&schema, Formats::Annotation) {
            Ok(own) => own,
            Err(error) => {
                let expected = matches!(error.fault, Fault::Circle(_) | Fault::DeadReference(_));
                assert!(expected, "{error} at {} of {schema}", error.pointer);
                return None;
            }
        };
        let options =
            jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(false);
        let other = options.build(&schema).expect("a schema");
        Some(Self { schema, own, other })
    }

    fn values(&self, choices: &mut Choices<'_>, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        for _ in 0..count {
            let value = values::value(choices, &self.schema, &self.schema, 6);
            found.push(values::changed(choices, &value));
            found.push(value);
        }
        found.extend(self.own.example());
        found
    }
}

/// How often something was seen.
#[derive(Default)]
struct Counts(RefCell<BTreeMap<&'static str, usize>>);

impl Counts {
    fn add(&self, what: &'static str, times: usize) {
        *self.0.borrow_mut().entry(what).or_default() += times;
    }

    fn of(&self, what: &'static str) -> usize {
        self.0.borrow().get(what).copied().unwrap_or_default()
    }

    fn require(&self, what: &'static str, least: usize) {
        assert!(self.of(what) >= least, "{what}: {} of at least {least}", self.of(what));
    }
}

/// Runs a check on bytes that decide everything, the same ones each time.
fn check_all(cases: u32, check: impl Fn(&mut Choices<'_>) -> Result<(), TestCaseError>) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let cases = number("TYPES_CASES").unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number("TYPES_SEED").unwrap_or(0).to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&vec(any::<u8>(), 0..600), |bytes| check(&mut Choices::new(&bytes)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Two schemas, of which one is often made of the other.
fn pair(choices: &mut Choices<'_>) -> Option<(Subject, Subject)> {
    let first = schemas::document(choices);
    let second = match choices.below(6) {
        0 => schemas::document(choices),
        1 => first.clone(),
        _ => schemas::edited(choices, &first),
    };
    let (first, second) = (Subject::new(first)?, Subject::new(second)?);
    Some(if choices.one_in(2) { (first, second) } else { (second, first) })
}

fn check_claim(
    (source, target): (&Subject, &Subject),
    relation: &Relation,
    values: &[Value],
    counts: &Counts,
) -> Result<(), TestCaseError> {
    let shown = || format!("source {}\ntarget {}\n{relation:?}", source.schema, target.schema);
    for value in values {
        let (given, taken) = (source.other.is_valid(value), target.other.is_valid(value));
        match relation {
            Relation::Exact => prop_assert_eq!(given, taken, "{} {}", value, shown()),
            Relation::Subtype => {
                prop_assert!(!given || taken, "{} {}", value, shown());
                prop_assert!(!given || target.own.accepts(value), "{} {}", value, shown());
            }
            Relation::Disjoint { .. } => prop_assert!(!(given && taken), "{} {}", value, shown()),
            Relation::Overlap { doubt } => {
                let empty = *doubt == Doubt::EmptySource;
                prop_assert!(!(empty && given), "{} {}", value, shown());
            }
        }
        if given {
            counts.add("values of sources", 1);
        }
    }
    let Some(clash) = relation.clash() else { return Ok(()) };
    match &clash.example {
        Some(value) => {
            prop_assert!(source.other.is_valid(value), "{} {}", value, shown());
            prop_assert!(!target.other.is_valid(value), "{} {}", value, shown());
            counts.add("examples of a clash", 1);
        }
        None => prop_assert!(source.own.is_opaque(), "{}", shown()),
    }
    Ok(())
}

#[test]
fn what_is_claimed_of_a_pair_holds_for_values() {
    let counts = Counts::default();
    check_all(4_000, |choices| {
        let Some((source, target)) = pair(choices) else {
            counts.add("refused", 1);
            return Ok(());
        };
        let mut values = source.values(choices, 8);
        values.extend(target.values(choices, 8));
        let relation = relate(&source.own, &target.own);
        counts.add(relation.word(), 1);
        if let Relation::Overlap { doubt } = &relation {
            counts.add(doubt_word(doubt), 1);
        }
        check_claim((&source, &target), &relation, &values, &counts)?;
        Ok(())
    });
    println!("{:#?}", counts.0.borrow());
    for relation in ["exact", "subtype", "overlap", "disjoint"] {
        counts.require(relation, 20);
    }
    for doubt in ["some refused", "opaque", "empty source"] {
        counts.require(doubt, 5);
    }
}

fn doubt_word(doubt: &Doubt) -> &'static str {
    match doubt {
        Doubt::SomeRefused(_) => "some refused",
        Doubt::Opaque { .. } => "opaque",
        Doubt::EmptySource => "empty source",
        Doubt::TooComplex => "too complex",
        Doubt::Undecided => "undecided",
        Doubt::Allowed => "allowed",
    }
}

#[test]
fn a_type_accepts_what_a_validator_accepts() {
    let counts = Counts::default();
    check_all(3_000, |choices| {
        let Some(subject) = Subject::new(schemas::document(choices)) else { return Ok(()) };
        for value in subject.values(choices, 12) {
            let (own, other) = (subject.own.accepts(&value), subject.other.is_valid(&value));
            // An opaque type may accept more, and nothing less.
            let agree = own == other || (own && subject.own.is_opaque());
            prop_assert!(agree, "{} accepts {}: {}", subject.schema, value, own);
            counts.add(if other { "accepted" } else { "refused" }, 1);
            counts.add(if subject.own.is_opaque() { "opaque" } else { "known" }, 1);
        }
        Ok(())
    });
    println!("{:#?}", counts.0.borrow());
    for what in ["accepted", "refused", "opaque", "known"] {
        counts.require(what, 100);
    }
}

#[test]
fn an_example_is_of_its_type_and_a_type_without_values_has_none() {
    let counts = Counts::default();
    check_all(2_000, |choices| {
        let Some(subject) = Subject::new(schemas::document(choices)) else { return Ok(()) };
        match subject.own.example() {
            Some(value) => {
                prop_assert!(subject.own.accepts(&value), "{} {}", subject.schema, value);
                let sure = !subject.own.is_opaque();
                prop_assert!(!sure || subject.other.is_valid(&value), "{}", subject.schema);
                counts.add("examples", 1);
            }
            None => {
                let valid =
                    subject.values(choices, 8).into_iter().any(|v| subject.other.is_valid(&v));
                prop_assert!(!valid || !subject.own.is_never(), "{}", subject.schema);
                counts.add(if subject.own.is_never() { "empty" } else { "none found" }, 1);
            }
        }
        Ok(())
    });
    println!("{:#?}", counts.0.borrow());
    counts.require("examples", 100);
    counts.require("empty", 10);
    assert!(counts.of("none found") * 100 < counts.of("examples"), "examples are found");
}

#[test]
fn a_type_is_exactly_itself_and_what_its_schema_says() {
    let counts = Counts::default();
    check_all(2_000, |choices| {
        let document = schemas::document(choices);
        let Some(subject) = Subject::new(document.clone()) else { return Ok(()) };
        if subject.own.is_never() {
            counts.add("empty", 1);
            return Ok(());
        }
        let again = Type::read(&document, Formats::Annotation).expect("a schema");
        prop_assert_eq!(relate(&subject.own, &again), Relation::Exact, "{}", document);
        let written = subject.own.to_schema();
        let read = Type::read(&written, Formats::Annotation);
        let Ok(read) = read else { return Err(TestCaseError::fail(format!("{written}"))) };
        if subject.own.is_opaque() {
            // What is written says less.
            let relation = relate(&subject.own, &read);
            let less = matches!(relation, Relation::Subtype | Relation::Exact);
            prop_assert!(less, "{} {} {:?}", document, written, relation);
            counts.add("opaque", 1);
        } else {
            prop_assert_eq!(
                relate(&subject.own, &read),
                Relation::Exact,
                "{} {}",
                document,
                written
            );
            counts.add("known", 1);
        }
        prop_assert!(subject.own.describe().chars().count() <= 400);
        Ok(())
    });
    println!("{:#?}", counts.0.borrow());
    counts.require("opaque", 100);
    counts.require("known", 100);
}

#[test]
fn fitting_is_transitive_where_it_is_claimed() {
    let counts = Counts::default();
    check_all(3_000, |choices| {
        let first = schemas::document(choices);
        let second = schemas::edited(choices, &first);
        let third = schemas::edited(choices, &second);
        let subjects = [first, second, third].map(Subject::new);
        let [Some(a), Some(b), Some(c)] = subjects else { return Ok(()) };
        for (a, b, c) in [(&a, &b, &c), (&c, &b, &a), (&b, &a, &c)] {
            let fits =
                |relation: &Relation| matches!(relation, Relation::Exact | Relation::Subtype);
            if !fits(&relate(&a.own, &b.own)) || !fits(&relate(&b.own, &c.own)) {
                continue;
            }
            let whole = relate(&a.own, &c.own);
            let disjoint = matches!(whole, Relation::Disjoint { .. });
            prop_assert!(!disjoint, "{} {} {}", a.schema, b.schema, c.schema);
            counts.add(if fits(&whole) { "claimed" } else { "not claimed" }, 1);
            for value in a.values(choices, 4) {
                prop_assert!(!a.other.is_valid(&value) || c.other.is_valid(&value));
            }
        }
        Ok(())
    });
    println!("{:#?}", counts.0.borrow());
    counts.require("claimed", 50);
    assert!(counts.of("not claimed") * 20 <= counts.of("claimed"), "nearly all are claimed");
}

#[test]
fn a_union_holds_its_parts_and_nothing_else() {
    let counts = Counts::default();
    check_all(2_000, |choices| {
        let Some((a, b)) = pair(choices) else { return Ok(()) };
        let union = Type::union(&[a.own.clone(), b.own.clone()]);
        for part in [&a, &b] {
            if part.own.is_never() {
                continue;
            }
            let relation = relate(&part.own, &union);
            let fits = matches!(relation, Relation::Exact | Relation::Subtype);
            prop_assert!(fits, "{} {} {:?}", a.schema, b.schema, relation);
            counts.add("parts", 1);
        }
        let mut values = a.values(choices, 6);
        values.extend(b.values(choices, 6));
        for value in values {
            let either = a.own.accepts(&value) || b.own.accepts(&value);
            prop_assert_eq!(union.accepts(&value), either, "{} {} {}", a.schema, b.schema, value);
        }
        Ok(())
    });
    counts.require("parts", 100);
}

#[test]
fn parts_of_values_are_of_the_types_of_parts() {
    let counts = Counts::default();
    check_all(2_000, |choices| {
        let Some(subject) = Subject::new(schemas::document(choices)) else { return Ok(()) };
        let valid = |value: &Value| subject.other.is_valid(value);
        for value in subject.values(choices, 8).into_iter().filter(valid) {
            for name in ["a", "b", "kind", "d"] {
                let part = subject.own.property(name);
                match value.get(name) {
                    Some(value) => prop_assert!(part.value.accepts(value), "{}", subject.schema),
                    None => prop_assert!(!part.always, "{} {}", subject.schema, value),
                }
                counts.add("fields", usize::from(value.get(name).is_some()));
            }
            let element = subject.own.element();
            for item in value.as_array().into_iter().flatten() {
                prop_assert!(element.accepts(item), "{} {}", subject.schema, value);
                counts.add("items", 1);
            }
        }
        Ok(())
    });
    counts.require("fields", 100);
    counts.require("items", 100);
}
