//! Texts of bytes in base 64 and base 32.

use crate::fault::Outcome;
use crate::meter::Meter;
use crate::value::{Text, Value};

use super::unfit;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) fn encode64(text: &str, meter: &mut Meter) -> Outcome<String> {
    encode(text, BASE64, 6, 4, meter)
}

pub(super) fn encode32(text: &str, meter: &mut Meter) -> Outcome<String> {
    encode(text, BASE32, 5, 8, meter)
}

/// Writes each `bits` bits as a digit, and fills up to a multiple of `group` digits.
fn encode(
    text: &str,
    digits: &[u8],
    bits: u32,
    group: usize,
    meter: &mut Meter,
) -> Outcome<String> {
    meter.text(text.len().saturating_mul(2))?;
    meter.steps(text.len() / 8)?;
    let mut out = String::with_capacity(text.len() * 2);
    let (mut held, mut count) = (0_u32, 0);
    for byte in text.bytes() {
        held = (held << 8 | u32::from(byte)) & 0xffff;
        count += 8;
        while count >= bits {
            count -= bits;
            out.push(digit(digits, held >> count, bits));
        }
    }
    if count > 0 {
        out.push(digit(digits, held << (bits - count), bits));
    }
    while !out.len().is_multiple_of(group) {
        out.push('=');
    }
    Ok(out)
}

fn digit(digits: &[u8], value: u32, bits: u32) -> char {
    char::from(digits[(value & ((1 << bits) - 1)) as usize])
}

pub(super) fn decode64(text: &Text, meter: &mut Meter) -> Outcome<String> {
    decode(text, BASE64, 6, "base64", meter)
}

pub(super) fn decode32(text: &Text, meter: &mut Meter) -> Outcome<String> {
    decode(text, BASE32, 5, "base32", meter)
}

/// Reads digits; what is not UTF-8 then is replaced.
fn decode(text: &Text, digits: &[u8], bits: u32, name: &str, meter: &mut Meter) -> Outcome<String> {
    meter.text(text.len().saturating_mul(2))?;
    meter.steps(text.len() / 8)?;
    let mut values = [u8::MAX; 256];
    for (value, digit) in (0..).zip(digits) {
        values[usize::from(*digit)] = value;
    }
    let digits = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len());
    let (mut held, mut count) = (0_u32, 0);
    for byte in digits.bytes() {
        let value = values[usize::from(byte)];
        if value == u8::MAX {
            let what = format!("is not valid {name} data");
            return unfit(&Value::String(text.clone()), &what);
        }
        held = (held << bits | u32::from(value)) & 0xffff;
        count += bits;
        if count >= 8 {
            count -= 8;
            out.push((held >> count & 0xff) as u8);
        }
    }
    if bits == 6 && digits.len() % 4 == 1 {
        return unfit(&Value::String(text.clone()), "trailing base64 byte found");
    }
    Ok(String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
