//! One text, number, boolean or null, and how it is written.

/// A scalar.
#[derive(Debug)]
pub(super) struct Scalar {
    /// Its text, whatever it means.
    pub(super) text: String,
    pub(super) style: Style,
}

/// How a scalar is written.
#[derive(Debug)]
pub(super) enum Style {
    /// As it is; what it looks like says what it is.
    Plain,
    /// In quotes.
    Quoted,
    /// As a block of lines below its header.
    Block(Block),
}

/// The lines of a block scalar, without their indentation.
#[derive(Debug)]
pub(super) struct Block {
    /// `|` or `>`.
    pub(super) kind: char,
    /// What becomes of the line ends at the end: `+`, `-` or nothing.
    pub(super) chomping: &'static str,
    /// Whether the header says how far the lines are indented, since the first begins with a space.
    pub(super) says_indentation: bool,
    pub(super) lines: Vec<String>,
}

impl Scalar {
    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), style: Style::Plain }
    }

    pub(super) fn quoted(text: &str) -> Self {
        Self { text: text.to_owned(), style: Style::Quoted }
    }

    /// The scalar on one line of YAML.
    pub(super) fn on_one_line(&self) -> String {
        match self.style {
            Style::Plain if !self.text.is_empty() && !self.text.contains('\n') => self.text.clone(),
            Style::Plain | Style::Quoted | Style::Block(_) => quote(&self.text),
        }
    }
}

/// In single quotes where that saves escapes, else in double quotes.
fn quote(text: &str) -> String {
    let has_escapes = text.contains(['"', '\\']);
    if has_escapes && !text.contains('\'') && text.chars().all(is_printable) {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            printable if is_printable(printable) => quoted.push(printable),
            other if u32::from(other) <= 0xFFFF => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(other)));
            }
            other => quoted.push_str(&format!("\\U{:08x}", u32::from(other))),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a character may stand in YAML as it is, and can be seen.
const fn is_printable(character: char) -> bool {
    matches!(character,
        ' '..='~'
        | '\u{a1}'..='\u{ac}'
        | '\u{ae}'..='\u{1fff}'
        | '\u{2010}'..='\u{2027}'
        | '\u{2030}'..='\u{205f}'
        | '\u{2070}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdff}'
        | '\u{fe10}'..='\u{fefe}'
        | '\u{ff00}'..='\u{ffef}'
        | '\u{10000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_the_ones_that_save_escapes() {
        let check = |text: &str, expect: &str| assert_eq!(quote(text), expect);
        check("a b", "\"a b\"");
        check("say \"a\"", "'say \"a\"'");
        check("it's \"a\"", "\"it's \\\"a\\\"\"");
        check("two\nlines\t\\", "\"two\\nlines\\t\\\\\"");
        check("\u{7}\u{e000}\u{feff}é", "\"\\u0007\\ue000\\ufeffé\"");
        check("", "\"\"");
    }

    #[test]
    fn a_plain_text_stays_as_it_is() {
        let check = |text: &str, expect: &str| {
            assert_eq!(Scalar::plain(text).on_one_line(), expect);
        };
        check("a -> b", "a -> b");
        check("0x1F", "0x1F");
        check("two\nlines", "\"two\\nlines\"");
        check("", "\"\"");
    }
}
