//! `yoi ticket show`: one ticket.

use super::{find, row::TicketRow};
use crate::cli::args::OutputArgs;
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Format, Meaning};

/// Show a ticket: what it is about, and what happened to it
///
/// TICKET is an id, or the beginning of one that no other has.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Show a ticket by the beginning of its id:
    $ yoi ticket show 20260118-09
  Have its state alone:
    $ yoi ticket show 20260118-093012-001 --format '{state}'
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let tickets = cli.setup()?.tickets();
    let ticket = tickets.read(&find(&tickets, &args.ticket)?)?;
    if args.output.format(cli.program())? != Format::Table {
        cli.printer(&args.output)?.one(&TicketRow(ticket.summary))?;
        return Ok(Exit::Done);
    }
    let paint = cli.paint();
    cli.printer(&args.output)?.one(&TicketRow(ticket.summary.clone()))?;
    cli.say("")?;
    lines(cli, ticket.body())?;
    for event in &ticket.thread.events {
        let author = event.author.as_deref().unwrap_or("somebody");
        let heading = event.heading.as_deref().unwrap_or(&event.kind);
        let at = event.at.as_deref().unwrap_or("");
        let line = format!("{heading} — {author} {at}");
        cli.say(format_args!("\n{}", paint.text(Meaning::Heading, visible(&line))))?;
        lines(cli, &event.body)?;
    }
    Ok(Exit::Done)
}

fn lines(cli: &mut Cli, text: &str) -> Result<(), Failure> {
    text.lines().try_for_each(|line| cli.say(visible(line)))
}
