//! What readers of other definition formats have in common with this one's.
//!
//! [`Source`] is a text as a tree of items with places; [`Finding`] is an error before it has its
//! place; durations, expressions and templates are read from items and texts, the latter two with
//! the [`Names`] that they may use. A reader of a format adds what its own objects look like.

pub use crate::diagnostic::{Finding, Place, excerpt, suggest};
pub use crate::duration::{InvalidDuration, read as duration};
pub use crate::expression::{Names, SyntaxFault, Variable, template_end};
pub use crate::nearest::nearest;
pub use crate::source::{Entry, Item, ItemValue, Source, escape};
pub use crate::template::{Part, TextFault, TextPart, mentions_secrets};
