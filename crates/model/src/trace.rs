//! W3C trace context: how one trace follows an execution through records.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

/// The position in a trace that a record continues; the content of a `traceparent` header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
}

/// Text that is no `traceparent` of a version this build reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent header")]
pub struct InvalidTraceparent;

impl TraceContext {
    /// Makes a context; `None` when the trace or the span is all zeros, which means "none".
    pub const fn new(trace: u128, span: u64, flags: u8) -> Option<Self> {
        if trace == 0 || span == 0 { None } else { Some(Self { trace, span, flags }) }
    }

    /// The 16 bytes of the trace id, as a number.
    pub const fn trace(&self) -> u128 {
        self.trace
    }

    /// The 8 bytes of the parent span's id, as a number.
    pub const fn span(&self) -> u64 {
        self.span
    }

    /// The trace flags; bit 0 says that the trace is sampled.
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the trace is recorded.
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let mut parts = text.trim().split('-');
        let mut part = |digits: usize| {
            let text = parts.next().filter(|t| t.len() == digits).ok_or(InvalidTraceparent)?;
            let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            if !text.bytes().all(lower) {
                return Err(InvalidTraceparent);
            }
            u128::from_str_radix(text, 16).map_err(|_| InvalidTraceparent)
        };
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let extra = parts.next().is_some();
        if version == 0xff || (version == 0 && extra) {
            return Err(InvalidTraceparent);
        }
        Self::new(trace, span as u64, flags as u8).ok_or(InvalidTraceparent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(valid.parse::<TraceContext>().expect("valid").to_string(), valid);
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }
}
