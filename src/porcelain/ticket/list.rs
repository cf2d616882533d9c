//! `yoi ticket list`: all tickets.

use super::row::TicketRow;
use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::chain;
use crate::ticket::State;

/// List the tickets of this workspace
///
/// Closed tickets are left out, unless --all or --state closed asks for them. A ticket that cannot be read is told on
/// standard error, hides no other, and makes the exit status 128.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Show what can be worked on:
    $ yoi ticket list --state ready
  List id and title of all tickets, closed ones too:
    $ yoi ticket list --all --format '{id}\\t{title}'
")]
pub(super) struct Args {
    /// Only those of this state
    #[arg(long)]
    state: Option<State>,
    /// Closed tickets too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    for listed in cli.setup()?.tickets().list()? {
        match listed.summary {
            Ok(summary) => {
                let wanted = match args.state {
                    Some(state) => summary.state == state,
                    None => args.all || summary.state != State::Closed,
                };
                rows.extend(wanted.then_some(TicketRow(summary)));
            }
            Err(error) => unreadable.push(format!("cannot list ticket {}: {}", listed.id, chain(&error))),
        }
    }
    cli.printer(&args.output)?.list(&rows)?;
    Ok(cli.warn_of_unreadable(unreadable))
}
