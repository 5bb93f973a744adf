//! YAML text to a tree that keeps comments and blank lines.
//!
//! The parser says where every value begins and ends. Comments are in the text between values,
//! where nothing else begins with `#`. One on its own line belongs to what follows, unless that is
//! less indented: then to the end of what the comment is indented with. One behind a value belongs
//! to it.
//!
//! The text was read before, so that it holds no anchors, aliases, tags or keys that are no scalars.

mod between;
mod block;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::scalar::{Scalar, Style};
use super::tree::{Collection, Entry, Line, Node, Tree};

use self::between::{Between, Found};

/// The tree of a text; `None` if it cannot be read.
pub(super) fn tree(text: &str) -> Option<Tree> {
    let mut reader = Reader::new(text);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        reader.event(event, span);
    }
    Some(reader.finish())
}

/// The text of every comment.
pub(super) fn comments(text: &str) -> Vec<String> {
    tree(text).map(|tree| tree.comments).unwrap_or_default()
}

/// A collection that is not closed yet.
struct Open {
    collection: Collection,
    /// The column of its entries; what is indented less is none of it.
    column: usize,
    /// The entry whose value comes next or is open.
    next: Option<Entry>,
}

/// A line that belongs to something that comes later.
struct Waiting {
    line: Line,
    column: usize,
}

/// What a comment on the same line belongs to.
#[derive(Clone, Copy)]
enum Holder {
    /// The entry of the open collection at this depth whose value comes next or is open.
    Next(usize),
    /// The last entry of the open collection at this depth.
    Last(usize),
}

struct Reader<'a> {
    between: Between<'a>,
    open: Vec<Open>,
    root: Option<Node>,
    waiting: Vec<Waiting>,
    head: Vec<Line>,
    /// What ended or began last, and on which line.
    last: Option<(usize, Holder)>,
    comments: Vec<String>,
}

