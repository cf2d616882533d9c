//! `yoi ticket close`: ends a ticket, and says how.

use super::row::TicketRow;
use super::words::WordsArgs;
use super::{Changed, author, check_form, find, person_decides};
use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::ticket::{State, Words};

/// Close a ticket, and say how it ended
///
/// A ticket may be closed from every state: also one that nobody will do. The resolution becomes its resolution.md and
/// part of its thread. Tickets that wait for it wait no longer. To open it again, bring it into state planning. For people:
/// it is refused inside a Pod.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Close a ticket whose work is merged:
    $ yoi ticket close 20260118-09 -m \"Merged; uploads are tried three times\"
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    #[command(flatten)]
    words: WordsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    person_decides(cli, "close a ticket")?;
    check_form::<TicketRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    let text = args.words.asked_for(cli)?;
    let author = author(cli)?;
    let taken = tickets.bring_to(&id, State::Closed, &Words { author: &author, text: &text }, cli.now())?;
    Changed { tickets: &tickets, id: &id, taken, now_is: "closed" }.tell(&args.output, cli)
}
