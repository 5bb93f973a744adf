//! The text between values: comments, blank lines, and headers of block scalars.

use saphyr_parser::Span;

/// A comment.
pub(super) struct Found {
    /// From the `#` on, without blanks at the end.
    pub(super) text: String,
    /// Its line, from 1.
    pub(super) line: usize,
    /// Its column, from 0.
    pub(super) column: usize,
    /// Whether nothing stands before it on its line.
    pub(super) own_line: bool,
}

/// The header of a block scalar, such as `|2-`.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) kind: char,
    pub(super) indicators: String,
    pub(super) line: usize,
}

/// The text, and how far it has been looked at.
pub(super) struct Between<'a> {
    chars: Vec<char>,
    lines: Vec<&'a str>,
    /// The next character to look at, its line and its column.
    index: usize,
    line: usize,
    column: usize,
    /// Whether its line has been blank so far.
    line_is_blank: bool,
    /// The last header in what was looked at since the last value.
    header: Option<Header>,
}

impl<'a> Between<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            chars: text.chars().collect(),
            lines: text.lines().collect(),
            index: 0,
            line: 1,
            column: 0,
            line_is_blank: true,
            header: None,
        }
    }

    /// The character at a place.
    pub(super) fn at(&self, index: usize) -> Option<char> {
        self.chars.get(index).copied()
    }

    /// Whether the line before this one, counted from 1, is blank.
    pub(super) fn is_blank_before(&self, line: usize) -> bool {
        let before = line.checked_sub(2).and_then(|before| self.lines.get(before));
        before.is_some_and(|line| line.trim().is_empty())
    }

    /// Whether a place is the first one behind the dash of an item.
    pub(super) fn is_behind_dash(&self, span: Span) -> bool {
        let before = self.chars.get(..span.start.index()).unwrap_or_default();
        let mut before = before.iter().rev().skip_while(|c| matches!(c, ' ' | '\t'));
        before.next() == Some(&'-') && before.next().is_none_or(|c| c.is_whitespace())
    }

    /// Looks at the text up to a place, and gives the comments there.
    pub(super) fn skip_to(&mut self, index: usize) -> Vec<Found> {
        let mut comments = Vec::new();
        let end = index.min(self.chars.len());
        while self.index < end {
            let before = self.index.checked_sub(1).map(|before| self.chars[before]);
            if self.chars[self.index] == '#' && before.is_none_or(char::is_whitespace) {
                comments.push(self.comment());
            } else {
                self.look_for_header();
                self.step();
            }
        }
        comments
    }

    fn comment(&mut self) -> Found {
        let (line, column, own_line) = (self.line, self.column, self.line_is_blank);
        let rest = self.chars[self.index..].iter();
        let text: String = rest.take_while(|c| !matches!(c, '\n' | '\r')).collect();
        for _ in 0..text.chars().count() {
            self.step();
        }
        Found { text: text.trim_end().to_owned(), line, column, own_line }
    }

    fn look_for_header(&mut self) {
        match (self.chars[self.index], &mut self.header) {
            (kind @ ('|' | '>'), _) => {
                let (indicators, line) = (String::new(), self.line);
                self.header = Some(Header { kind, indicators, line });
            }
            (indicator @ ('+' | '-' | '1'..='9'), Some(header)) => {
                header.indicators.push(indicator)
            }
            _ => {}
        }
    }

    fn step(&mut self) {
        let character = self.chars[self.index];
        self.index += 1;
        if character == '\n' {
            (self.line, self.column, self.line_is_blank) = (self.line + 1, 0, true);
        } else {
            self.column += 1;
            self.line_is_blank &= character.is_whitespace();
        }
    }

    /// Goes on behind a value.
    pub(super) fn jump_to(&mut self, index: usize) {
        while self.index < index.min(self.chars.len()) {
            self.step();
        }
        self.header = None;
    }

    /// Whether a plain scalar of this text does not stand in the text at all.
    pub(super) fn is_left_out(&self, text: &str, span: Span) -> bool {
        let first = text.chars().next();
        first.is_none() || (text == "~" && self.at(span.start.index()) != first)
    }

    /// Goes on behind a quoted scalar, whose end the parser sees only behind the comment that
    /// follows it; gives the line that it ends on.
    pub(super) fn jump_over_quotes(&mut self, span: Span) -> usize {
        let start = span.start.index();
        let quote = self.at(start);
        let mut at = start + 1;
        while let Some(character) = self.at(at) {
            let doubled = quote == Some('\'') && self.at(at + 1) == quote;
            if Some(character) == quote && !doubled {
                break;
            }
            let escapes = quote == Some('"') && character == '\\';
            at += if escapes || (Some(character) == quote && doubled) { 2 } else { 1 };
        }
        self.jump_to(at + 1);
        self.line
    }

    /// Takes the header that was seen last away.
    pub(super) const fn take_header(&mut self) -> Option<Header> {
        self.header.take()
    }

    /// The characters of a part of the text.
    pub(super) fn part(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to.min(self.chars.len())).unwrap_or_default().iter().collect()
    }
}
