//! Points in time as expressions give them.
//!
//! Read here and not with a library of calendars, because this crate must hold nothing that could
//! ask a clock or a time zone. Leap seconds count as the second that follows.

use flowmill_model::Timestamp;

use crate::json::Json;

/// The last point in time that RFC 3339 can write, in seconds since 1970.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// Reads RFC 3339 text, or seconds since 1970.
pub(super) fn read(value: &Json) -> Option<Timestamp> {
    if let Some(text) = value.as_str() {
        return rfc_3339(text);
    }
    let seconds = value.as_f64().filter(|seconds| (0.0..=LAST_SECOND).contains(seconds))?;
    Some(Timestamp::from_millis((seconds * 1_000.0).ceil() as u64))
}

/// Reads RFC 3339 (`2026-01-02T03:04:05.678+01:00`), fractions of a millisecond rounded up: a
/// timer is never early. Times before 1970 are its beginning.
fn rfc_3339(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone_at);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let fraction_millis = fraction_millis(fraction)?;
    let offset = zone_seconds(zone)?;
    let days = days_from_civil(year, month, day);
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    let millis = seconds * 1_000 + fraction_millis;
    in_range.then(|| Timestamp::from_millis(u64::try_from(millis).unwrap_or_default()))
}

/// The numbers in `text`, separated by `separator`, each of so many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        let well_formed = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        *number = if well_formed { part.parse().ok()? } else { return None };
    }
    parts.next().is_none().then_some(found)
}

fn fraction_millis(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digit = |place: usize| fraction.as_bytes().get(place).map_or(0, |d| i64::from(d - b'0'));
    let more = fraction.bytes().skip(3).any(|digit| digit != b'0');
    Some(digit(0) * 100 + digit(1) * 10 + digit(2) + i64::from(more))
}

/// Seconds east of Greenwich.
fn zone_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes, _] = numbers(&format!("{}:00", zone.get(1..)?), ':', [2, 2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_read_in_any_zone() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(rfc_3339(text).map(Timestamp::as_millis), expect, "{text}");
        };
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-01-02T03:04:05.678Z", Some(1_767_323_045_678));
        check("2026-01-02T04:04:05.678+01:00", Some(1_767_323_045_678));
        check("2026-01-01T22:04:05-05:00", Some(1_767_323_045_000));
        check("2024-02-29 00:00:00Z", Some(1_709_164_800_000));
        check("2026-01-02T03:04:05.6780001Z", Some(1_767_323_045_679));
        check("1969-12-31T23:59:59Z", Some(0));
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2023-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00+01:00:00",
            "-026-01-01T00:00:00Z",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn seconds_since_1970_are_a_point_in_time_too() {
        let check = |json: &str, expect: Option<u64>| {
            let value = Json::parse(json.as_bytes()).expect(json);
            assert_eq!(read(&value).map(Timestamp::as_millis), expect, "{json}");
        };
        check("1767323045", Some(1_767_323_045_000));
        check("1.5", Some(1_500));
        check("-1", None);
        check("1e300", None);
        check("null", None);
    }
}
