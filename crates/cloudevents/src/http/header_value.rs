//! The value of an attribute in a header: visible ASCII, everything else percent-encoded.

use std::fmt::Write;

/// The text of an attribute as a header carries it.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'%' => push_encoded(&mut out, byte),
            0x21..=0x7e => out.push(char::from(byte)),
            _ => push_encoded(&mut out, byte),
        }
    }
    out
}

fn push_encoded(out: &mut String, byte: u8) {
    write!(out, "%{byte:02X}").expect("a string takes everything");
}

/// The text that a header carries; `None` when it is not UTF-8 once it is decoded. A value in
/// quotes, as earlier senders wrote it, stands for what is between them. A `%` that begins no
/// encoded byte stands for itself.
pub(super) fn decode(value: &str) -> Option<String> {
    let unquoted = unquote(value.trim());
    let mut rest = unquoted.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((byte, after)) = rest.split_first() {
        let encoded = (*byte == b'%').then(|| hex(after)).flatten();
        out.push(encoded.unwrap_or(*byte));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(out).ok()
}

/// The byte that two hexadecimal digits stand for.
fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

fn unquote(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return value.to_owned() };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_visible_ascii_is_encoded() {
        let check = |text: &str, encoded: &str| {
            assert_eq!(encode(text), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(text));
        };
        check("/my/source?a=b", "/my/source?a=b");
        check("Euro \u{20ac} \u{1f600}", "Euro%20%E2%82%AC%20%F0%9F%98%80");
        check("\"50%\"\n", "%2250%25%22%0A");
    }

    #[test]
    fn what_others_send_is_read() {
        assert_eq!(decode("%e2%82%ac").as_deref(), Some("\u{20ac}"));
        assert_eq!(decode("\"a \\\"b\\\"\"").as_deref(), Some("a \"b\""));
        assert_eq!(decode("100%").as_deref(), Some("100%"));
        assert_eq!(decode("%zz").as_deref(), Some("%zz"));
        assert_eq!(decode("%ff"), None);
    }
}
