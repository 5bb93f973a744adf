//! The form of every stored value: a framed head, bytes the store does not look inside, and a
//! CRC32C of both.
//!
//! redb verifies its pages only when it repairs a file, so a row checks itself: a damaged state
//! is reported, never resumed.

use flowmill_model::envelope::{self, Frame, FrameError, Framed};

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;

/// Why a value cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnsealError {
    #[error("its checksum does not match")]
    Checksum,
    #[error("its head does not decode: {0}")]
    Head(#[from] FrameError),
}

/// Replaces `out` by the sealed form of `head` and `body`.
pub(super) fn seal<'o, T: Framed>(head: &T, body: &[u8], out: &'o mut Vec<u8>) -> &'o [u8] {
    out.clear();
    envelope::write(head, out);
    out.extend_from_slice(body);
    let checksum = crc32c::crc32c(out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The head and the body of a sealed value.
pub(super) fn unseal<T: Framed>(sealed: &[u8]) -> Result<(T, &[u8]), UnsealError> {
    let (frame, body) = open(sealed)?;
    Ok((frame.decode()?, body))
}

/// The head, not yet decoded, and the body of a sealed value.
pub(super) fn open(sealed: &[u8]) -> Result<(Frame<'_>, &[u8]), UnsealError> {
    let split = sealed.len().checked_sub(CHECKSUM_BYTES).ok_or(UnsealError::Checksum)?;
    let (mut content, checksum) = sealed.split_at(split);
    if crc32c::crc32c(content).to_le_bytes() != checksum {
        return Err(UnsealError::Checksum);
    }
    let head = envelope::read(&mut content)?;
    Ok((head, content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bincode::{Decode, Encode};
    use flowmill_model::framed;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Head(u64);
    framed! { Head = 900, 1; }

    #[test]
    fn a_sealed_value_gives_back_its_head_and_body() {
        let mut buffer = b"left over".to_vec();
        for body in [&b""[..], b"state"] {
            let (head, found) = unseal::<Head>(seal(&Head(7), body, &mut buffer)).expect("whole");
            assert_eq!((head, found), (Head(7), body));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut buffer = Vec::new();
        let sealed = seal(&Head(7), b"state", &mut buffer).to_vec();
        for end in 0..sealed.len() {
            assert!(unseal::<Head>(&sealed[..end]).is_err(), "cut to {end} bytes");
        }
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Head>(&damaged).is_err(), "bit {bit}");
        }
    }
}
