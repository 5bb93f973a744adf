//! Payloads and the values in them, parsed at most once per decision.
//!
//! A chain of nodes hands the same value from one to the next. Between two of them it is text in
//! the state; here its parsed form stays at hand. Two payloads are the same when they are the same
//! bytes in memory: a copy is parsed again.

use flowmill_flow::{Json, JsonError};
use flowmill_model::Payload;

/// Parsed values at hand at a time. More than a node has in front of it, few enough to search.
const KEPT: usize = 32;

/// Values that this decision has parsed or made.
#[derive(Default)]
pub(crate) struct Values {
    known: Vec<(Payload, Json)>,
}

impl Values {
    /// The value in `payload`.
    pub(crate) fn parse(&mut self, payload: &Payload) -> Result<Json, JsonError> {
        let known = self.known.iter().rev().find(|(known, _)| is_same(known, payload));
        if let Some((_, value)) = known {
            return Ok(value.clone());
        }
        let value = Json::parse(payload.as_bytes())?;
        self.keep(payload.clone(), value.clone());
        Ok(value)
    }

    /// The text of `value`.
    pub(crate) fn write(&mut self, value: Json) -> Payload {
        let payload = Payload::new(value.to_bytes());
        self.keep(payload.clone(), value);
        payload
    }

    fn keep(&mut self, payload: Payload, value: Json) {
        if self.known.len() == KEPT {
            self.known.remove(0);
        }
        self.known.push((payload, value));
    }
}

fn is_same(left: &Payload, right: &Payload) -> bool {
    std::ptr::eq(&left.as_bytes()[..], &right.as_bytes()[..])
}
