//! `yoi ticket review`: what a person thinks of a ticket's work.

use super::row::TicketRow;
use super::words::WordsArgs;
use super::{Changed, author, check_form, find, person_decides};
use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::ticket::{By, Step, Work};

/// Approve the work on a ticket, or ask for changes
///
/// The review becomes part of the ticket's thread. A ticket must be done to be reviewed; one that is approved stays done
/// until it is closed, one that needs changes is in progress again. For people: the reviewer's Pod has a tool for it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Ask for changes:
    $ yoi ticket review 20260118-09 request-changes -m \"A test for the last attempt is missing\"
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    /// What you think of it
    verdict: Verdict,
    #[command(flatten)]
    words: WordsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Verdict {
    /// It is as it should be
    Approve,
    /// Something must change
    #[value(alias = "request_changes")]
    RequestChanges,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    person_decides(cli, "review a ticket")?;
    check_form::<TicketRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    let text = args.words.asked_for(cli)?;
    let author = author(cli)?;
    let (step, now_is) = match args.verdict {
        Verdict::Approve => (Step::Approve, "approved, and stays done"),
        Verdict::RequestChanges => (Step::RequestChanges, "in progress again"),
    };
    let work = Work { step, author: &author, text: &text, by: By::Person };
    let taken = tickets.take(&id, &work, cli.now())?;
    Changed { tickets: &tickets, id: &id, taken, now_is }.tell(&args.output, cli)
}
