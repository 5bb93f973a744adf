//! YAML text to a tree, with the types of YAML 1.2's core schema.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use crate::diagnostic::{Diagnostic, DiagnosticCode, Finding, Place, excerpt};

use super::builder::Builder;
use super::{Item, ItemValue, too_deep};

pub(super) fn read(text: &str) -> Result<Item, Vec<Diagnostic>> {
    let mut builder = Builder::default();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| vec![syntax(&error, builder.pointer())])?;
        let place = place_of(span.start);
        if let Event::DocumentStart(_) = event {
            documents += 1;
        }
        let refused = if documents > 1 { Some("a second document") } else { unsupported(&event) };
        if let Some(what) = refused {
            return Err(vec![not_used(what).at(place, builder.pointer())]);
        }
        step(&mut builder, event, place).map_err(|error| vec![error])?;
    }
    builder.finish()
}

/// What of YAML an event needs that definitions do not use.
fn unsupported(event: &Event<'_>) -> Option<&'static str> {
    let (anchor, tag) = match event {
        Event::Alias(_) => return Some("an alias (`*name`)"),
        Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
        Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
            (*anchor, tag.is_some())
        }
        Event::Nothing
        | Event::StreamStart
        | Event::StreamEnd
        | Event::DocumentStart(_)
        | Event::DocumentEnd
        | Event::SequenceEnd
        | Event::MappingEnd => return None,
    };
    match (anchor, tag) {
        (0, false) => None,
        (0, true) => Some("a tag (`!name`)"),
        _ => Some("an anchor (`&name`)"),
    }
}

fn not_used(what: &str) -> Finding {
    let message = format!("{what} stands in the definition; definitions do not use it");
    Finding::new(DiagnosticCode::UnsupportedYaml, message, "write the value out where it is needed")
}

fn step(builder: &mut Builder, event: Event<'_>, place: Place) -> Result<(), Diagnostic> {
    let wants_key = builder.wants_key();
    match event {
        Event::Scalar(text, _, _, _) if wants_key => builder.key(text.into_owned(), place),
        Event::Scalar(text, style, _, _) => {
            let value = scalar(&text, style).map_err(|f| f.at(place, builder.pointer()))?;
            builder.value(value, place);
        }
        Event::SequenceStart(..) | Event::MappingStart(..) if wants_key => {
            let message = "a key is a list or an object";
            let finding = Finding::new(DiagnosticCode::Syntax, message, "use a string as the key");
            return Err(finding.at(place, builder.pointer()));
        }
        Event::SequenceStart(..) => builder.open_list(place)?,
        Event::MappingStart(..) => builder.open_map(place)?,
        Event::SequenceEnd | Event::MappingEnd => builder.close(),
        Event::Nothing
        | Event::StreamStart
        | Event::StreamEnd
        | Event::DocumentStart(_)
        | Event::DocumentEnd
        | Event::Alias(_) => {}
    }
    Ok(())
}

/// What the parser objects to. It resolves aliases itself and bounds nesting itself, so these two
/// come as errors of syntax, too.
fn syntax(error: &ScanError, pointer: String) -> Diagnostic {
    let finding = if error.info().contains("unknown anchor") {
        not_used("an alias (`*name`)")
    } else if error.info().contains("recursion limit") {
        too_deep()
    } else {
        let message = format!("the text is no YAML: {}", excerpt(error.info()));
        let help = "correct the text there; mind the indentation, and quote strings that hold \
                    `: ` or ` #`";
        Finding::new(DiagnosticCode::Syntax, message, help)
    };
    finding.at(place_of(*error.marker()), pointer)
}

fn place_of(marker: Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

/// A scalar's value: quoted and block scalars are strings, plain ones what they look like.
fn scalar(text: &str, style: ScalarStyle) -> Result<ItemValue, Finding> {
    if style != ScalarStyle::Plain {
        return Ok(ItemValue::Text(text.to_owned()));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => ItemValue::Null,
        "true" | "True" | "TRUE" => ItemValue::Bool(true),
        "false" | "False" | "FALSE" => ItemValue::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Err(no_number(text)),
        _ if is_infinity(text) => return Err(no_number(text)),
        _ => match number(text) {
            Some(number) => ItemValue::Number(number),
            None => ItemValue::Text(text.to_owned()),
        },
    })
}

fn no_number(text: &str) -> Finding {
    let message = format!("`{text}` has no form in JSON");
    Finding::new(DiagnosticCode::InvalidValue, message, "quote it if it is meant as a string")
}

fn is_infinity(text: &str) -> bool {
    matches!(text.trim_start_matches(['-', '+']), ".inf" | ".Inf" | ".INF")
}

/// A number of the core schema in JSON's form.
fn number(text: &str) -> Option<String> {
    let radix = |digits: &str, radix| {
        let digit = |c: char| c.is_digit(radix);
        if digits.is_empty() || !digits.chars().all(digit) {
            return None;
        }
        u64::from_str_radix(digits, radix).ok().map(|number| number.to_string())
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.map(|exponent| exponent.trim_start_matches(['+', '-']));
    let well_formed = all_digits(whole)
        && all_digits(fraction)
        && whole.len() + fraction.len() > 0
        && exponent_digits.is_none_or(|digits| !digits.is_empty() && all_digits(digits))
        && exponent.is_none_or(|all| all.len() - exponent_digits.map_or(0, str::len) <= 1);
    if !well_formed {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    let exponent = exponent.map_or(String::new(), |exponent| format!("e{exponent}"));
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_what_the_core_schema_says() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(number(text).as_deref(), expect, "{text}");
        };
        check("12", Some("12"));
        check("-012", Some("-12"));
        check("+1", Some("1"));
        check("0", Some("0"));
        check("0x1F", Some("31"));
        check("0o17", Some("15"));
        check(".5", Some("0.5"));
        check("1.", Some("1"));
        check("1.50", Some("1.50"));
        check("1e3", Some("1e3"));
        check("-1.5E-7", Some("-1.5e-7"));
        for text in
            ["", ".", "-", "1.0.0", "1_000", "0x", "0xg", "1e", "1e+", "1e--3", "e3", "12a", "--1"]
        {
            check(text, None);
        }
    }
}
