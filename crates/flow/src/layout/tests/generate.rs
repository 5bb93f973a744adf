//! Documents as people write them: any indentation, any quotes, comments everywhere.

use proptest::prelude::*;

/// What stands around an entry.
#[derive(Clone, Debug)]
struct Around {
    blanks: usize,
    before: bool,
    beside: bool,
}

#[derive(Clone, Debug)]
enum Part {
    /// On the rest of its line.
    Inline(String),
    /// A header and the lines below it.
    Lines(&'static str, Vec<String>),
    Map(Vec<(Around, String, Part)>),
    List(Vec<(Around, Part)>),
    /// A list in brackets over several lines.
    Brackets(Vec<(Around, String)>),
}

fn around() -> impl Strategy<Value = Around> {
    (0_usize..3, prop::bool::weighted(0.3), prop::bool::weighted(0.3))
        .prop_map(|(blanks, before, beside)| Around { blanks, before, beside })
}

fn key() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "flowmill",
        "document",
        "nodes",
        "connections",
        "id",
        "type",
        "parameters",
        "name",
        "input",
        "timeout",
        "method",
        "url",
        "body",
        "cases",
        "a",
        "\"b c\"",
        "'d'",
        "e-f",
        "expect",
        "if",
    ];
    prop::sample::select(KNOWN).prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "1",
        "1.50",
        "true",
        "~",
        "null",
        "map",
        "http.request",
        "a.out -> b.in",
        ".total > 100",
        "'it''s'",
        "\"a \\\" b\"",
        "'{a: \"b\"}'",
        "\"# no comment\"",
        "'# no comment'",
        "a#b",
        "\"\"",
        "\"\\u0007\\n\"",
        "é",
        "0x1F",
        "PT5S",
        "${ .a }",
    ];
    prop::sample::select(KNOWN).prop_map(str::to_owned)
}

fn flow() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map(key(), inner, 0..3).prop_map(|entries| {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{key}:  {value}")).collect();
                format!("{{{}}}", entries.join(" , "))
            }),
        ]
    })
}

fn lines() -> impl Strategy<Value = Part> {
    let header = prop::sample::select(&["|", "|-", "|+", ">", ">-"][..]);
    let line = prop::sample::select(&["one", "  two", "# text", "", "three: 3"][..]);
    (header, prop::collection::vec(line, 0..4)).prop_map(|(header, rest)| {
        let lines = std::iter::once("first").chain(rest).map(str::to_owned);
        Part::Lines(header, lines.collect())
    })
}

fn part() -> impl Strategy<Value = Part> {
    let brackets = prop::collection::vec((around(), flow()), 1..4).prop_map(Part::Brackets);
    let leaf = prop_oneof![4 => flow().prop_map(Part::Inline), 1 => lines(), 1 => brackets];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            map(inner.clone()),
            prop::collection::vec((around(), inner), 1..4).prop_map(Part::List)
        ]
    })
}

fn map(value: impl Strategy<Value = Part> + 'static) -> impl Strategy<Value = Part> {
    let entry = (around(), value);
    prop::collection::btree_map(key(), entry, 1..5).prop_map(|entries| {
        Part::Map(entries.into_iter().map(|(key, (around, value))| (around, key, value)).collect())
    })
}

/// The text of a document, in no order and in no layout.
pub(super) fn document() -> impl Strategy<Value = String> {
    (map(part()), 1_usize..5, any::<bool>()).prop_map(|(part, step, indentless)| {
        let mut text = Text { out: String::new(), step, indentless, comments: 0 };
        text.block(&part, 0);
        text.out
    })
}

struct Text {
    out: String,
    step: usize,
    indentless: bool,
    comments: usize,
}

impl Text {
    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# c{}", self.comments)
    }

    fn before(&mut self, around: &Around, indent: usize) {
        self.out.push_str(&"\n".repeat(around.blanks));
        if around.before {
            let comment = self.comment();
            self.out.push_str(&format!("{}{comment}\n", " ".repeat(indent)));
        }
    }

    fn end(&mut self, around: &Around) {
        if around.beside {
            let comment = self.comment();
            self.out.push_str(&format!(" {comment}"));
        }
        self.out.push('\n');
    }

    fn block(&mut self, part: &Part, indent: usize) {
        let spaces = " ".repeat(indent);
        match part {
            Part::Map(entries) => {
                for (around, key, value) in entries {
                    self.before(around, indent);
                    self.out.push_str(&format!("{spaces}{key}:"));
                    let indented = matches!(value, Part::List(_)) && self.indentless;
                    let inner = if indented { indent } else { indent + self.step };
                    self.value(value, around, indent, inner);
                }
            }
            Part::List(items) => {
                for (around, value) in items {
                    self.before(around, indent);
                    self.out.push_str(&format!("{spaces}-"));
                    self.value(value, around, indent, indent + self.step.max(2));
                }
            }
            Part::Inline(_) | Part::Lines(..) | Part::Brackets(_) => {}
        }
    }

    /// What stands behind a key or a dash at `outer`; what is below is at `inner`.
    fn value(&mut self, value: &Part, around: &Around, outer: usize, inner: usize) {
        match value {
            Part::Inline(text) => {
                self.out.push_str(&format!(" {text}"));
                self.end(around);
            }
            Part::Lines(header, lines) => {
                self.out.push_str(&format!(" {header}"));
                self.end(around);
                for line in lines {
                    let spaces = if line.is_empty() { 0 } else { outer + self.step.max(2) };
                    self.out.push_str(&format!("{}{line}\n", " ".repeat(spaces)));
                }
            }
            Part::Brackets(items) => {
                self.out.push_str(" [");
                self.end(around);
                for (around, item) in items {
                    self.before(around, inner);
                    self.out.push_str(&format!("{}{item},", " ".repeat(inner)));
                    self.end(around);
                }
                self.out.push_str(&format!("{}]\n", " ".repeat(inner)));
            }
            Part::Map(_) | Part::List(_) => {
                self.end(around);
                self.block(value, inner);
            }
        }
    }
}
