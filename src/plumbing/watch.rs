//! `watch`: what to read again, as it happens.

use std::os::fd::AsFd as _;

use crate::cli::args::OutputArgs;
use crate::cli::{ChangeRow, Cli, Exit, Failure};

/// Tell of each change as it happens: what to read again
///
/// Prints WHAT NAME, at once, until nobody reads it any more: claim TICKET, session POD, pod POD, ticket-lock TICKET (in
/// flight, or no longer), pod-lock POD (something of it lives, or no longer), journal, everything.
///
/// The first line is everything: watching has begun. Read what you need after it, and each thing again after its line, and
/// you miss nothing. The line comes again where more happened than could be told, and where directories of the registry
/// came or went. A change may be told without need, and once for several. The registry need not be there yet. Reading it
/// is no change.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Show all claims, and again whenever something has changed:
    $ yoi-claim watch | while read -r what name; do yoi-claim claim-list; done
  Wait until watching has begun:
    $ yoi-claim watch | head -n 1
")]
pub(super) struct Args {}

pub(super) fn run(_args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let reader = cli.reader()?;
    let mut watch = registry.watch()?;
    let mut printer = cli.printer(output)?;
    while let Some(changes) = watch.next(Some(reader.as_fd()))? {
        for change in changes {
            printer.follow(&ChangeRow::new(&registry, change))?;
        }
    }
    Ok(Exit::Done)
}
