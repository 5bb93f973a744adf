//! The `flowmill` program: parse, build, run, report.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is this program's job")]

mod afresh;
mod bench;
mod cli;
mod command;
mod config;
mod definition;
mod demo;
mod descriptors;
mod duration;
mod engine;
mod exit;
mod input;
mod latency;
mod node;
mod progress;
#[cfg(test)]
mod reference;
mod signals;
mod table;
mod terminal;

use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;
use flowmill_telemetry::Telemetry;
use tokio::runtime::Runtime;

use crate::cli::Cli;
use crate::exit::{Failure, Outcome};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.command.is_node() {
        afresh::with_zeroed_memory();
    }
    let threads = available_parallelism().map_or(2, |cores| cores.get().max(2));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name("flowmill").enable_all();
    let ended = match builder.build() {
        Ok(runtime) => {
            let ended = run(&runtime, cli);
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::Other(error.into())),
    };
    match ended {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            failure.report();
            failure.code()
        }
    }
}

fn run(runtime: &Runtime, cli: Cli) -> Result<Outcome, Failure> {
    let within = runtime.enter();
    let telemetry = Telemetry::start(cli.command.log_filter())
        .map_err(|error| Failure::wrong(error.to_string()))?;
    drop(within);
    descriptors::raise_limit();
    let ended = runtime.block_on(command::execute(cli));
    telemetry.stop();
    ended
}
