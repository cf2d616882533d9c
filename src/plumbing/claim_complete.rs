//! `claim-complete`: marks the work of a claim as done.

use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Expect, TicketId};

/// Record that the work of the claim on TICKET succeeded
///
/// Sets completed_at, keeping generation and nonce; a repeat changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Say that the work is done, unless the claim has changed since it was looked at:
    $ fence=$(yoi-claim claim-show PROJ-42 --format '{expect}')
    $ yoi-claim claim-complete PROJ-42 --expect \"$fence\"
")]
pub(super) struct Args {
    /// The ticket
    ticket: TicketId,
    /// The claim that should stand
    #[arg(long, value_name = "GEN[:NONCE]")]
    expect: Expect,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    registry.complete(&args.ticket, args.expect, cli.now(), &cli.writer())?;
    Ok(Exit::Done)
}
