//! Times as text.

use std::fmt::Write;

use super::calendar::{MONTHS, Time, WEEKDAYS};

/// A time written as a format says. Unknown directives stay as they are.
pub(super) fn text(time: &Time, format: &str) -> String {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some(directive) => put(time, directive, &mut out),
            None => out.push('%'),
        }
    }
    out
}

fn put(time: &Time, directive: char, out: &mut String) {
    let (iso_year, iso_week) = time.iso_week();
    let twelve = |hour: i64| (hour + 11).rem_euclid(12) + 1;
    let half = if time.hour < 12 { "AM" } else { "PM" };
    let written = match directive {
        'Y' => write!(out, "{}", time.year),
        'C' => write!(out, "{:02}", time.year.div_euclid(100)),
        'y' => write!(out, "{:02}", time.year.rem_euclid(100)),
        'm' => write!(out, "{:02}", time.month + 1),
        'd' => write!(out, "{:02}", time.day),
        'e' => write!(out, "{:2}", time.day),
        'H' => write!(out, "{:02}", time.hour),
        'k' => write!(out, "{:2}", time.hour),
        'I' => write!(out, "{:02}", twelve(time.hour)),
        'l' => write!(out, "{:2}", twelve(time.hour)),
        'M' => write!(out, "{:02}", time.minute),
        'S' => write!(out, "{:02}", time.second.floor() as i64),
        'j' => write!(out, "{:03}", time.yearday + 1),
        'p' => write!(out, "{half}"),
        'P' => write!(out, "{}", half.to_ascii_lowercase()),
        'A' => write!(out, "{}", name(&WEEKDAYS, time.weekday)),
        'a' => write!(out, "{:.3}", name(&WEEKDAYS, time.weekday)),
        'B' => write!(out, "{}", name(&MONTHS, time.month)),
        'b' | 'h' => write!(out, "{:.3}", name(&MONTHS, time.month)),
        'u' => write!(out, "{}", (time.weekday + 6).rem_euclid(7) + 1),
        'w' => write!(out, "{}", time.weekday),
        'G' => write!(out, "{iso_year}"),
        'g' => write!(out, "{:02}", iso_year.rem_euclid(100)),
        'V' => write!(out, "{iso_week:02}"),
        'U' => write!(out, "{:02}", (time.yearday + 7 - time.weekday) / 7),
        'W' => write!(out, "{:02}", (time.yearday + 7 - (time.weekday + 6).rem_euclid(7)) / 7),
        's' => write!(out, "{}", time.seconds()),
        'Z' => write!(out, "UTC"),
        'z' => write!(out, "+0000"),
        'n' => out.write_char('\n'),
        't' => out.write_char('\t'),
        '%' => out.write_char('%'),
        _ => return put_many(time, directive, out),
    };
    written.expect("writing to memory does not fail");
}

/// Directives that stand for others.
fn put_many(time: &Time, directive: char, out: &mut String) {
    let format = match directive {
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'R' => "%H:%M",
        'T' | 'X' => "%H:%M:%S",
        'r' => "%I:%M:%S %p",
        'c' => "%a %b %e %H:%M:%S %Y",
        _ => {
            out.push('%');
            return out.push(directive);
        }
    };
    out.push_str(&text(time, format));
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("?")
}
