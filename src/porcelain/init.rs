//! `yoi init`: makes a workspace.

use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure};
use crate::ticket;

/// Make this directory a workspace: tickets, and a commented configuration
///
/// Makes .yoi/ with ticket.config.toml, tickets/ and .gitignore. What is there already stays as it is.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Begin in a repository, and make the first ticket:
    $ yoi init
    $ yoi ticket new \"Retry failed uploads\"
")]
pub(super) struct Args {}

pub(super) fn run(_args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let workspace = cli.workspace()?;
    let made = ticket::init(&workspace.root)?;
    for path in &made {
        let shown = path.strip_prefix(&workspace.root).unwrap_or(path);
        cli.say(format_args!("made {}", command([shown])))?;
    }
    if made.is_empty() {
        cli.say(format_args!("{} is a workspace already", command([&workspace.root])))?;
    }
    Ok(Exit::Done)
}
