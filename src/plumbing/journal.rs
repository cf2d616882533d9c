//! `journal`: the history of changes.

use crate::cli::args::OutputArgs;
use crate::cli::{BadLines, Cli, Exit, Failure, JournalRow};
use crate::domain::TicketId;

/// Print the history of changes: who did what to which ticket, when and why
///
/// Prints AT ACTION TICKET POD ROLE GENERATION USER PID WHY, oldest first, in UTC. A line that cannot be read is told on
/// standard error by its number, hides no other, and makes the exit status 128, until verify --repair has noted that it is
/// kept. The claims are the truth and the journal is their story: where they differ, the claims are right.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See what happened to a ticket:
    $ yoi-claim journal 20260118-101544-001
  Count what each user did:
    $ yoi-claim journal --format '{user} {action}' | sort | uniq -c
")]
pub(super) struct Args {
    /// Only what speaks of this ticket
    ticket: Option<TicketId>,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let mut bad = BadLines::default();
    let lines = bad.pass(registry.read_journal()?);
    let wanted = lines.filter(|line| match (line, &args.ticket) {
        (Ok(line), Some(ticket)) => line.entry.ticket.as_ref() == Some(ticket),
        _ => true,
    });
    let shown = cli.printer(output)?.stream(wanted.map(|line| line.map(JournalRow)));
    let exit = cli.warn_of_unreadable(bad.told());
    shown.map(|()| exit)
}
