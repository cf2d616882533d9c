//! `claim-release`: frees a ticket.

use std::time::Duration;

use super::common;
use crate::cli::args::seconds;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Expect, TicketId};
use crate::fs::Wait;

/// Free TICKET, leaving the tombstone from which generations are counted
///
/// A claim whose Pod is live is released by that Pod alone, which calls this with its own claim.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Free a ticket, unless the claim has changed since it was looked at:
    $ fence=$(yoi-claim claim-show PROJ-42 --format '{expect}')
    $ yoi-claim claim-release PROJ-42 --expect \"$fence\" --reason \"given back\"
")]
pub(super) struct Args {
    /// The ticket
    ticket: TicketId,
    /// The claim that should stand
    #[arg(long, value_name = "GEN[:NONCE]")]
    expect: Expect,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long to wait for the ticket lock
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "5")]
    wait: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (by, expect) = cli.releases_as(&args.ticket, args.expect)?;
    let registry = cli.writable_registry()?;
    let writer = cli.writer();
    let lock = match common::in_flight(cli, &registry, &args.ticket)? {
        Some(found) => found.lock,
        None => registry.lock_ticket(&args.ticket, "claim-release", &writer, Wait::For(args.wait))?,
    };
    registry.release(&lock, expect, by, &args.reason, &writer)?;
    Ok(Exit::Done)
}
