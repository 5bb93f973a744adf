//! The frame around everything that is written down: kind, version, length, bytes.
//!
//! A reader can name what it does not know, skip to what follows it, and refuse what is larger
//! than any honest writer makes. Bodies are `bincode` 2 with its standard configuration; the
//! frame, not the body's encoding, is what carries versions. Kinds once used are never reused.

use std::borrow::Cow;

use bincode::{Decode, Encode};

use crate::limits;

/// The header is at most this long: three varints of at most 5 bytes.
const HEADER_BYTES: usize = 15;

/// A value with a kind and a version of its own.
pub trait Framed: Encode + Decode<()> {
    /// The number of this kind among all framed values of its stream.
    const KIND: u32;
    /// The version of the body's encoding; raised with every change of it.
    const VERSION: u32;

    /// How many fields have been appended since `version`. Such a field's value before it was there
    /// is one whose encoding is one zero byte: nothing, zero, no entries.
    fn appended_since(_version: u32) -> usize {
        0
    }

    /// The oldest version that can hold this value: the one it is written in, so that a build of
    /// before reads what it could have written itself.
    fn written_as(&self) -> u32 {
        Self::VERSION
    }
}

/// Bytes that are no frame, or not the expected one.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The bytes end in the middle of a frame.
    #[error("the bytes end in the middle of a frame")]
    Truncated,
    /// The header's numbers are out of their range.
    #[error("the frame's header is damaged")]
    Header,
    /// A kind this build does not know.
    #[error("unknown kind {kind} (version {version})")]
    UnknownKind {
        /// The kind found.
        kind: u32,
        /// Its version.
        version: u32,
    },
    /// A version newer than this build writes.
    #[error("kind {kind} has version {version}, this build reads up to {supported}")]
    NewerVersion {
        /// The kind found.
        kind: u32,
        /// Its version.
        version: u32,
        /// The newest version this build reads.
        supported: u32,
    },
    /// The body does not decode.
    #[error("the body of kind {kind} does not decode")]
    Body {
        /// The kind found.
        kind: u32,
        /// What the decoder said.
        #[source]
        source: bincode::error::DecodeError,
    },
    /// Bytes are left over after the body or after the last frame.
    #[error("{0} bytes are left over")]
    Trailing(usize),
}

impl FrameError {
    /// Whether a newer build may be able to read the bytes.
    pub const fn is_newer_format(&self) -> bool {
        matches!(self, Self::UnknownKind { .. } | Self::NewerVersion { .. })
    }
}

/// One frame, its body not yet decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The kind's number.
    pub kind: u32,
    /// The version of the body's encoding.
    pub version: u32,
    /// The body.
    pub body: &'a [u8],
}

const fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ limits::RECORD_BYTES }>()
}

/// Appends `value`, framed, to `out`.
///
/// # Panics
/// When the value cannot be encoded, or not in the version it says, which no type of this crate
/// can bring about.
pub fn write<T: Framed>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    bincode::encode_into_std_write(value, out, bincode::config::standard())
        .expect("writing to memory does not fail, and our types have no unencodable value");
    let version = value.written_as();
    let end = out.len() - T::appended_since(version);
    assert!(out[end..].iter().all(|byte| *byte == 0), "what came later is empty");
    out.truncate(end);
    let body = out.len() - start - HEADER_BYTES;
    let mut header = [0; HEADER_BYTES];
    let mut used = 0;
    for number in [T::KIND, version, u32::try_from(body).unwrap_or(u32::MAX)] {
        used += put_varint(number, &mut header[used..]);
    }
    let gap = start..start + HEADER_BYTES;
    out.splice(gap, header[..used].iter().copied());
}

/// The framed bytes of `value`.
pub fn encode<T: Framed>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    write(value, &mut out);
    out
}

/// Takes the next frame off the front of `input`.
pub fn read<'a>(input: &mut &'a [u8]) -> Result<Frame<'a>, FrameError> {
    let kind = take_varint(input)?;
    let version = take_varint(input)?;
    // Versions are counted from 1.
    if version == 0 {
        return Err(FrameError::Header);
    }
    let length = take_varint(input)? as usize;
    if input.len() < length {
        return Err(FrameError::Truncated);
    }
    let (body, rest) = input.split_at(length);
    *input = rest;
    Ok(Frame { kind, version, body })
}

impl Frame<'_> {
    /// Decodes the body as a `T`.
    pub fn decode<T: Framed>(&self) -> Result<T, FrameError> {
        let Self { kind, version, body } = *self;
        if kind != T::KIND {
            return Err(FrameError::UnknownKind { kind, version });
        }
        if version > T::VERSION {
            return Err(FrameError::NewerVersion { kind, version, supported: T::VERSION });
        }
        let appended = T::appended_since(version);
        let body = match appended {
            0 => Cow::Borrowed(body),
            _ => Cow::Owned([body, &vec![0; appended]].concat()),
        };
        let (value, used) = bincode::decode_from_slice(&body, config())
            .map_err(|source| FrameError::Body { kind, source })?;
        match body.len() - used {
            0 => Ok(value),
            left => Err(FrameError::Trailing(left)),
        }
    }
}

