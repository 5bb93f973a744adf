//! The records of a script: each says who it is, and can be made again from that.

use std::borrow::Cow;

use flowmill_log::{Header, Record};
use flowmill_runtime::Entropy;

/// Tells a record of a script from all others.
pub(crate) type Number = u32;

/// What a record is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How large it is, as limits count; never smaller than what says who it is.
    pub(crate) bytes: usize,
    /// Where it says who it is.
    pub(crate) token: Token,
    /// How many headers it has beside that.
    pub(crate) headers: u16,
    /// Whether what fills it cannot be compressed.
    pub(crate) noisy: bool,
}

/// Where a record says who it is. What else it has may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Value,
    Key,
    Header,
    /// In the value, under one of a few keys.
    Keyed(u8),
    /// In the value, beside a header whose name no log takes.
    BesideNul,
}

impl Shape {
    /// The smallest record there is.
    pub(crate) const SMALL: Self = Self { bytes: 0, token: Token::Value, headers: 0, noisy: false };

    /// The record with this number.
    pub(crate) fn record(self, number: Number) -> Record {
        let token = format!("<{number:010}>");
        let mut record = Record { headers: headers(self.headers), ..Record::default() };
        match self.token {
            Token::Value => record.value = token.into(),
            Token::Key => record.key = token.into(),
            Token::Header => record.headers.insert(0, Header::new("number", token)),
            Token::Keyed(key) => {
                record.key = vec![b'k', key].into();
                record.value = token.into();
            }
            Token::BesideNul => {
                record.headers.insert(0, Header::new("a\0b", "cut"));
                record.value = token.into();
            }
        }
        let mut value = record.value.to_vec();
        fill(&mut value, self.bytes.saturating_sub(record.bytes()), self.noisy.then_some(number));
        record.value = value.into();
        record
    }
}

fn headers(count: u16) -> Vec<Header> {
    let names = ["a", "trace-id", "", "\u{1F600}"];
    let header = |n: u16| {
        let name = Cow::Borrowed(names[usize::from(n) % names.len()]);
        Header::new(name, vec![n.to_le_bytes()[0]; usize::from(n % 5)])
    };
    (0..count).map(header).collect()
}

fn fill(value: &mut Vec<u8>, bytes: usize, noise: Option<Number>) {
    let Some(number) = noise else {
        value.resize(value.len() + bytes, 7);
        return;
    };
    let wanted = value.len() + bytes;
    let noise = Entropy::seeded(u64::from(number));
    while value.len() < wanted {
        value.extend(noise.next().to_le_bytes());
    }
    value.truncate(wanted);
}

/// Which record it says it is.
pub(crate) fn number_of(record: &Record) -> Option<Number> {
    let header = record.headers.iter().find(|header| header.name == "number");
    let places = [Some(&record.value), Some(&record.key), header.map(|header| &header.value)];
    places.into_iter().flatten().find_map(|bytes| {
        let token = bytes.get(..12)?.strip_prefix(b"<")?.strip_suffix(b">")?;
        std::str::from_utf8(token).ok()?.parse().ok()
    })
}

#[test]
fn a_record_says_who_it_is_and_is_as_large_as_asked() {
    for token in [Token::Value, Token::Key, Token::Header, Token::Keyed(3), Token::BesideNul] {
        for (bytes, noisy) in [(0, false), (40, true), (5_000, true), (5_001, false)] {
            let record = Shape { bytes, token, headers: 4, noisy }.record(77);
            assert_eq!(number_of(&record), Some(77));
            assert!(record.bytes() == bytes || bytes < 50, "{} for {bytes}", record.bytes());
        }
    }
}
