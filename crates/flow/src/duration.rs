//! Durations as definitions write them: ISO 8601 (`PT1.5S`, `P1DT2H`, `P2W`) or an object
//! (`{hours: 1, minutes: 30}`).
//!
//! Years and months are refused: their length depends on the calendar.

use std::time::Duration;

use flowmill_model::limits;

use crate::source::{Item, ItemValue};

const FORM: &str = "write an ISO 8601 duration such as PT5S, PT1M30S or P1DT2H, \
                    or an object such as {minutes: 1, seconds: 30}";

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The object form's fields with their length in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("days", DAY), ("hours", HOUR), ("minutes", MINUTE), ("seconds", SECOND), ("milliseconds", 1)];

/// A text or object that is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDuration {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

fn invalid<T>(message: impl Into<String>, help: &str) -> Result<T, InvalidDuration> {
    Err(InvalidDuration { message: message.into(), help: help.to_owned() })
}

/// Reads either form.
pub fn read(item: &Item) -> Result<Duration, InvalidDuration> {
    match &item.value {
        ItemValue::Text(text) => parse(text),
        ItemValue::Map(entries) => {
            let parts = entries.iter().map(|entry| (entry.key.as_str(), &entry.value.value));
            from_parts(parts)
        }
        ItemValue::Null | ItemValue::Bool(_) | ItemValue::Number(_) | ItemValue::List(_) => {
            invalid(format!("{} is no duration", item.value.kind()), FORM)
        }
    }
}

fn from_parts<'a>(
    parts: impl Iterator<Item = (&'a str, &'a ItemValue)>,
) -> Result<Duration, InvalidDuration> {
    let mut millis = 0_u64;
    let mut given = false;
    for (name, value) in parts {
        let Some((_, unit)) = UNITS.iter().find(|(unit, _)| *unit == name) else {
            let known = "the units are days, hours, minutes, seconds and milliseconds";
            return invalid(format!("`{name}` is no unit of time"), known);
        };
        let number = if let ItemValue::Number(text) = value { text.parse().ok() } else { None };
        let Some(number) = number else {
            return invalid(format!("`{name}` must be a whole number, not negative"), FORM);
        };
        millis = millis.saturating_add(unit.saturating_mul(number));
        given = true;
    }
    if !given {
        return invalid("an empty object is no duration", FORM);
    }
    bounded(millis)
}

/// Reads ISO 8601.
pub(crate) fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let not_one =
        || invalid(format!("`{}` is no duration", crate::diagnostic::excerpt(text)), FORM);
    let Some(rest) = text.strip_prefix('P') else { return not_one() };
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return not_one(),
        Some((date, time)) => (date, time),
        None if rest.is_empty() => return not_one(),
        None => (rest, ""),
    };
    if date.contains(['Y', 'M']) {
        let help = "years and months differ in length: write days or weeks";
        return invalid(
            format!("`{}` has years or months", crate::diagnostic::excerpt(text)),
            help,
        );
    }
    let date = designated(date, &[('W', 7 * DAY), ('D', DAY)]);
    let time = designated(time, &[('H', HOUR), ('M', MINUTE), ('S', SECOND)]);
    match (date, time) {
        (Some(date), Some(time)) => bounded(date.saturating_add(time)),
        (_, None) | (None, _) => not_one(),
    }
}

fn bounded(millis: u64) -> Result<Duration, InvalidDuration> {
    let duration = Duration::from_millis(millis);
    if duration > limits::DURATION {
        return invalid("the duration is longer than ten years", "use at most P3660D");
    }
    Ok(duration)
}

/// The milliseconds of `text`: numbers, each followed by one of `units`, in their order. Only
/// seconds may have a fraction.
fn designated(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut millis = 0_u64;
    for &(designator, unit) in units {
        let Some((number, rest)) = text.split_once(designator) else { continue };
        let part = match designator {
            'S' => seconds(number)?,
            _ => whole(number)?.saturating_mul(unit),
        };
        millis = millis.saturating_add(part);
        text = rest;
    }
    text.is_empty().then_some(millis)
}

fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Milliseconds of a number of seconds, rounded up: a timer is never early.
fn seconds(text: &str) -> Option<u64> {
    let (number, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let number = whole(number)?.saturating_mul(SECOND);
    whole(fraction)?;
    let mut millis = 0;
    for place in 0..3 {
        millis =
            millis * 10 + fraction.as_bytes().get(place).map_or(0, |digit| u64::from(digit - b'0'));
    }
    let more = fraction.bytes().skip(3).any(|digit| digit != b'0');
    Some(number.saturating_add(millis + u64::from(more)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_8601_durations_are_read() {
        let check = |text: &str, millis: u64| {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        };
        check("PT5S", 5_000);
        check("PT0S", 0);
        check("PT1M30S", 90_000);
        check("P1DT2H", 93_600_000);
        check("P2W", 1_209_600_000);
        check("PT0.25S", 250);
        check("PT1,5S", 1_500);
        check("PT0.0001S", 1);
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_form() {
        let texts = [
            "", "P", "PT", "5S", "PT5", "P5S", "PT-5S", "PT5S5M", "PT1H2H", "P1.5D", "PT.5S",
            "PT5.S", "pt5s", "PT5S ", "PTS", "P1DT",
        ];
        for text in texts {
            let error = parse(text).expect_err(text);
            assert!(error.help.contains("PT1M30S"), "{text}: {}", error.help);
        }
    }

    #[test]
    fn months_and_absurd_lengths_are_refused_with_a_reason() {
        assert!(parse("P1M").expect_err("months").help.contains("days or weeks"));
        assert!(parse("P1Y").expect_err("years").help.contains("days or weeks"));
        for text in ["P3661D", "PT99999999999999999999S", "P99999999999999999999W"] {
            assert!(parse(text).expect_err(text).message.contains("ten years"), "{text}");
        }
    }
}
