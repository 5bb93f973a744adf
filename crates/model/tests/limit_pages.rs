//! docs/how-to/limits.md lists every limit with its value and its reason.

use std::fs;
use std::path::Path;
use std::time::Duration;

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The product that a constant is written as.
fn product(text: &str) -> u64 {
    let factors = text.split('*').map(|factor| factor.trim().replace('_', ""));
    factors.map(|factor| factor.parse::<u64>().expect("a number")).product()
}

fn duration(text: &str) -> Duration {
    let text = text.strip_prefix("Duration::from_").expect("a duration");
    let (unit, rest) = text.split_once('(').expect("a call");
    let number = product(rest.trim_end_matches(')'));
    match unit {
        "millis" => Duration::from_millis(number),
        "secs" => Duration::from_secs(number),
        _ => panic!("a duration in {unit}"),
    }
}

/// The largest unit in which the number is whole.
fn whole(number: u64, units: &[(u64, &str)]) -> String {
    let fitting = |(size, _): &&(u64, &str)| number.is_multiple_of(*size);
    let (size, unit) = units.iter().find(fitting).expect("the smallest unit always fits");
    format!("{} {unit}", grouped(number / size))
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let begins_group = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if begins_group(at) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn shown(name: &str, value: &str) -> String {
    if value.starts_with("Duration") {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
        return whole(u64::try_from(duration(value).as_millis()).expect("it fits"), &units);
    }
    if name.contains("BYTES") {
        return whole(product(value), &[(1 << 20, "MiB"), (1 << 10, "KiB"), (1, "bytes")]);
    }
    grouped(product(value))
}

/// One row of the list for every constant of the source: its name, value and comment.
fn rows() -> Vec<String> {
    let (mut rows, mut comment) = (Vec::new(), Vec::new());
    let source = read("src/limits.rs");
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text.replace("[`crate::", "`").replace("[`", "`").replace("`]", "`"));
        } else if let Some(constant) = line.strip_prefix("pub const ") {
            let (name, rest) = constant.split_once(": ").expect("a type");
            let (_, value) = rest.split_once(" = ").expect("a value on the same line");
            let value = shown(name, value.trim_end_matches(';'));
            rows.push(format!("| `{name}` | {value} | {} |", comment.join(" ")));
            comment.clear();
        }
    }
    rows
}

#[test]
fn the_list_has_every_limit_with_its_value_and_reason() {
    let page = read("../../docs/how-to/limits.md");
    let listed: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let rows = rows();
    assert!(rows.len() > 50, "the source is read");
    let missing: Vec<_> = rows.iter().filter(|row| !listed.contains(&row.as_str())).collect();
    let old: Vec<_> = listed.iter().filter(|row| !rows.iter().any(|r| r == *row)).collect();
    let message = "docs/how-to/limits.md: add these rows, remove those";
    assert!(missing.is_empty() && old.is_empty(), "{message}:\n{missing:#?}\n{old:#?}");
}

#[test]
fn a_value_is_shown_in_its_largest_whole_unit() {
    let check = |name: &str, value: &str, expect: &str| assert_eq!(shown(name, value), expect);
    check("BODY_BYTES", "1024 * 1024", "1 MiB");
    check("QUOTED_BYTES", "512", "512 bytes");
    check("WAIT", "Duration::from_millis(1_500)", "1,500 ms");
    check("KEPT", "Duration::from_secs(7 * 24 * 60 * 60)", "7 d");
    check("ENTRIES", "10_000", "10,000");
}
