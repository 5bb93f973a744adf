//! What must hold, by the names of `docs/explanation/protocol.md`.

use std::fmt;

macro_rules! properties {
    ($($variant:ident, $text:literal;)+) => {
        /// A property of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Property {
            $(#[doc = $text] $variant,)+
        }

        impl Property {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// What must hold, in plain words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

properties! {
    S1, "Every input is decided by exactly one valid batch; none is skipped.";
    S2, "All readers agree on what counts, from wherever they start.";
    S3, "Nothing is sent that no valid batch decided.";
    S4, "What an owner takes for committed counts for everybody.";
    S5, "Every task of a valid batch whose result is still needed is sent at least once.";
    S6, "The store at rest is what the log says, and so is what a recovery gives.";
    S7, "The inputs of one execution are decided in the order in which they were read.";
    S8, "A deferred input is resolved exactly once, also across a take-over.";
    S9, "Every timer fires exactly once if nodes stop failing.";
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A property that does not hold, and what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The property.
    pub property: Property,
    /// What was seen, in plain words.
    pub why: &'static str,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.why)
    }
}

impl Property {
    /// An error that says what was seen, unless `holds`.
    pub(crate) fn unless(self, holds: bool, why: &'static str) -> Result<(), Broken> {
        if holds { Ok(()) } else { Err(Broken { property: self, why }) }
    }
}