/// An entry without a value.
fn entry(lines: Vec<Line>, key: Option<Scalar>) -> Entry {
    Entry { lines, key, value: Node::Scalar(Scalar::plain("null")), comment: None }
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            between: Between::new(text),
            open: Vec::new(),
            root: None,
            waiting: Vec::new(),
            head: Vec::new(),
            last: None,
            comments: Vec::new(),
        }
    }

    fn finish(mut self) -> Tree {
        let tail = self.waiting.drain(..).map(|waiting| waiting.line).collect();
        Tree { head: self.head, root: self.root, tail, comments: self.comments }
    }

    fn event(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::StreamEnd => self.skip_to(usize::MAX),
            Event::Scalar(text, style, _, _) => self.scalar(&text, style, span),
            Event::SequenceStart(..) => self.start(false, span),
            Event::MappingStart(..) => self.start(true, span),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Nothing
            | Event::StreamStart
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_) => {}
        }
    }

    /// Takes the comments up to a place.
    fn skip_to(&mut self, index: usize) {
        for found in self.between.skip_to(index) {
            self.comments.push(found.text.clone());
            self.comment(found);
        }
    }

    fn comment(&mut self, found: Found) {
        let beside = self.last.filter(|(line, _)| !found.own_line && *line == found.line);
        if let Some(entry) = beside.and_then(|(_, holder)| self.held(holder)) {
            let earlier = entry.comment.replace(found.text);
            entry.lines.extend(earlier.map(Line::Comment));
            return;
        }
        let column = found.column;
        if found.own_line && self.between.is_blank_before(found.line) {
            self.waiting.push(Waiting { line: Line::Blank, column });
        }
        self.waiting.push(Waiting { line: Line::Comment(found.text), column });
    }

    fn held(&mut self, holder: Holder) -> Option<&mut Entry> {
        match holder {
            Holder::Next(depth) => self.open.get_mut(depth)?.next.as_mut(),
            Holder::Last(depth) => self.open.get_mut(depth)?.collection.entries.last_mut(),
        }
    }

    /// The lines before something that begins on a line.
    fn lines_before(&mut self, line: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = self.waiting.drain(..).map(|waiting| waiting.line).collect();
        if self.between.is_blank_before(line) {
            lines.push(Line::Blank);
        }
        lines
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) {
        self.skip_to(span.start.index());
        let line = span.start.line();
        let (scalar, end) = match style {
            ScalarStyle::Plain if self.between.is_left_out(text, span) => {
                (Scalar::plain("null"), None)
            }
            ScalarStyle::Plain => {
                self.between.jump_to(span.end.index());
                (Scalar::plain(text), Some(span.end.line()))
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                (Scalar::quoted(text), Some(self.between.jump_over_quotes(span)))
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                self.last = None;
                let block = self.between.block(text, span);
                let style = block.map_or(Style::Quoted, Style::Block);
                (Scalar { text: text.to_owned(), style }, None)
            }
        };
        let depth = self.open.len();
        let wants_key = |open: &Open| open.collection.is_map && open.next.is_none();
        if self.open.last().is_some_and(wants_key) {
            let key = match end {
                None if style == ScalarStyle::Plain => Scalar::quoted(text),
                None | Some(_) => scalar,
            };
            let entry = entry(self.lines_before(line), Some(key));
            if let Some(open) = self.open.last_mut() {
                open.next = Some(entry);
            }
            self.last = Some((end.unwrap_or(line), Holder::Next(depth - 1)));
            return;
        }
        self.value(Node::Scalar(scalar), line, end);
    }

    /// A value is complete. `end` is its last line, if something may stand behind it there.
    fn value(&mut self, value: Node, line: usize, end: Option<usize>) {
        let is_item = self.open.last().is_some_and(|open| open.next.is_none());
        let lines = if is_item { self.lines_before(line) } else { Vec::new() };
        let Some(open) = self.open.last_mut() else {
            self.head.extend(self.waiting.drain(..).map(|waiting| waiting.line));
            self.root = Some(value);
            return;
        };
        let next = open.next.take().unwrap_or_else(|| entry(lines, None));
        open.collection.entries.push(Entry { value, ..next });
        let depth = self.open.len() - 1;
        self.last = match (end, self.last) {
            (Some(end), _) => Some((end, Holder::Last(depth))),
            // Of a value that is left out the key is all there is.
            (None, Some((line, Holder::Next(at)))) if at == depth => Some((line, Holder::Last(at))),
            (None, last) => last,
        };
    }

    fn start(&mut self, is_map: bool, span: Span) {
        self.skip_to(span.start.index());
        let bracket = self.between.at(span.start.index()) == Some(if is_map { '{' } else { '[' });
        // The parser says of a list that is indented as its key only where its first item begins.
        let below_key =
            self.open.last().is_some_and(|open| !open.collection.flow && open.next.is_some());
        let indented_as_key = !is_map && below_key && self.between.is_behind_dash(span);
        let in_flow = self.open.last().is_some_and(|open| open.collection.flow);
        let flow = in_flow || (bracket && !indented_as_key);
        let (line, column) = (span.start.line(), span.start.col());
        let is_item = self.open.last().is_some_and(|open| open.next.is_none());
        if is_item {
            let entry = entry(self.lines_before(line), None);
            if let Some(open) = self.open.last_mut() {
                open.next = Some(entry);
            }
        }
        // A comment that is indented as the key is about the next key.
        let outer = self.open.last().map(|open| open.column + 1);
        let column = outer.filter(|_| indented_as_key).unwrap_or(column);
        if flow {
            self.last = self.open.len().checked_sub(1).map(|depth| (line, Holder::Next(depth)));
        }
        let collection = Collection { is_map, flow, entries: Vec::new(), foot: Vec::new() };
        self.open.push(Open { collection, column, next: None });
    }

    fn end(&mut self, span: Span) {
        self.skip_to(span.start.index());
        let Some(Open { mut collection, column, .. }) = self.open.pop() else { return };
        let in_brackets = matches!(self.between.at(span.start.index()), Some(']' | '}'));
        if !collection.flow {
            collection.foot = self.lines_within(column);
            return self.value(Node::Collection(collection), span.start.line(), None);
        }
        if in_brackets {
            // The parser sees its end behind the comment that follows it.
            self.between.jump_to(span.start.index() + 1);
        }
        let foot: Vec<Line> = self.waiting.drain(..).map(|waiting| waiting.line).collect();
        if !collection.entries.is_empty() {
            collection.foot = foot;
        } else if let Some(next) = self.open.last_mut().and_then(|open| open.next.as_mut()) {
            next.lines.extend(foot);
        } else {
            self.head.extend(foot);
        }
        self.value(Node::Collection(collection), span.start.line(), Some(span.start.line()));
    }

    /// The waiting lines that are indented as the entries of a collection that ends.
    fn lines_within(&mut self, column: usize) -> Vec<Line> {
        let within = |waiting: &Waiting| waiting.column >= column;
        let mut count = self.waiting.iter().take_while(|waiting| within(waiting)).count();
        while count > 0 && self.waiting[count - 1].line == Line::Blank {
            count -= 1;
        }
        self.waiting.drain(..count).map(|waiting| waiting.line).collect()
    }
}
