//! `claim-show`: the claim of one ticket.

use crate::cli::args::OutputArgs;
use crate::cli::{ClaimRow, Cli, Exit, Failure};
use crate::domain::TicketId;

/// Show the claim of TICKET with its status, derived at this moment
///
/// Prints TICKET POD ROLE GENERATION STATUS, or exits with 1 where the ticket is free. A launch in flight without a
/// claim has the status launching.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See who holds a ticket:
    $ yoi-claim claim-show 20260118-101544-001
  Take the fence that claim-check, claim-complete and claim-release ask for:
    $ yoi-claim claim-show 20260118-101544-001 --format '{expect}'
")]
pub(super) struct Args {
    /// The ticket
    ticket: TicketId,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let Some(view) = registry.view_claim(&args.ticket, &cli.restorable(&registry)) else {
        return Err(Failure::new(Exit::Refused, format!("ticket {} has no claim", args.ticket)));
    };
    cli.printer(output)?.one(&ClaimRow(view))?;
    Ok(Exit::Done)
}
