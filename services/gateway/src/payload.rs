//! Reads the JSON that callers send: inputs of executions, payloads of signals.

use flowmill_flow::Json;
use flowmill_model::{Payload, limits};

use crate::Refusal;

/// Reads one JSON value; gives it with its compact text. `what` names it in a refusal.
pub(crate) fn read(what: &str, text: &[u8]) -> Result<(Json, Payload), Refusal> {
    check_size(what, text.len())?;
    let value = Json::parse(text).map_err(|error| Refusal::malformed(&error))?;
    let payload = Payload::new(value.to_bytes());
    check_size(what, payload.len())?;
    Ok((value, payload))
}

fn check_size(what: &str, bytes: usize) -> Result<(), Refusal> {
    if bytes <= limits::PAYLOAD_BYTES {
        return Ok(());
    }
    Err(Refusal::too_large(what, bytes, limits::PAYLOAD_BYTES))
}
