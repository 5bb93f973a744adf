//! Durations on the command line.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads a duration such as `30s`, `500ms`, `1h30m` or `PT30S`.
///
/// # Errors
/// Says what a duration looks like.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| "use a duration such as 30s, 500ms, 1h30m or PT30S".to_owned())
}

/// Shows a duration with three digits that matter and a unit that fits, such as `12.3 ms`.
pub(crate) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 100.0 => return format!("{s:.0} s"),
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    match value {
        v if v >= 100.0 => format!("{v:.0} {unit}"),
        v if v >= 10.0 => format!("{v:.1} {unit}"),
        v => format!("{v:.2} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_either_spelling() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(parse(text).ok(), expect.map(Duration::from_millis), "{text}");
        };
        check("30s", Some(30_000));
        check("1h30m", Some(5_400_000));
        check("PT0.5S", Some(500));
        for text in ["", "30", "-1s", "soon"] {
            check(text, None);
        }
    }

    #[test]
    fn durations_are_shown_with_three_digits() {
        let check = |micros, expect: &str| assert_eq!(show(Duration::from_micros(micros)), expect);
        check(7, "7.00 µs");
        check(1_234, "1.23 ms");
        check(12_345, "12.3 ms");
        check(123_456, "123 ms");
        check(4_200_000, "4.20 s");
        check(250_000_000, "250 s");
    }
}
