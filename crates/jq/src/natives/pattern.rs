//! Regular expressions: a compiled one, and searches whose work is charged.
//!
//! A search runs an automaton over the text, byte by byte, and charges as it goes. Where the
//! automaton gives up (it would need too many states, or the text has characters beyond ASCII
//! and the expression asks for the bounds of words), a slower search that always works is charged
//! for what it may take at most.

use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::hybrid::regex::Regex;
use regex_automata::nfa::thompson::{self, pikevm};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, hybrid};

use crate::fault::{Outcome, error};
use crate::meter::Meter;
use crate::value::Text;

/// Bytes of a compiled expression.
const SIZE: usize = 512 * 1024;

/// Bytes of the states that a search may remember.
const CACHE: usize = 512 * 1024;

/// Compiled expressions that one program keeps.
const KEPT: usize = 32;

/// A compiled regular expression.
pub(super) struct Pattern {
    pub(super) source: Text,
    pub(super) flags: Flags,
    automata: Regex,
    captures: pikevm::PikeVM,
    /// The name of each group, the whole match left out.
    pub(super) groups: Vec<Option<Text>>,
    /// How many states it has before any search.
    pub(super) states: usize,
}

/// Flags of an expression that make a difference to its compilation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) extended: bool,
    pub(super) dot_is_all: bool,
}

/// The expressions that evaluations of one program have compiled.
#[derive(Default)]
pub(crate) struct Shared(Mutex<Vec<Arc<Pattern>>>);

/// What a search remembers for the next one.
pub(super) struct Memory {
    automata: hybrid::regex::Cache,
    captures: pikevm::Cache,
}

/// From where to where each group matched, the whole match first.
pub(super) type Groups = Vec<Option<(usize, usize)>>;

impl Shared {
    /// The expression, compiled now or before.
    pub(super) fn pattern(&self, source: &Text, flags: Flags) -> Outcome<Arc<Pattern>> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &&Arc<Pattern>| other.source == *source && other.flags == flags;
        if let Some(pattern) = kept().iter().find(same) {
            return Ok(Arc::clone(pattern));
        }
        let pattern = Arc::new(Pattern::new(source, flags)?);
        let mut kept = kept();
        if kept.len() < KEPT {
            kept.push(Arc::clone(&pattern));
        }
        Ok(pattern)
    }
}

impl Pattern {
    fn new(source: &Text, flags: Flags) -> Outcome<Self> {
        let syntax = syntax::Config::new()
            .case_insensitive(flags.ignore_case)
            .ignore_whitespace(flags.extended)
            .dot_matches_new_line(flags.dot_is_all)
            .nest_limit(64);
        let size = thompson::Config::new().nfa_size_limit(Some(SIZE));
        let remembered = hybrid::dfa::Config::new()
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true)
            .unicode_word_boundary(true)
            .minimum_cache_clear_count(Some(2));
        let automata =
            Regex::builder().syntax(syntax).thompson(size.clone()).dfa(remembered).build(source);
        let captures = pikevm::PikeVM::builder().syntax(syntax).thompson(size).build(source);
        let (Ok(automata), Ok(captures)) = (automata, captures) else {
            let shown: String = source.chars().take(100).collect();
            return error(format!("{shown} is no regular expression, or one that is too large"));
        };
        let names = captures.get_nfa().group_info().pattern_names(0.into());
        let groups = names.skip(1).map(|name| name.map(Text::from)).collect();
        let states = captures.get_nfa().states().len();
        Ok(Self { source: source.clone(), flags, automata, captures, groups, states })
    }

    pub(super) fn memory(&self) -> Memory {
        Memory { automata: self.automata.create_cache(), captures: self.captures.create_cache() }
    }

    /// The first match at or behind `start`. Without `all`, only whether there is one is told.
    pub(super) fn find(
        &self,
        text: &str,
        start: usize,
        all: bool,
        memory: &mut Memory,
        meter: &mut Meter,
    ) -> Outcome<Option<Groups>> {
        let (forward, reverse) = memory.automata.as_parts_mut();
        let input = Input::new(text).range(start..);
        let Scan::Done(end) = scan(self.automata.forward(), forward, &input, meter)? else {
            return self.find_slowly(&input, memory, meter);
        };
        let Some(end) = end else { return Ok(None) };
        if !all {
            return Ok(Some(vec![Some((end, end))]));
        }
        let back = Input::new(text).range(start..end).anchored(Anchored::Yes);
        let Scan::Done(begin) = scan_back(self.automata.reverse(), reverse, &back, meter)? else {
            return self.find_slowly(&input, memory, meter);
        };
        let begin = begin.unwrap_or(end);
        if self.groups.is_empty() {
            return Ok(Some(vec![Some((begin, end))]));
        }
        let found = Input::new(text).range(begin..end).anchored(Anchored::Yes);
        self.find_slowly(&found, memory, meter)
    }

    /// Finds groups, for a charge of all states at all places.
    fn find_slowly(
        &self,
        input: &Input<'_>,
        memory: &mut Memory,
        meter: &mut Meter,
    ) -> Outcome<Option<Groups>> {
        let length = input.get_span().len() + 1;
        meter.steps(length.saturating_mul(self.states / 4 + 1))?;
        let mut slots = Captures::all(self.captures.get_nfa().group_info().clone());
        self.captures.search(&mut memory.captures, input, &mut slots);
        if !slots.is_match() {
            return Ok(None);
        }
        let group = |group: Option<regex_automata::Span>| group.map(|span| (span.start, span.end));
        Ok(Some(slots.iter().map(group).collect()))
    }
}

