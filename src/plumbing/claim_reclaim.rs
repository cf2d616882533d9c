//! `claim-reclaim`: ends the claim of a Pod that is gone.

use std::time::Duration;

use super::common;
use crate::cli::args::{expect_or_nothing, reason, role, seconds};
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Expect, PodName, Role, TicketId};
use crate::fs::Wait;
use crate::registry::{Force, Reclaim, Taker};

/// End the claim on TICKET, whose Pod is gone: free the ticket, or give it to another Pod
///
/// For people, not from inside a Pod. A live holder is always refused, and so is a Pod that is to get the ticket and is
/// not live. Of two that reclaim at once one wins, and the other is told who did. Of a claim that cannot be read, GEN is
/// the highest generation that journal and tombstone know, or 0; its file is kept. Neither ticket nor Pod is changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Free a ticket whose Pod is gone, unless the claim has changed since it was looked at:
    $ fence=$(yoi-claim claim-show PROJ-42 --format '{expect}')
    $ yoi-claim claim-reclaim PROJ-42 --expect \"$fence\" --reason \"the machine was replaced\"
  Give one to a Pod that runs:
    $ yoi-claim claim-reclaim PROJ-43 --expect 1 --reason \"taken on\" --pod coder-PROJ-43 --role coder
")]
pub(super) struct Args {
    /// The ticket
    ticket: TicketId,
    /// The claim that should stand
    #[arg(long, value_name = "GEN[:NONCE]", value_parser = expect_or_nothing)]
    expect: Expect,
    /// Why, for the journal and for those who hold the ticket later
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// The live Pod that gets the ticket
    #[arg(long, requires = "role")]
    pod: Option<PodName>,
    /// What that Pod is for
    #[arg(long, value_parser = role(), requires = "pod")]
    role: Option<Role>,
    /// End the claim also of a Pod that is stopped and could be restored
    #[arg(long)]
    force: bool,
    /// How long to wait for the ticket lock
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "5")]
    wait: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    cli.refuse_inside_pod(format_args!("reclaim ticket {}", args.ticket))?;
    let wanted = Reclaim {
        expect: args.expect,
        reason: args.reason,
        to: args.pod.zip(args.role).map(|(pod, role)| Taker { pod, role }),
        force: if args.force { Force::EvenRestorable } else { Force::No },
    };
    let registry = cli.writable_registry()?;
    let writer = cli.writer();
    let lock = match common::in_flight(cli, &registry, &args.ticket)? {
        Some(found) => found.lock,
        None => registry.lock_ticket(&args.ticket, "claim-reclaim", &writer, Wait::For(args.wait))?,
    };
    let _done = registry.reclaim(&lock, &wanted, &cli.restorable(&registry), &writer)?;
    Ok(Exit::Done)
}
