//! A type in a few words, for people.

use std::fmt::Write as _;

use flowmill_model::limits;

use crate::number::Num;
use crate::range::Range;
use crate::shape::{ArraySet, Branch, Lengths, ObjectSet, Set, Type};

impl Type {
    /// The type in short, such as `{id: string, lines?: [{price: number}]}`; at most
    /// [`limits::TYPE_TEXT_CHARS`] characters.
    ///
    /// `?` follows an optional field. An object has further fields unless it is written `{| |}`.
    /// What is checked beyond that follows in round brackets.
    pub fn describe(&self) -> String {
        let mut text = Text { out: String::new(), left: limits::TYPE_TEXT_CHARS - 1 };
        text.of_type(self);
        text.finish()
    }

    /// The first keyword in the type that is not understood.
    pub(crate) fn first_keyword(&self) -> Option<String> {
        if !self.is_opaque() {
            return None;
        }
        self.branches().iter().find_map(|branch| {
            let own = branch.marks.first().map(|mark| mark.keyword.to_string());
            own.or_else(|| match &branch.set {
                Set::Array(array) => array.types().find_map(Type::first_keyword),
                Set::Object(object) => object.types().find_map(Type::first_keyword),
                Set::Null
                | Set::Booleans(_)
                | Set::Range(_)
                | Set::Numbers(_)
                | Set::Lengths(_)
                | Set::Texts(_) => None,
            })
        })
    }
}

/// A text that stops to grow at its limit.
struct Text {
    out: String,
    left: usize,
}

impl Text {
    fn add(&mut self, text: &str) {
        for char in text.chars() {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            self.out.push(if char.is_control() { ' ' } else { char });
        }
    }

    const fn is_full(&self) -> bool {
        self.left == 0
    }

    fn finish(mut self) -> String {
        if self.is_full() {
            self.out.push('…');
        }
        self.out
    }

    fn of_type(&mut self, of: &Type) {
        if of.is_any() {
            return self.add("any");
        }
        if of.is_never() {
            return self.add("nothing");
        }
        for (index, branch) in of.branches().iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.add(if index > 0 { " | " } else { "" });
            self.of_branch(branch);
        }
    }

    fn of_branch(&mut self, branch: &Branch) {
        match &branch.set {
            Set::Null => self.add("null"),
            Set::Booleans(values) => self.of_booleans(values.iter().copied()),
            Set::Range(range) => self.of_range(range),
            Set::Numbers(numbers) => {
                self.of_list(numbers.iter().map(|number| number.to_value().to_string()));
            }
            Set::Lengths(lengths) => self.of_lengths(lengths),
            Set::Texts(texts) => {
                self.of_list(
                    texts.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()),
                );
            }
            Set::Array(array) => self.of_array(array),
            Set::Object(object) => self.of_object(object),
        }
        for (index, mark) in branch.marks.iter().enumerate() {
            self.add(if index == 0 { " (" } else { ", " });
            self.add(&mark.keyword);
        }
        self.add(if branch.marks.is_empty() { "" } else { ")" });
    }

    fn of_booleans(&mut self, values: impl ExactSizeIterator<Item = bool>) {
        if values.len() > 1 {
            return self.add("boolean");
        }
        self.of_list(values.map(|value| value.to_string()));
    }

    fn of_list(&mut self, values: impl Iterator<Item = String>) {
        for (index, value) in values.enumerate() {
            if self.is_full() {
                return;
            }
            self.add(if index > 0 { " | " } else { "" });
            self.add(&value);
        }
    }

    fn of_range(&mut self, range: &Range) {
        self.add(if range.step.is_some() { "integer" } else { "number" });
        let mut limits = Vec::new();
        if let Some(low) = range.low {
            limits.push(format!("{} {}", if low.inclusive { "≥" } else { ">" }, shown(low.at)));
        }
        if let Some(high) = range.high {
            limits.push(format!("{} {}", if high.inclusive { "≤" } else { "<" }, shown(high.at)));
        }
        if let Some(step) = range.step.filter(|step| *step > 1) {
            limits.push(format!("in steps of {step}"));
        }
        self.of_limits(&limits);
    }

    fn of_lengths(&mut self, lengths: &Lengths) {
        self.add("string");
        self.of_limits(&counted(lengths.min, lengths.max, "characters"));
    }

    fn of_limits(&mut self, limits: &[String]) {
        if !limits.is_empty() {
            self.add(&format!(" {}", limits.join(" ")));
        }
    }

    fn of_array(&mut self, array: &ArraySet) {
        self.add("[");
        for (index, item) in array.prefix().iter().enumerate() {
            self.add(if index > 0 { ", " } else { "" });
            self.of_type(item);
        }
        if !array.rest().is_never() {
            self.add(if array.prefix().is_empty() { "" } else { ", …" });
            self.of_type(array.rest());
        }
        self.add("]");
        let named = array.prefix().len() as u64;
        let max = array.max.filter(|max| !(array.rest().is_never() && *max == named));
        self.of_limits(&counted(array.min, max, "items"));
    }

    fn of_object(&mut self, object: &ObjectSet) {
        let closed = object.rest().is_never();
        self.add(if closed { "{|" } else { "{" });
        let mut first = true;
        for (name, field) in object.fields() {
            if self.is_full() {
                return;
            }
            self.add(if first { "" } else { ", " });
            first = false;
            self.add(name);
            self.add(if field.required { ": " } else { "?: " });
            self.of_type(&field.value);
        }
        if !closed && !object.rest().is_any() {
            self.add(if first { "…: " } else { ", …: " });
            self.of_type(object.rest());
        }
        self.add(if closed { "|}" } else { "}" });
        let required = object.fields().values().filter(|field| field.required).count() as u64;
        let min = if object.min > required { object.min } else { 0 };
        let max = object.max.filter(|_| !closed);
        self.of_limits(&counted(min, max, "fields"));
    }
}

fn shown(number: Num) -> String {
    number.to_value().to_string()
}

/// How many there are, where that is bounded.
fn counted(min: u64, max: Option<u64>, what: &str) -> Vec<String> {
    let mut text = String::new();
    match (min, max) {
        (0, None) => return Vec::new(),
        (min, Some(max)) if min == max => write!(text, "of {max} {what}"),
        (0, Some(max)) => write!(text, "of at most {max} {what}"),
        (min, None) => write!(text, "of at least {min} {what}"),
        (min, Some(max)) => write!(text, "of {min} to {max} {what}"),
    }
    .expect("a string takes all text");
    vec![text]
}
