//! The texts of a record's headers: written one after the other into one piece of memory, of which
//! each header holds its part.

use std::fmt::{Display, Write};
use std::ops::Range;

use bytes::Bytes;
use flowmill_log::Header;

/// Texts in the making.
pub(crate) struct Texts(String);

impl Texts {
    /// Room for so many bytes of text before more memory is asked for.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// Where the next text begins.
    pub(crate) fn here(&self) -> usize {
        self.0.len()
    }

    /// Writes a text; answers its place.
    pub(crate) fn put(&mut self, text: impl Display) -> Range<usize> {
        let start = self.0.len();
        write!(self.0, "{text}").expect("writing to memory does not fail");
        start..self.0.len()
    }

    /// The texts, to be taken by their places.
    pub(crate) fn written(self) -> Written {
        Written(self.0.into())
    }
}

/// Written texts.
pub(crate) struct Written(Bytes);

impl Written {
    /// The text at `place`.
    pub(crate) fn at(&self, place: Range<usize>) -> Bytes {
        self.0.slice(place)
    }

    /// The header `name` with the text at `place`.
    pub(crate) fn header(&self, name: &'static str, place: Range<usize>) -> Header {
        Header::new(name, self.at(place))
    }
}

/// A header whose value is always the same.
pub(crate) fn fixed(name: &'static str, value: &'static str) -> Header {
    Header::new(name, Bytes::from_static(value.as_bytes()))
}