/// Decodes bytes that hold exactly one framed `T`.
pub fn decode<T: Framed>(mut input: &[u8]) -> Result<T, FrameError> {
    let value = read(&mut input)?.decode()?;
    match input.len() {
        0 => Ok(value),
        left => Err(FrameError::Trailing(left)),
    }
}

/// Writes `number` in 7-bit groups, least significant first; returns the bytes used.
fn put_varint(mut number: u32, out: &mut [u8]) -> usize {
    let mut used = 0;
    while number >= 0x80 {
        out[used] = (number & 0x7f) as u8 | 0x80;
        number >>= 7;
        used += 1;
    }
    out[used] = number as u8;
    used + 1
}

fn take_varint(input: &mut &[u8]) -> Result<u32, FrameError> {
    let mut number = 0_u32;
    for group in 0..5 {
        let (&byte, rest) = input.split_first().ok_or(FrameError::Truncated)?;
        *input = rest;
        let bits = u32::from(byte & 0x7f);
        if group == 4 && bits > 0x0f {
            return Err(FrameError::Header);
        }
        number |= bits << (7 * group);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(FrameError::Header)
}

/// Declares the frame of each listed type: its kind and its version.
#[macro_export]
macro_rules! framed {
    ($($name:ty = $kind:literal, $version:literal;)*) => {
        $(impl $crate::envelope::Framed for $name {
            const KIND: u32 = $kind;
            const VERSION: u32 = $version;
        })*
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Sample(u64, Vec<u8>);
    framed! { Sample = 300, 2; }

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Older(u64, Vec<u8>);
    framed! { Older = 300, 1; }

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Longer(u64, Vec<u8>, Option<u8>, Vec<u8>);

    impl Framed for Longer {
        const KIND: u32 = 300;
        const VERSION: u32 = 3;

        fn appended_since(version: u32) -> usize {
            if version < 3 { 2 } else { 0 }
        }

        fn written_as(&self) -> u32 {
            if self.2.is_none() && self.3.is_empty() { 2 } else { 3 }
        }
    }

    #[test]
    fn a_value_is_written_in_the_oldest_version_that_holds_it() {
        let bytes = encode(&Longer(5, vec![1], None, vec![]));
        assert_eq!(decode::<Sample>(&bytes).expect("decodes"), Sample(5, vec![1]));
        let newest = Longer(5, vec![1], None, vec![3]);
        assert_eq!(decode::<Longer>(&encode(&newest)).expect("decodes"), newest);
        assert!(decode::<Sample>(&encode(&newest)).is_err_and(|error| error.is_newer_format()));
    }

    #[test]
    fn fields_that_were_appended_later_are_empty_in_what_is_older() {
        let older = encode(&Older(5, vec![1]));
        let expect = Longer(5, vec![1], None, vec![]);
        assert_eq!(decode::<Longer>(&older).expect("decodes"), expect);
        let cut = older[..older.len() - 1].to_vec();
        assert!(decode::<Longer>(&cut).is_err(), "what is cut is not taken for older");
        let newest = Longer(5, vec![1], Some(2), vec![3]);
        assert_eq!(decode::<Longer>(&encode(&newest)).expect("decodes"), newest);
    }

    #[test]
    fn a_value_survives_its_frame() {
        for size in [0, 1, 127, 128, 20_000] {
            let value = Sample(u64::MAX, vec![7; size]);
            assert_eq!(decode::<Sample>(&encode(&value)).expect("decodes"), value);
        }
    }

    #[test]
    fn frames_follow_each_other() {
        let mut bytes = encode(&Sample(1, vec![]));
        write(&Sample(2, vec![9]), &mut bytes);
        let mut rest = &bytes[..];
        assert_eq!(read(&mut rest).and_then(|f| f.decode::<Sample>()).expect("first").0, 1);
        assert_eq!(read(&mut rest).and_then(|f| f.decode::<Sample>()).expect("second").0, 2);
        assert!(rest.is_empty());
    }

    #[test]
    fn every_proper_prefix_is_refused() {
        let bytes = encode(&Sample(5, vec![1, 2, 3]));
        for end in 0..bytes.len() {
            assert!(decode::<Sample>(&bytes[..end]).is_err(), "prefix of {end} bytes");
        }
    }

    #[test]
    fn a_newer_version_is_named_not_guessed() {
        let error = decode::<Older>(&encode(&Sample(1, vec![]))).expect_err("newer");
        assert!(error.is_newer_format());
        assert_eq!(error.to_string(), "kind 300 has version 2, this build reads up to 1");
    }

    #[test]
    fn a_version_that_never_was_is_damage() {
        let mut bytes = encode(&Older(1, vec![]));
        assert_eq!(bytes[2], 1, "the kind takes two bytes");
        bytes[2] = 0;
        let error = decode::<Older>(&bytes).expect_err("no version");
        assert!(matches!(error, FrameError::Header) && !error.is_newer_format(), "{error}");
    }

    #[test]
    fn an_absurd_length_costs_no_memory() {
        let mut bytes = encode(&Sample(1, vec![]));
        bytes.truncate(bytes.len() - 1);
        bytes.push(0xfd);
        bytes.extend([0xff; 8]);
        assert!(decode::<Sample>(&bytes).is_err());
    }
}