/// Where a scan found what it was for, or that the automaton gave up.
enum Scan {
    Done(Option<usize>),
    GaveUp,
}

/// Bytes that are scanned between two charges.
const BLOCK: usize = 128;

/// Finds where the first match ends.
fn scan(dfa: &DFA, cache: &mut Cache, input: &Input<'_>, meter: &mut Meter) -> Outcome<Scan> {
    let Ok(mut state) = dfa.start_state_forward(cache, input) else { return Ok(Scan::GaveUp) };
    let mut found = None;
    let before = cache.memory_usage();
    for at in input.start()..input.end() {
        if at % BLOCK == 0 {
            meter.steps(BLOCK / 8)?;
        }
        let Ok(next) = dfa.next_state(cache, state, input.haystack()[at]) else {
            return Ok(Scan::GaveUp);
        };
        state = next;
        if state.is_tagged() {
            if state.is_match() {
                found = Some(at);
            } else if state.is_dead() {
                return charge_states(before, cache, meter).map(|()| Scan::Done(found));
            } else if state.is_quit() {
                return Ok(Scan::GaveUp);
            }
        }
    }
    charge_states(before, cache, meter)?;
    let Ok(state) = end_state(dfa, cache, state, input.haystack().get(input.end())) else {
        return Ok(Scan::GaveUp);
    };
    if state.is_match() {
        found = Some(input.end());
    }
    Ok(if state.is_quit() { Scan::GaveUp } else { Scan::Done(found) })
}

/// Finds where the match starts that ends where the input does.
fn scan_back(dfa: &DFA, cache: &mut Cache, input: &Input<'_>, meter: &mut Meter) -> Outcome<Scan> {
    let Ok(mut state) = dfa.start_state_reverse(cache, input) else { return Ok(Scan::GaveUp) };
    let mut found = None;
    let before = cache.memory_usage();
    for at in (input.start()..input.end()).rev() {
        if at % BLOCK == 0 {
            meter.steps(BLOCK / 8)?;
        }
        let Ok(next) = dfa.next_state(cache, state, input.haystack()[at]) else {
            return Ok(Scan::GaveUp);
        };
        state = next;
        if state.is_tagged() {
            if state.is_match() {
                found = Some(at + 1);
            } else if state.is_dead() {
                return charge_states(before, cache, meter).map(|()| Scan::Done(found));
            } else if state.is_quit() {
                return Ok(Scan::GaveUp);
            }
        }
    }
    charge_states(before, cache, meter)?;
    let behind = input.start().checked_sub(1).and_then(|at| input.haystack().get(at));
    let Ok(state) = end_state(dfa, cache, state, behind) else { return Ok(Scan::GaveUp) };
    if state.is_match() {
        found = Some(input.start());
    }
    Ok(if state.is_quit() { Scan::GaveUp } else { Scan::Done(found) })
}

/// The state behind the last byte: what is beyond it may count.
fn end_state(
    dfa: &DFA,
    cache: &mut Cache,
    state: hybrid::LazyStateID,
    beyond: Option<&u8>,
) -> Result<hybrid::LazyStateID, hybrid::CacheError> {
    match beyond {
        Some(byte) => dfa.next_state(cache, state, *byte),
        None => dfa.next_eoi_state(cache, state),
    }
}

/// Charges for states that a scan had to make.
fn charge_states(before: usize, cache: &Cache, meter: &mut Meter) -> Outcome<()> {
    let made = cache.memory_usage().saturating_sub(before);
    Ok(meter.steps(made / 32)?)
}
