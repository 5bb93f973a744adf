//! Functions that use regular expressions.

use std::sync::Arc;

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::{Items, Text, Value};

use super::pattern::{Flags, Groups, Memory, Pattern, Shared};
use super::{Context, Native, objects_of, unfit};

/// Steps that compiling an expression is charged with: in any case, for each byte of its text, for
/// each of its states, and when it turns out to be too large.
const COMPILING: usize = 5_000;
const COMPILING_BYTE: usize = 100;
const COMPILING_STATE: usize = 64;
const COMPILING_IN_VAIN: usize = 100_000;

/// Bytes of an expression's text.
const LONGEST: usize = 4 * 1024;

/// Expressions that one evaluation keeps ready.
const READY: usize = 16;

pub(super) const ALL: &[Native] = &[
    Native {
        name: "_match",
        arity: 3,
        run: |context, value, [re, flags, test]| {
            let search = Search::new(context, &value, re, flags)?;
            if test.is_true() {
                return search.test(context).map(Value::Bool);
            }
            search.matches(context)
        },
    },
    Native {
        name: "_edits",
        arity: 2,
        run: |context, value, [re, flags, _]| {
            Search::new(context, &value, re, flags)?.edits(context)
        },
    },
];

/// The expressions that an evaluation has used.
#[derive(Default)]
pub(crate) struct Patterns {
    shared: Arc<Shared>,
    ready: Vec<(Arc<Pattern>, Memory)>,
    next: usize,
}

impl Patterns {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, ready: Vec::new(), next: 0 }
    }

    /// The place of an expression among those that are ready.
    fn ready(&mut self, source: &Text, flags: Flags, meter: &mut Meter) -> Outcome<usize> {
        let same =
            |(other, _): &(Arc<Pattern>, Memory)| other.flags == flags && other.source == *source;
        if let Some(place) = self.ready.iter().position(same) {
            return Ok(place);
        }
        if source.len() > LONGEST {
            return error(format!("a regular expression is longer than {LONGEST} bytes"));
        }
        meter.steps(COMPILING + source.len() * COMPILING_BYTE)?;
        let pattern = match self.shared.pattern(source, flags) {
            Ok(pattern) => pattern,
            Err(raise) => {
                meter.steps(COMPILING_IN_VAIN)?;
                return Err(raise);
            }
        };
        meter.steps(pattern.states * COMPILING_STATE)?;
        let memory = pattern.memory();
        if self.ready.len() < READY {
            self.ready.push((pattern, memory));
            return Ok(self.ready.len() - 1);
        }
        self.next = (self.next + 1) % READY;
        self.ready[self.next] = (pattern, memory);
        Ok(self.next)
    }
}

/// A search of a text.
struct Search {
    text: Text,
    place: usize,
    global: bool,
    not_empty: bool,
}

