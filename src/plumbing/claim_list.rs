//! `claim-list`: all claims.

use crate::cli::args::{OutputArgs, claim_status};
use crate::cli::{ClaimRow, Cli, Exit, Failure};
use crate::domain::ClaimStatus;

/// List all claims and launches in flight with their status, derived at this moment
///
/// Prints TICKET POD ROLE GENERATION STATUS, sorted by ticket. A record that cannot be read is a row of status unknown;
/// it is told on standard error, and the exit status is then 128.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Name the Pods that can be brought back:
    $ yoi-claim claim-list --status restorable --format '{pod}'
  Look for claims whose Pod is gone, with the reason:
    $ yoi-claim claim-list --status stale --format '{ticket}\\t{pod}\\t{reason}'
")]
pub(super) struct Args {
    /// Only those of this status
    #[arg(long, value_parser = claim_status())]
    status: Option<ClaimStatus>,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let mut claims = registry.survey(&cli.restorable(&registry))?.claims;
    let unreadable: Vec<String> = claims
        .iter()
        .filter(|view| view.claim.is_none() && view.status == ClaimStatus::Unknown)
        .map(|view| view.reason.clone())
        .collect();
    claims.retain(|view| args.status.is_none_or(|status| view.status == status));
    let rows: Vec<ClaimRow> = claims.into_iter().map(ClaimRow).collect();
    cli.printer(output)?.list(&rows)?;
    Ok(cli.warn_of_unreadable(unreadable))
}
