//! `claim-commit`: commits a claim.

use std::time::Duration;

use super::commit_lines;
use super::common;
use crate::cli::args::{OutputArgs, evidence, role, seconds};
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Evidence, Expect, Nonce, PodName, Role, TicketId};
use crate::fs::{Acquired, Wait};
use crate::registry::CommitRequest;

/// Commit a claim: POD accepted TICKET in ROLE
///
/// A standing claim is answered at once: 0 if it is this Pod's, 1 with its holder if not. Else the ticket lock is waited
/// for. Evidence other than manual commits the offer that the Pod wrote when it accepted, and no other; if the offer is
/// gone, the Pod gave up (4). Under ticket-lock its lock and nonce are used. Says nothing when done.
///
/// With --stdin, claims are made by hand, one a line `TICKET POD ROLE`: with TABs between them if the line has one, else
/// blanks; with -z each ends in NUL. Each line is answered in its order, once its claim is durable: TICKET EXIT POD ROLE
/// GENERATION, with the exit status that it would have alone and the claim that stands. A ticket in flight is not waited
/// for. Exits with the largest of them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Claim a ticket of any tracker by hand, for work that no Pod does:
    $ yoi-claim claim-commit PROJ-42 --pod mira --role coder
  A repeat is a success that changes nothing:
    $ yoi-claim claim-commit PROJ-42 --pod mira --role coder
  Claim many tickets, which is much faster than one by one:
    $ printf '%s mira coder\\n' PROJ-42 PROJ-43 PROJ-44 | yoi-claim claim-commit --stdin
")]
pub(super) struct Args {
    /// The ticket
    #[arg(required_unless_present = "stdin")]
    ticket: Option<TicketId>,
    /// The Pod that accepted it
    #[arg(long, required_unless_present = "stdin")]
    pod: Option<PodName>,
    /// What the Pod is for
    #[arg(long, value_parser = role(), required_unless_present = "stdin")]
    role: Option<Role>,
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
    /// Read many lines TICKET POD ROLE from standard input, and answer each
    #[arg(long, conflicts_with_all = ["ticket", "pod", "role", "evidence", "session", "nonce", "expect", "wait"])]
    stdin: bool,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    if args.stdin {
        return commit_lines::run(output, cli);
    }
    let (Some(ticket), Some(pod), Some(role)) = (args.ticket, args.pod, args.role) else {
        return Err(Failure::new(Exit::Usage, "a ticket, a Pod and a role are needed"));
    };
    let registry = cli.writable_registry()?;
    let in_flight = common::in_flight(cli, &registry, &ticket)?;
    let request = CommitRequest {
        ticket,
        pod,
        pod_id: None,
        role,
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
