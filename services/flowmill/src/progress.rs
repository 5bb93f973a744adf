//! How far long work is: one line that is rewritten on a terminal, else a line a second.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use tokio::time::Instant;

use crate::terminal;

/// How often a terminal's line is rewritten.
const REWRITE: Duration = Duration::from_millis(100);

/// How often a line is printed where there is no terminal.
const REPEAT: Duration = Duration::from_secs(1);

/// Says on standard error how far work is.
pub(crate) struct Progress {
    rewrites: bool,
    last: Option<Instant>,
}

impl Progress {
    /// For work that begins now.
    pub(crate) fn begin() -> Self {
        Self { rewrites: stderr().is_terminal(), last: None }
    }

    /// Says where the work is, unless that was said just now.
    pub(crate) fn say(&mut self, text: impl FnOnce() -> String) {
        let pause = if self.rewrites { REWRITE } else { REPEAT };
        if self.last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        self.last = Some(Instant::now());
        if self.rewrites {
            terminal::rewrite_line(&text());
        } else {
            terminal::note(&text());
        }
    }

    /// Clears the line; what was printed where there is no terminal stays.
    pub(crate) fn end(self) {
        if self.rewrites && self.last.is_some() {
            terminal::rewrite_line("");
        }
    }
}
