//! Words and symbols of a program's text.

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'s> {
    /// A name or a keyword.
    Word(&'s str),
    /// `$name`, without the `$`.
    Variable(&'s str),
    /// `.name`, without the point.
    Field(&'s str),
    Number(&'s str),
    /// `@name`, without the `@`.
    Format(&'s str),
    /// The quote that starts a string.
    Quote,
    Symbol(&'s str),
    /// What is not part of the language.
    Unknown(&'s str),
    End,
}

/// Symbols of more than one character, longer ones first.
const SYMBOLS: [&str; 15] =
    ["?//", "//=", "|=", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<=", ">=", "//", "..", "::"];

/// The token at `at`, where it starts and where it ends.
pub(super) fn token(source: &str, at: usize) -> (Token<'_>, usize, usize) {
    let start = skip_space(source, at);
    let rest = &source[start..];
    let (token, length) = first(rest);
    (token, start, start + length)
}

fn first(rest: &str) -> (Token<'_>, usize) {
    let Some(c) = rest.chars().next() else { return (Token::End, 0) };
    if is_start(c) {
        let length = qualified(rest);
        return (Token::Word(&rest[..length]), length);
    }
    if c.is_ascii_digit() {
        let length = number(rest);
        return (Token::Number(&rest[..length]), length);
    }
    let behind = &rest[c.len_utf8()..];
    let named = behind.starts_with(is_start);
    match c {
        '"' => (Token::Quote, 1),
        '$' if named => {
            let length = qualified(behind);
            (Token::Variable(&behind[..length]), length + 1)
        }
        '@' if named => {
            let length = word(behind);
            (Token::Format(&behind[..length]), length + 1)
        }
        '.' if named => {
            let length = word(behind);
            (Token::Field(&behind[..length]), length + 1)
        }
        '.' if behind.starts_with(|c: char| c.is_ascii_digit()) => {
            let length = number(rest);
            (Token::Number(&rest[..length]), length)
        }
        _ => symbol(rest, c),
    }
}

fn symbol(rest: &str, c: char) -> (Token<'_>, usize) {
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        return (Token::Symbol(&rest[..symbol.len()]), symbol.len());
    }
    let one = &rest[..c.len_utf8()];
    if "()[]{}|,:;.?=<>+-*/%".contains(c) {
        return (Token::Symbol(one), one.len());
    }
    (Token::Unknown(one), one.len())
}

const fn is_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// The length of a name that may have the names of modules before it.
fn qualified(text: &str) -> usize {
    let mut length = word(text);
    while let Some(behind) = text[length..].strip_prefix("::") {
        if !behind.starts_with(is_start) {
            break;
        }
        length += 2 + word(behind);
    }
    length
}

fn number(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(text);
    if text[length..].starts_with('.') {
        length += 1 + digits(&text[length + 1..]);
    }
    if let Some(behind) = text[length..].strip_prefix(['e', 'E']) {
        let signed = behind.strip_prefix(['+', '-']);
        let power = digits(signed.unwrap_or(behind));
        if power > 0 {
            length += 1 + usize::from(signed.is_some()) + power;
        }
    }
    length
}

/// Skips white space and comments. A comment goes on behind a line that ends with a backslash.
fn skip_space(source: &str, mut at: usize) -> usize {
    loop {
        let rest = &source[at..];
        at += rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
        if !source[at..].starts_with('#') {
            return at;
        }
        at = comment_end(source, at);
    }
}

fn comment_end(source: &str, mut at: usize) -> usize {
    loop {
        let Some(line) = source[at..].find('\n') else { return source.len() };
        let text = &source[at..at + line];
        let text = text.strip_suffix('\r').unwrap_or(text);
        let backslashes = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
        at += line + 1;
        if backslashes % 2 == 0 {
            return at;
        }
    }
}