impl Search {
    /// `re` may be an array of the expression and its flags.
    fn new(context: &mut Context<'_>, value: &Value, re: Value, flags: Value) -> Outcome<Self> {
        let Value::String(text) = value else {
            return unfit(value, "cannot be matched, as it is not a string");
        };
        let (re, flags) = match re {
            Value::Array(parts) => {
                let part = |place| parts.get(place).cloned().unwrap_or_default();
                (part(0), part(1))
            }
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => (other, flags),
        };
        let Value::String(source) = re else {
            return unfit(&re, "cannot be matched, as it is not a string");
        };
        let names = match &flags {
            Value::Null => "",
            Value::String(names) => names,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return unfit(&flags, "is not a string");
            }
        };
        let mut flags = Flags::default();
        let (mut global, mut not_empty) = (false, false);
        for name in names.chars() {
            match name {
                'g' => global = true,
                'n' => not_empty = true,
                'i' => flags.ignore_case = true,
                'x' => flags.extended = true,
                'p' => flags.dot_is_all = true,
                // The ends of lines are no ends here anyway.
                's' => {}
                'l' => return error("the flag `l` (longest match) is not supported"),
                _ => return error(format!("{names} is not a valid modifier string")),
            }
        }
        let place = context.patterns.ready(&source, flags, context.meter)?;
        Ok(Self { text: text.clone(), place, global, not_empty })
    }

    fn find(&self, start: usize, all: bool, context: &mut Context<'_>) -> Outcome<Option<Groups>> {
        let (pattern, memory) = &mut context.patterns.ready[self.place];
        pattern.find(&self.text, start, all, memory, context.meter)
    }

    fn test(&self, context: &mut Context<'_>) -> Outcome<bool> {
        if !self.not_empty {
            return Ok(self.find(0, false, context)?.is_some());
        }
        let mut found = false;
        self.each(context, |_, _| {
            found = true;
            Ok(false)
        })?;
        Ok(found)
    }

    /// Calls `with` for each match, until it says that it is enough.
    fn each(
        &self,
        context: &mut Context<'_>,
        mut with: impl FnMut(&Groups, &mut Context<'_>) -> Outcome<bool>,
    ) -> Outcome<()> {
        let mut start = 0;
        while start <= self.text.len() {
            context.meter.steps(40)?;
            let Some(groups) = self.find(start, true, context)? else { break };
            let Some(&Some((from, to))) = groups.first() else { break };
            let empty = from == to;
            start = if empty { self.behind(to) } else { to };
            if !self.text.is_char_boundary(from) || (empty && self.not_empty) {
                continue;
            }
            if !with(&groups, context)? || !self.global {
                break;
            }
        }
        Ok(())
    }

    /// The next place behind a character.
    fn behind(&self, at: usize) -> usize {
        (at + 1..self.text.len())
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(if at < self.text.len() { self.text.len() } else { at + 1 })
    }

    fn matches(&self, context: &mut Context<'_>) -> Outcome {
        let mut found = Items::default();
        let mut counter = Counter { text: &self.text, at: 0, count: 0 };
        let names = context.patterns.ready[self.place].0.groups.clone();
        self.each(context, |groups, context| {
            let item = self.described(groups, &names, &mut counter, context.meter)?;
            context.meter.push(&mut found, item)?;
            Ok(true)
        })?;
        Ok(Value::Array(Arc::new(found)))
    }

    /// A match as the function `match` gives it.
    fn described(
        &self,
        groups: &Groups,
        names: &[Option<Text>],
        counter: &mut Counter<'_>,
        meter: &mut Meter,
    ) -> Outcome {
        let mut captures = Items::default();
        let whole = groups.first().copied().flatten().unwrap_or_default();
        let at = counter.to(whole.0, meter)?;
        for (group, name) in groups.iter().skip(1).zip(names) {
            let mut fields = match group {
                Some(span) => {
                    let mut inner = Counter { text: &self.text, at: whole.0, count: at };
                    let offset = inner.to(span.0, meter)?;
                    self.part(*span, Value::from(offset), meter)?
                }
                None => vec![
                    ("offset", Value::from(-1_i64)),
                    ("length", Value::from(0_i64)),
                    ("string", Value::Null),
                ],
            };
            fields.push(("name", name.clone().map_or(Value::Null, Value::String)));
            let capture = objects_of(fields, meter)?;
            meter.push(&mut captures, capture)?;
        }
        let mut fields = self.part(whole, Value::from(at), meter)?;
        fields.push(("captures", Value::Array(Arc::new(captures))));
        objects_of(fields, meter)
    }

    fn part(
        &self,
        (from, to): (usize, usize),
        offset: Value,
        meter: &mut Meter,
    ) -> Outcome<Vec<(&'static str, Value)>> {
        let part = &self.text[from..to];
        meter.text(part.len())?;
        let length = Value::from(part.chars().count());
        Ok(vec![("offset", offset), ("length", length), ("string", Value::from(part))])
    }

    /// What is between matches, with the named captures of each, and what is behind the last.
    fn edits(&self, context: &mut Context<'_>) -> Outcome {
        let mut edits = Items::default();
        let mut behind = 0;
        let names = context.patterns.ready[self.place].0.groups.clone();
        self.each(context, |groups, context| {
            let whole = groups.first().copied().flatten().unwrap_or_default();
            let gap = &self.text[behind..whole.0];
            behind = whole.1;
            context.meter.text(gap.len())?;
            let captures = self.captured(groups, &names, context.meter)?;
            let edit = Value::array(vec![Value::from(gap), captures]);
            context.meter.items(2)?;
            context.meter.push(&mut edits, edit)?;
            Ok(true)
        })?;
        let tail = &self.text[behind..];
        context.meter.text(tail.len())?;
        let fields = vec![("edits", Value::Array(Arc::new(edits))), ("tail", Value::from(tail))];
        objects_of(fields, context.meter)
    }

    fn captured(&self, groups: &Groups, names: &[Option<Text>], meter: &mut Meter) -> Outcome {
        let mut map = crate::value::Map::default();
        for (group, name) in groups.iter().skip(1).zip(names) {
            let Some(name) = name else { continue };
            let text = match group {
                Some((from, to)) => {
                    meter.text(to - from)?;
                    Value::from(&self.text[*from..*to])
                }
                None => Value::Null,
            };
            meter.insert(&mut map, name.clone(), text)?;
        }
        Ok(Value::from(map))
    }
}

/// Counts characters up to places that come in order.
struct Counter<'t> {
    text: &'t str,
    at: usize,
    count: usize,
}

impl Counter<'_> {
    fn to(&mut self, at: usize, meter: &mut Meter) -> Outcome<usize> {
        meter.look(at.saturating_sub(self.at))?;
        self.count += self.text[self.at..at].chars().count();
        self.at = at;
        Ok(self.count)
    }
}
