//! What every change must pass: runs from seeds, and situations that are made on purpose.

mod backlog;
mod deferrals;
mod gathering;
mod handing_over;
mod lonely;
mod regressions;
mod rejected;
mod seeds;
