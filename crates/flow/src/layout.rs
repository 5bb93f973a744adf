//! The one layout of documents: what `flowmill fmt` writes.
//!
//! A document is read into a [`tree`](tree) that keeps what a value alone does not have: comments,
//! blank lines, and how things were written. Its keys are put into the order of the tables
//! ([`order`]) and it is written anew ([`write_yaml`], [`write_json`]).
//!
//! **Invariants:** the new text means what the old one meant and has the same comments. Both are
//! looked at before the text is given away; a text for which they do not hold is not. Laying out
//! what was laid out changes nothing.
//!
//! Deliberately not here: a repair. A document that cannot be read is refused.

mod order;
mod read_yaml;
mod scalar;
mod tree;
mod write_json;
mod write_yaml;

use crate::diagnostic::Diagnostic;
use crate::source::{Format, Source};

use self::tree::Tree;

/// Why a document is not laid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// It cannot be read: everything that is wrong with it.
    #[error("the document cannot be read")]
    Unreadable(Vec<Diagnostic>),
    /// The new text would not mean the same, or would lack a comment.
    #[error("the document is written in a way that cannot be laid out without a change of {0}")]
    Changed(&'static str),
}

/// The document in its one layout: YAML stays YAML, JSON stays JSON.
///
/// # Errors
/// When it cannot be read, or when its layout cannot be changed without a change of what it says.
pub fn lay_out(source: &[u8], format: Format) -> Result<String, LayoutError> {
    let before = Source::read(source, format).map_err(LayoutError::Unreadable)?;
    let (text, format) = (before.text(), written_in(&before, format));
    let (laid_out, comments) = match format {
        Format::Json => {
            let mut tree = Tree::of_item(&before.root);
            order::put_in_order(&mut tree);
            (write_json::text(&tree), Vec::new())
        }
        Format::Yaml | Format::Detect => {
            let mut tree = read_yaml::tree(text).ok_or(LayoutError::Changed("its form"))?;
            let comments = std::mem::take(&mut tree.comments);
            order::put_in_order(&mut tree);
            (write_yaml::text(&tree), comments)
        }
    };
    let changed = |_| LayoutError::Changed("its form");
    let after = Source::read(laid_out.as_bytes(), format).map_err(changed)?;
    if before.root.to_json().to_canonical_bytes() != after.root.to_json().to_canonical_bytes() {
        return Err(LayoutError::Changed("its meaning"));
    }
    let kept = match format {
        Format::Json => Vec::new(),
        Format::Yaml | Format::Detect => read_yaml::comments(&laid_out),
    };
    if sorted(comments) == sorted(kept) {
        Ok(laid_out)
    } else {
        Err(LayoutError::Changed("its comments"))
    }
}

/// What a document is really written in.
fn written_in(source: &Source<'_>, format: Format) -> Format {
    let is_json = || crate::json::Json::parse(source.text().as_bytes()).is_ok();
    match format {
        Format::Detect if source.text().trim_start().starts_with('{') && is_json() => Format::Json,
        Format::Detect => Format::Yaml,
        Format::Json | Format::Yaml => format,
    }
}

fn sorted(mut comments: Vec<String>) -> Vec<String> {
    comments.sort_unstable();
    comments
}

#[cfg(test)]
mod tests;
