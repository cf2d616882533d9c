//! `yoi launch`: launches a Pod in any role.

use super::launching::{self, LaunchArgs, Wanted};
use super::ticket::find;
use crate::cli::args::role;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{PodName, Role};

/// Launch a Pod in a role, on a ticket or without one
///
/// A role other than intake needs a profile in .yoi/ticket.config.toml: it has no built-in agent. A ticket whose claim is
/// completed is handed over to the new Pod.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Launch an investigator on the ticket, with a question:
    $ yoi launch investigator 20260118-093012-001 -m \"how large are the uploads that fail?\"
  See which plumbing commands would launch a coder, and launch none:
    $ yoi launch coder 20260118-093012-001 --dry-run
  The same in a git worktree of the ticket's own, so that several coders do not get into each other's way:
    $ yoi launch coder 20260118-093012-001 --worktree --dry-run
")]
pub(super) struct Args {
    /// What the Pod is for
    #[arg(value_parser = role())]
    role: Role,
    /// The ticket: its id, or the beginning of one that no other has
    ticket: Option<String>,
    /// What is wanted besides, in a sentence or more
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// The Pod's name, instead of one made of role and ticket
    #[arg(long)]
    pod: Option<PodName>,
    /// Launch in a git worktree of the ticket's own, made or found again beside the main one, on branch ticket/TICKET
    #[arg(long, requires = "ticket")]
    worktree: bool,
    #[command(flatten)]
    launch: LaunchArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let setup = cli.setup()?;
    let ticket = args.ticket.as_deref().map(|text| find(&setup.tickets(), text)).transpose()?;
    let wanted = Wanted { ticket, pod: args.pod, message: args.message, in_worktree: args.worktree };
    launching::run(args.role, wanted, &setup, &args.launch, cli)
}
