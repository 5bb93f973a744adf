//! The real binary, as a shell sees it: what it prints, how it ends, what survives it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a test that failed says how to repeat it")]

mod bench;
mod cases;
mod cluster;
mod collector;
mod demo;
mod dev;
mod disk;
mod fmt;
mod hostile;
mod jaeger;
mod kill;
mod load;
mod nodes;
mod observe;
mod process;
mod program;
mod run;
mod secrets;
mod server;
mod sink;
mod traces;
mod validate;
mod workers;
