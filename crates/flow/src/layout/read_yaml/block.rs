//! Block scalars as they stand in the text, less their indentation.

use saphyr_parser::Span;

use super::super::scalar::Block;
use super::between::Between;

impl Between<'_> {
    /// The block scalar at a place, whose value is `text`; goes on behind it. `None` if it has no
    /// lines, so that it is to be written in quotes.
    pub(super) fn block(&mut self, text: &str, span: Span) -> Option<Block> {
        let header = self.take_header();
        if text.trim_matches('\n').is_empty() {
            return None;
        }
        let header = header?;
        let chomping = match &header.indicators {
            indicators if indicators.contains('+') => "+",
            indicators if indicators.contains('-') => "-",
            _ => "",
        };
        let indentation = span.start.col();
        let part = self.part(span.start.index(), span.end.index());
        self.jump_to(span.end.index());
        let mut pieces: Vec<&str> = part.split('\n').collect();
        // Behind the last line end is the indentation of what follows.
        if pieces.len() > 1 && pieces.last().is_some_and(|last| last.trim().is_empty()) {
            pieces.pop();
        }
        let above = span.start.line().saturating_sub(header.line + 1);
        let mut lines = vec![String::new(); above];
        for (number, piece) in pieces.iter().enumerate() {
            let piece = piece.trim_end_matches('\r');
            lines.push(if number == 0 { piece.to_owned() } else { without(piece, indentation) });
        }
        while chomping != "+" && lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let says_indentation = header.indicators.contains(|c: char| c.is_ascii_digit());
        Some(Block { kind: header.kind, chomping, says_indentation, lines })
    }
}

/// A line without so many spaces at its beginning, as far as it has them.
fn without(line: &str, indentation: usize) -> String {
    let spaces = line.chars().take_while(|c| *c == ' ').count().min(indentation);
    line[spaces..].to_owned()
}
