//! The manual of the command line, made from its own description. A test keeps it up to date:
//! with `FLOWMILL_BLESS=1` it writes docs/reference/cli.md, else it compares.

use std::fmt::Write;
use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::{Cli, EXIT_CODES};

const FILE: &str = "../../docs/reference/cli.md";

/// The whole manual, in Markdown.
fn manual() -> String {
    let mut command = Cli::command();
    command.build();
    let mut text = String::from("# flowmill: the command line\n\n");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    push(&mut text, format_args!("{about}\n\n```text\n{EXIT_CODES}\n```\n\n"));
    text.push_str("Every command takes these:\n\n");
    let (global, _): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().partition(|arg| arg.is_global_set());
    options(&mut text, &global);
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        describe(&mut text, sub, "flowmill", 2);
    }
    text
}

/// One command and those below it.
fn describe(text: &mut String, command: &Command, parent: &str, level: usize) {
    let name = format!("{parent} {}", command.get_name());
    push(text, format_args!("\n{} {name}\n\n", "#".repeat(level)));
    let about = command.get_long_about().or_else(|| command.get_about());
    push(text, format_args!("{}\n", about.map(ToString::to_string).unwrap_or_default()));
    let subcommands: Vec<&Command> =
        command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    if subcommands.is_empty() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").trim_end();
        push(text, format_args!("\n```text\n{usage}\n```\n\n"));
        let own: Vec<&Arg> = command.get_arguments().filter(|arg| is_own(arg)).collect();
        options(text, &own);
    }
    for sub in subcommands {
        describe(text, sub, &name, level + 1);
    }
}

fn is_own(arg: &Arg) -> bool {
    !arg.is_global_set()
        && !matches!(arg.get_id().as_str(), "help" | "version_flag")
        && !matches!(
            arg.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        )
}

/// A list of arguments, those without a name first.
fn options(text: &mut String, arguments: &[&Arg]) {
    let (positional, named): (Vec<&Arg>, Vec<&Arg>) =
        arguments.iter().copied().partition(|arg| arg.is_positional());
    for arg in positional.into_iter().chain(named) {
        push(text, format_args!("- `{}`: {}", spelling(arg), help(arg)));
        let values: Vec<_> = arg.get_possible_values();
        let shown: Vec<_> = values.iter().filter(|value| !value.is_hide_set()).collect();
        if !shown.is_empty() && arg.get_action().takes_values() {
            for value in shown {
                let about = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
                push(text, format_args!("\n  - `{}`{about}", value.get_name()));
            }
        }
        text.push('\n');
    }
}

fn spelling(arg: &Arg) -> String {
    let value = arg.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    match arg.get_long() {
        None => value,
        Some(long) if arg.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
    }
}

fn help(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string);
    let mut text = help.unwrap_or_default().trim_end_matches('.').to_owned();
    let default: Vec<_> =
        arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if !default.is_empty() && arg.get_action().takes_values() {
        push(&mut text, format_args!(" (default `{}`)", default.join(" ")));
    }
    if let Some(env) = arg.get_env().and_then(std::ffi::OsStr::to_str) {
        push(&mut text, format_args!(" (environment: `{env}`)"));
    }
    text
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a string does not fail");
}

#[test]
fn the_manual_says_what_the_command_line_takes() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let manual = manual();
    if std::env::var_os("FLOWMILL_BLESS").is_some() {
        std::fs::write(&file, &manual).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == manual,
        "docs/reference/cli.md is out of date; write it anew with FLOWMILL_BLESS=1"
    );
}
