//! What a node does.

use std::time::Duration;

use flowmill_model::{PortIndex, Problem, Queue, Timestamp};

use crate::expression::{Expression, ExpressionFault, FaultKind, Scope};
use crate::json::Json;
use crate::template::{RequestTemplate, Template};

/// What a node does with a token.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Passes the execution's input on.
    Start,
    /// Takes a value as the execution's output.
    End,
    /// Passes a value on if a condition holds.
    Filter {
        /// The condition.
        condition: Expression,
    },
    /// Passes on what an expression makes of a value.
    Map {
        /// The expression.
        expression: Expression,
    },
    /// Passes a value to the port of the first case that holds.
    Switch {
        /// The cases, in their order.
        cases: Vec<SwitchCase>,
        /// The port taken when none holds; without it the value is dropped.
        default: Option<PortIndex>,
    },
    /// Joins branches.
    Merge {
        /// When it passes a value on.
        mode: MergeMode,
    },
    /// Passes a value on later.
    Wait(Wait),
    /// Waits for a signal and passes its content on.
    Signal {
        /// The signal's name.
        name: Queue,
        /// How long it waits before it fails.
        timeout: Option<Duration>,
    },
    /// Faults the execution.
    Fail {
        /// With which error.
        error: ErrorTemplate,
    },
    /// Has a worker run a task.
    Task {
        /// Which handler runs it.
        task_type: Queue,
        /// The handler's input.
        input: Template,
        /// The queue that carries it.
        queue: Queue,
    },
    /// Has a worker make an HTTP request.
    HttpRequest {
        /// The request.
        request: RequestTemplate,
        /// The queue that carries it.
        queue: Queue,
    },
}

/// One case of a switch.
#[derive(Clone, Debug)]
pub struct SwitchCase {
    /// Its name, and its port's.
    pub name: String,
    /// When it is taken.
    pub when: Expression,
    /// Its port.
    pub port: PortIndex,
}

/// When a merge passes a value on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMode {
    /// When every branch has come or ended.
    All,
    /// With the first branch that comes.
    Any,
}

/// Until when a node waits.
#[derive(Clone, Debug)]
pub enum Wait {
    /// For this long.
    For(Duration),
    /// Until the time an expression gives.
    Until(Expression),
}

/// The error of a `fail` node.
#[derive(Clone, Debug)]
pub struct ErrorTemplate(Template);

impl NodeKind {
    /// The type's name in definitions.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
            Self::Filter { .. } => "filter",
            Self::Map { .. } => "map",
            Self::Switch { .. } => "switch",
            Self::Merge { .. } => "merge",
            Self::Wait(_) => "wait",
            Self::Signal { .. } => "signal",
            Self::Fail { .. } => "fail",
            Self::Task { .. } => "task",
            Self::HttpRequest { .. } => "http.request",
        }
    }

    /// Whether a worker does the node's work.
    pub const fn is_task(&self) -> bool {
        matches!(self, Self::Task { .. } | Self::HttpRequest { .. })
    }

    /// The expressions inside.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Start
            | Self::End
            | Self::Merge { .. }
            | Self::Wait(Wait::For(_))
            | Self::Signal { .. } => Vec::new(),
            Self::Filter { condition: expression }
            | Self::Map { expression }
            | Self::Wait(Wait::Until(expression)) => vec![expression],
            Self::Switch { cases, .. } => cases.iter().map(|case| &case.when).collect(),
            Self::Fail { error } => error.0.expressions(),
            Self::Task { input, .. } => input.expressions(),
            Self::HttpRequest { request, .. } => request.expressions(),
        }
    }
}

impl ErrorTemplate {
    pub(crate) const fn new(template: Template) -> Self {
        Self(template)
    }

    /// The error for `input`. `type` is `about:blank` and `status` 500 unless given.
    pub fn render(&self, input: &Json, scope: &Scope) -> Result<Problem, ExpressionFault> {
        let error = self.0.render(input, scope)?;
        let text = |field: &str| {
            let value = error.get(field).filter(|value| !value.is_null())?;
            Some(match value.as_str() {
                Some(text) => text.to_owned(),
                None => String::from_utf8_lossy(&value.to_bytes()).into_owned(),
            })
        };
        let kind = text("type").unwrap_or_else(|| "about:blank".to_owned());
        let title = text("title").unwrap_or_default();
        let mut problem = Problem::new(kind, status(&error)?, title);
        problem.detail = text("detail");
        Ok(problem)
    }
}

fn status(error: &Json) -> Result<u16, ExpressionFault> {
    const DEFAULT: u16 = 500;
    let Some(value) = error.get("status").filter(|value| !value.is_null()) else {
        return Ok(DEFAULT);
    };
    let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
    status.filter(|status| (100..600).contains(status)).ok_or_else(|| {
        let expected = "a status is a whole number from 100 to 599";
        ExpressionFault::new("status", FaultKind::unexpected(&value, expected))
    })
}

impl Wait {
    /// The point in time up to which a node waits that began at `now`.
    pub fn until(
        &self,
        now: Timestamp,
        input: &Json,
        scope: &Scope,
    ) -> Result<Timestamp, ExpressionFault> {
        match self {
            Self::For(duration) => Ok(now.after(*duration)),
            Self::Until(expression) => {
                let value = expression.evaluate(input, scope)?;
                point_in_time(&value).ok_or_else(|| {
                    let expected = "a time is RFC 3339 text such as 2026-01-02T03:04:05Z, \
                                    or seconds since 1970, not before and not after the year 9999";
                    expression.fault(FaultKind::unexpected(&value, expected))
                })
            }
        }
    }
}

/// The last point in time that RFC 3339 can write, in seconds since 1970.
const LAST_SECOND: f64 = 253_402_300_799.0;

fn point_in_time(value: &Json) -> Option<Timestamp> {
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
            assert_eq!(point_in_time(&value).map(Timestamp::as_millis), expect, "{json}");
        };
        check("1767323045", Some(1_767_323_045_000));
        check("1.5", Some(1_500));
        check("-1", None);
        check("1e300", None);
        check("null", None);
    }
}
