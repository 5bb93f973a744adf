//! What callers saw: the starts that were acknowledged to them, and answers that must never be.
//!
//! Every line is also written to a file as it happens, so that anybody can look at a campaign again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use flowmill_model::ExecutionId;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::flows::Kind;

/// The ledger. Clones are the same.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Mutex<State>>);

struct State {
    begun: Instant,
    file: Option<BufWriter<File>>,
    started: BTreeMap<String, Started>,
    by_id: BTreeMap<ExecutionId, String>,
    tried: BTreeMap<String, Kind>,
    /// Starts without a key that were asked for.
    without_key: usize,
    violations: Vec<String>,
}

/// A start that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Started {
    pub(crate) id: ExecutionId,
    pub(crate) kind: Kind,
}

impl Ledger {
    /// An empty one, which is written to a file if one is given.
    pub(crate) fn new(file: Option<&Path>) -> anyhow::Result<Self> {
        let file = file.map(File::create).transpose()?.map(BufWriter::new);
        Ok(Self(Arc::new(Mutex::new(State {
            begun: Instant::now(),
            file,
            started: BTreeMap::new(),
            by_id: BTreeMap::new(),
            tried: BTreeMap::new(),
            without_key: 0,
            violations: Vec::new(),
        }))))
    }

    /// A start is about to be asked for.
    pub(crate) fn try_start(&self, key: &str, kind: Kind) {
        let mut state = self.0.lock();
        if state.tried.insert(key.to_owned(), kind).is_none() {
            state.write("try", &json!({ "key": key, "flow": kind.flow() }));
        }
    }

    /// A start was acknowledged. Under one key it is always the same execution.
    pub(crate) fn started(&self, key: &str, id: ExecutionId, kind: Kind) {
        let mut state = self.0.lock();
        state.write("started", &json!({ "key": key, "id": id.to_string() }));
        if let Some(other) = state.started.get(key).filter(|known| known.id != id) {
            let what = format!("I1: the key {key} started {id} and {}", other.id);
            state.violated(what);
        }
        if let Some(other) = state.by_id.get(&id).filter(|known| *known != key) {
            let what = format!("I1: the keys {key} and {other} started the same {id}");
            state.violated(what);
        }
        state.by_id.insert(id, key.to_owned());
        state.started.insert(key.to_owned(), Started { id, kind });
    }

    /// A start of [`Kind::Nothing`] without a key is about to be asked for.
    pub(crate) fn may_start_nothing(&self) {
        self.0.lock().without_key += 1;
    }

    /// How many starts without a key were asked for.
    pub(crate) fn without_key(&self) -> usize {
        self.0.lock().without_key
    }

    /// A start was refused: it is not to exist.
    pub(crate) fn refused(&self, key: &str) {
        let mut state = self.0.lock();
        state.write("refused", &json!({ "key": key }));
        state.tried.remove(key);
    }

    /// Something came that must not.
    pub(crate) fn violated(&self, what: String) {
        self.0.lock().violated(what);
    }

    /// Notes anything else.
    pub(crate) fn note(&self, what: &str, about: &Value) {
        self.0.lock().write(what, about);
    }

    /// The acknowledged starts, by key.
    pub(crate) fn all(&self) -> BTreeMap<String, Started> {
        self.0.lock().started.clone()
    }

    /// Starts that were asked for and never acknowledged.
    pub(crate) fn unanswered(&self) -> Vec<(String, Kind)> {
        let state = self.0.lock();
        let open = state.tried.iter().filter(|(key, _)| !state.started.contains_key(*key));
        open.map(|(key, kind)| (key.clone(), *kind)).collect()
    }

    /// What must not have been.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.0.lock().violations.clone()
    }

    /// Writes what is still in memory.
    pub(crate) fn flush(&self) -> anyhow::Result<()> {
        Ok(self.0.lock().file.as_mut().map_or(Ok(()), Write::flush)?)
    }
}

impl State {
    fn violated(&mut self, what: String) {
        self.write("violation", &json!(what));
        self.violations.push(what);
    }

    fn write(&mut self, what: &str, about: &Value) {
        let at = self.begun.elapsed().as_secs_f64();
        if let Some(file) = &mut self.file {
            let line = json!({ "at": at, "what": what, "about": about });
            // A full disk ends the record, not the campaign.
            if writeln!(file, "{line}").is_err() {
                self.file = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flowmill_model::ShardId;

    use super::*;

    #[test]
    fn a_key_that_names_two_executions_and_an_execution_with_two_keys_are_violations() {
        let id = |number| ExecutionId::new(ShardId::new(0), number);
        let check = |second: (&str, u128), expect: usize| {
            let ledger = Ledger::new(None).unwrap();
            ledger.started("a", id(1), Kind::Call);
            ledger.started(second.0, id(second.1), Kind::Call);
            assert_eq!(ledger.violations().len(), expect, "{second:?}");
        };
        check(("a", 1), 0);
        check(("b", 2), 0);
        check(("a", 2), 1);
        check(("b", 1), 1);
    }

    #[test]
    fn what_was_not_answered_is_owed_and_what_was_refused_is_not() {
        let ledger = Ledger::new(None).unwrap();
        for key in ["answered", "refused", "lost"] {
            ledger.try_start(key, Kind::Call);
        }
        ledger.started("answered", ExecutionId::new(ShardId::new(0), 1), Kind::Call);
        ledger.refused("refused");
        assert_eq!(ledger.unanswered(), [("lost".to_owned(), Kind::Call)]);
    }
}
