//! `yoi intake`: launches an intake Pod.

use super::launching::{self, LaunchArgs, Wanted};
use super::ticket::find;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{PodName, Role};

/// Launch a Pod that makes a ticket implementable
///
/// With TICKET, the Pod takes that ticket; the claim is committed only after the agent has accepted the work. With
/// --message alone, it begins from a sentence, and the tickets that it makes are claimed for it. A launch that fails
/// leaves nothing behind. The Pod shuts down by itself once the ticket is ready.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Take a ticket, and watch until the Pod has answered:
    $ yoi intake 20260118-093012-001 --wait
  Begin from a sentence:
    $ yoi intake -m \"uploads that fail should be tried again\"
  See which plumbing commands do the same:
    $ yoi intake 20260118-093012-001 --dry-run
")]
pub(super) struct Args {
    /// The ticket: its id, or the beginning of one that no other has
    ticket: Option<String>,
    /// What is wanted, in a sentence or more
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// The Pod's name, instead of one made of role and ticket
    #[arg(long)]
    pod: Option<PodName>,
    #[command(flatten)]
    launch: LaunchArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    if args.ticket.is_none() && args.message.is_none() {
        let text = "cannot begin an intake: name a ticket, or say what is wanted with -m \"…\"";
        return Err(Failure::new(Exit::Usage, text).hint("yoi ticket list"));
    }
    let setup = cli.setup()?;
    let ticket = args.ticket.as_deref().map(|text| find(&setup.tickets(), text)).transpose()?;
    if args.message.as_deref().is_some_and(|message| message.trim().is_empty()) {
        return Err(Failure::new(Exit::Usage, "cannot begin an intake: the message is blank"));
    }
    let wanted = Wanted { ticket, pod: args.pod, message: args.message, in_worktree: false };
    launching::run(Role::Intake, wanted, &setup, &args.launch, cli)
}
