//! `claim-commit`: commits a claim.

use std::time::Duration;

use super::common;
use crate::cli::args::{evidence, role, seconds};
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Evidence, Expect, Nonce, PodName, Role, TicketId};
use crate::fs::{Acquired, Wait};
use crate::registry::CommitRequest;

/// Commit a claim: POD accepted TICKET in ROLE
///
/// A standing claim is answered at once: 0 if it is this Pod's, 1 with its holder if not. Else the ticket lock is waited
/// for. Evidence other than manual commits the offer that the Pod wrote when it accepted, and no other; if the offer is
/// gone, the Pod gave up (4). Under ticket-lock its lock and nonce are used. Says nothing when done.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Claim a ticket of any tracker by hand, for work that no Pod does:
    $ yoi-claim claim-commit PROJ-42 --pod mira --role coder
  A repeat is a success that changes nothing:
    $ yoi-claim claim-commit PROJ-42 --pod mira --role coder
")]
pub(super) struct Args {
    /// The ticket
    ticket: TicketId,
    /// The Pod that accepted it
    #[arg(long)]
    pod: PodName,
    /// What the Pod is for
    #[arg(long, value_parser = role())]
    role: Role,
    /// What shows that it accepted
    #[arg(long, value_parser = evidence(), default_value = "manual")]
    evidence: Evidence,
    /// The agent's own session id
    #[arg(long)]
    session: Option<String>,
    /// The nonce of this attempt
    #[arg(long)]
    nonce: Option<Nonce>,
    /// Hand over this completed claim instead of claiming a free ticket
    #[arg(long, value_name = "GEN[:NONCE]")]
    expect: Option<Expect>,
    /// How long to wait for the ticket lock
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "5")]
    wait: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    let in_flight = common::in_flight(cli, &registry, &args.ticket)?;
    let request = CommitRequest {
        ticket: args.ticket,
        pod: args.pod,
        role: args.role,
        evidence: args.evidence,
        session: args.session,
        nonce: args.nonce.or(in_flight.as_ref().map(|found| found.nonce)),
        expect: args.expect,
    };
    if registry.standing(&request)?.is_some() {
        return Ok(Exit::Done);
    }
    let writer = cli.writer();
    let lock = match in_flight {
        Some(found) => found.lock,
        None => match registry.lock_to_commit(&request, "claim-commit", &writer, Wait::For(args.wait))? {
            Acquired::Lock(lock) => lock,
            Acquired::Answer(answer) => {
                let _ours = answer?;
                return Ok(Exit::Done);
            }
        },
    };
    let _committed = registry.commit(&lock, &request, &writer)?;
    Ok(Exit::Done)
}
