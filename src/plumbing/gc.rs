//! `gc`: removes what is dead.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, CollectedRow, Exit, Failure};
use crate::launch::{Removal, Upkeep};

/// Remove what is provably dead: leftovers of processes that were killed
///
/// Prints WHAT TICKET POD PATH of what it removed; nothing on nothing. Each thing is removed under the lock of exactly
/// that, never because of its age: temporaries, offers that nobody will commit, directories of Pods that never came to be,
/// sockets at which nobody listens, empty cgroups. Records, tombstones and stopped Pods stay.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See what would be removed:
    $ yoi-claim gc --dry-run
  Remove it, and free the tickets that are closed:
    $ yoi-claim gc --closed
")]
pub(super) struct Args {
    /// Also release the claims of closed tickets, except those of live Pods
    #[arg(long)]
    closed: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let removal = if args.dry_run { Removal::DryRun } else { Removal::Done };
    if removal == Removal::Done {
        cli.refuse_inside_pod("collect garbage")?;
    }
    let registry = cli.registry()?;
    let (restorable, writer) = (cli.restorable(&registry), cli.writer());
    let tickets = args.closed.then(|| cli.setup().map(|setup| setup.tickets())).transpose()?;
    let network = cli.environment().network_policy();
    let upkeep = Upkeep { registry: &registry, restorable: &restorable, writer: &writer, network };
    let collected = upkeep.collect(tickets.as_ref(), removal).map_err(|error| cli.not_writable(&registry, &error))?;
    let rows: Vec<CollectedRow> = collected.removed.into_iter().map(CollectedRow).collect();
    cli.printer(output)?.list(&rows)?;
    Ok(cli.warn_of_unreadable(collected.failed))
}
