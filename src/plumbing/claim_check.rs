//! `claim-check`: the fence for hooks and scripts.

use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Expect, TicketId};

/// Exit with 0 if the claim on TICKET is still the expected one
///
/// Inside a Pod, YOI_TICKET and YOI_CLAIM hold what to check. Prints nothing where the claim stands.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  In a git hook, stop a push from a Pod that has lost its ticket:
    $ yoi-claim claim-check \"$YOI_TICKET\" --expect \"$YOI_CLAIM\"
  Check by the generation alone:
    $ yoi-claim claim-check 20260118-101544-001 --expect 1
")]
pub(super) struct Args {
    /// The ticket
    ticket: TicketId,
    /// The claim that should stand
    #[arg(long, value_name = "GEN[:NONCE]")]
    expect: Expect,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    cli.registry()?.expected_claim(&args.ticket, args.expect)?;
    Ok(Exit::Done)
}
