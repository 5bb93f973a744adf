//! Times from text.

use super::calendar::{MONTHS, Time, WEEKDAYS};

/// The time that a text gives when it is read as a format says; all of it must fit.
pub(super) fn time(text: &str, format: &str) -> Option<Time> {
    let mut reader = Reader {
        text,
        time: Time { year: 1900, day: 1, ..Time::default() },
        afternoon: None,
        offset: 0,
        seconds: None,
    };
    reader.read(format)?;
    if !reader.text.is_empty() {
        return None;
    }
    reader.finish()
}

struct Reader<'t> {
    text: &'t str,
    time: Time,
    afternoon: Option<bool>,
    /// Seconds east of UTC.
    offset: i64,
    /// Seconds since 1970, when the text gives these.
    seconds: Option<i64>,
}

impl Reader<'_> {
    fn read(&mut self, format: &str) -> Option<()> {
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            match c {
                '%' => self.directive(rest.next()?)?,
                c if c.is_whitespace() => self.text = self.text.trim_start(),
                c => self.text = self.text.strip_prefix(c)?,
            }
        }
        Some(())
    }

    fn directive(&mut self, directive: char) -> Option<()> {
        match directive {
            'Y' => self.time.year = self.number(4, -9999, 9999)?,
            'y' => {
                let year = self.number(2, 0, 99)?;
                self.time.year = if year < 69 { 2000 + year } else { 1900 + year };
            }
            'm' => self.time.month = self.number(2, 1, 12)? - 1,
            'd' | 'e' => self.time.day = self.number(2, 1, 31)?,
            'H' | 'k' => self.time.hour = self.number(2, 0, 23)?,
            'I' | 'l' => self.time.hour = self.number(2, 1, 12)? % 12,
            'M' => self.time.minute = self.number(2, 0, 59)?,
            'S' => self.time.second = self.number(2, 0, 60)? as f64,
            'j' => {
                self.time.month = 0;
                self.time.day = self.number(3, 1, 366)?;
            }
            'p' | 'P' => self.afternoon = Some(self.named(&["am", "pm"])? == 1),
            'a' | 'A' => drop(self.named(&WEEKDAYS)?),
            'b' | 'B' | 'h' => self.time.month = i64::try_from(self.named(&MONTHS)?).ok()?,
            'u' | 'w' => drop(self.number(1, 0, 7)?),
            's' => self.seconds = Some(self.number(14, i64::MIN, i64::MAX)?),
            'Z' => self.zone()?,
            'z' => self.numeric_zone()?,
            'n' | 't' => self.text = self.text.trim_start(),
            '%' => self.text = self.text.strip_prefix('%')?,
            'T' => self.read("%H:%M:%S")?,
            'R' => self.read("%H:%M")?,
            'F' => self.read("%Y-%m-%d")?,
            'D' => self.read("%m/%d/%y")?,
            'c' => self.read("%a %b %e %H:%M:%S %Y")?,
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self, digits: usize, least: i64, most: i64) -> Option<i64> {
        let text = self.text.trim_start();
        let signed = text.strip_prefix(['-', '+']).filter(|_| least < 0);
        let unsigned = signed.unwrap_or(text);
        let length = unsigned.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        let (number, rest) = unsigned.split_at(length);
        let number: i64 = number.parse().ok()?;
        let number = if signed.is_some() && text.starts_with('-') { -number } else { number };
        self.text = rest;
        (least..=most).contains(&number).then_some(number)
    }

    /// Takes a name or its first three letters; gives its place in the list.
    fn named(&mut self, names: &[&str]) -> Option<usize> {
        let starts = |name: &str| {
            let start = self.text.get(..name.len())?;
            start.eq_ignore_ascii_case(name).then_some(name.len())
        };
        let found = |(place, name): (usize, &&str)| {
            let length = starts(name).or_else(|| starts(name.get(..3)?))?;
            Some((place, length))
        };
        let (place, length) = names.iter().enumerate().find_map(found)?;
        self.text = &self.text[length..];
        Some(place)
    }

    fn zone(&mut self) -> Option<()> {
        let length = self.text.bytes().take_while(u8::is_ascii_alphabetic).count();
        self.text = &self.text[length..];
        (length > 0).then_some(())
    }

    fn numeric_zone(&mut self) -> Option<()> {
        if let Some(rest) = self.text.strip_prefix('Z') {
            self.text = rest;
            return Some(());
        }
        let west = self.text.starts_with('-');
        self.text = self.text.strip_prefix(['-', '+'])?;
        let hours = self.number(2, 0, 23)?;
        self.text = self.text.strip_prefix(':').unwrap_or(self.text);
        let minutes = self.number(2, 0, 59)?;
        let offset = hours * 3600 + minutes * 60;
        self.offset = if west { -offset } else { offset };
        Some(())
    }

    fn finish(mut self) -> Option<Time> {
        if let Some(seconds) = self.seconds {
            return Time::from_seconds(seconds as f64);
        }
        if self.afternoon == Some(true) {
            self.time.hour += 12;
        }
        if self.offset != 0 || self.time.day > 28 {
            let seconds = self.time.seconds() - self.offset;
            return Time::from_seconds(seconds as f64);
        }
        self.time.find_days();
        Some(self.time)
    }
}
