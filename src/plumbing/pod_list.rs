//! `pod-list`: how all Pods are.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::launch::view_pods;

/// List all Pods and how they are, asked of the kernel and of each Pod
///
/// Prints POD ROLE STATUS as pod-status does. A record that cannot be read is a row of status unknown; it is told on
/// standard error, and the exit status is then 128.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See all Pods:
    $ yoi-claim pod-list
  List the tickets of each:
    $ yoi-claim pod-list --format '{pod}\\t{status}\\t{tickets}'
")]
pub(super) struct Args {}

pub(super) fn run(_args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let views = view_pods(&registry, &cli.restorable(&registry))?;
    let unreadable = views.iter().filter(|view| view.record.is_none()).map(|view| view.reason.clone()).collect();
    let rows: Vec<_> = views.into_iter().map(|view| cli.pod_row(&registry, view)).collect();
    cli.printer(output)?.list(&rows)?;
    Ok(cli.warn_of_unreadable(unreadable))
}
