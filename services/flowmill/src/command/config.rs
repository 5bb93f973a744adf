//! `flowmill config`: what a node would be told.

use clap::{Args, Subcommand};

use super::role::SettingsArgs;
use crate::config::show;
use crate::exit::{Failure, Outcome};
use crate::terminal;

/// Look at the settings that a node of a cluster would have.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what is wrong with the settings, if anything is. Nothing is connected to.
    Check(SettingsArgs),
    /// Print the settings in force, as a file would have them, without secrets.
    Show(SettingsArgs),
}

/// Does it.
///
/// # Errors
/// What is wrong with the settings.
pub(crate) fn execute(args: &ConfigArgs) -> Result<Outcome, Failure> {
    match &args.action {
        Action::Check(settings) => {
            let config = settings.load()?;
            crate::node::check(&config)?;
            terminal::print("the settings can be used")?;
            if let Some(limit) = crate::node::limit_of_login(&config) {
                terminal::print(&format!("but {limit}"))?;
            }
        }
        Action::Show(settings) => terminal::print(show(&settings.load()?).trim_end())?,
    }
    Ok(Outcome::Done)
}
