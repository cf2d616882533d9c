//! `yoi ticket show`: one ticket.

use super::find;
use super::row::{TicketRow, WholeRow};
use crate::cli::args::OutputArgs;
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Format, Meaning};
use crate::domain::TicketId;
use crate::ticket::Tickets;

/// Show a ticket: what it is about, what it is related to, and what happened to it
///
/// TICKET is an id, or the beginning of one that no other has. --json has all of it: body, events, relations, artifacts.
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
    let row = whole(&tickets, &find(&tickets, &args.ticket)?)?;
    let unreadable = row.ticket.relations.as_ref().err().map(ToString::to_string);
    if args.output.format(cli.program())? == Format::Table {
        show(&row, &tickets, &args.output, cli)?;
    } else {
        cli.printer(&args.output)?.one(&row)?;
    }
    Ok(cli.warn_of_unreadable(unreadable.into_iter().collect()))
}

fn whole(tickets: &Tickets, id: &TicketId) -> Result<WholeRow, Failure> {
    let ticket = tickets.read(id)?;
    let links = tickets.links()?;
    let blockers = tickets.blockers(&links, id);
    let artifacts = tickets.artifacts(id)?;
    Ok(WholeRow { summary: ticket.summary.clone(), ticket, links: links.of(id), blockers, artifacts })
}

fn show(row: &WholeRow, tickets: &Tickets, output: &OutputArgs, cli: &mut Cli) -> Result<(), Failure> {
    cli.printer(output)?.one(&TicketRow { summary: row.summary.clone() })?;
    cli.say("")?;
    lines(cli, row.ticket.body())?;
    if !row.links.is_empty() {
        heading(cli, "Relations")?;
        for link in &row.links {
            let other = match tickets.summary_of(&link.other) {
                Some(other) => format!("{} {} — {}", link.other, other.state, other.title),
                None => format!("{} (not there)", link.other),
            };
            let note = link.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            cli.say(visible(&format!("{} {other}{note}", link.word)))?;
        }
    }
    if !row.artifacts.is_empty() {
        heading(cli, "Artifacts")?;
        for path in &row.artifacts {
            cli.say(visible(&path.display().to_string()))?;
        }
    }
    if let Some(resolution) = &row.ticket.resolution {
        heading(cli, "Resolution")?;
        lines(cli, resolution)?;
    }
    for event in &row.ticket.thread.events {
        let author = event.author.as_deref().unwrap_or("somebody");
        let name = event.heading.as_deref().unwrap_or(&event.kind);
        let at = event.at.as_deref().unwrap_or("");
        heading(cli, &format!("{name} — {author} {at}"))?;
        lines(cli, &event.body)?;
    }
    Ok(())
}

fn heading(cli: &mut Cli, text: &str) -> Result<(), Failure> {
    let paint = cli.paint();
    cli.say(format_args!("\n{}", paint.text(Meaning::Heading, visible(text))))
}

fn lines(cli: &mut Cli, text: &str) -> Result<(), Failure> {
    text.lines().try_for_each(|line| cli.say(visible(line)))
}
