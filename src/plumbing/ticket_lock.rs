//! `ticket-lock`: runs a command with a ticket in flight.

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::args::seconds;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Nonce, PodName, TicketId};
use crate::fs::{self, Wait, WaitError};
use crate::launch::{LockedCommand, TicketRoleLaunchError, holder, run_locked};

/// Run COMMAND with the ticket lock held
///
/// COMMAND finds the lock, the probation pipe and the nonce of this attempt in YOI_TICKET_LOCK, YOI_LAUNCHER and
/// YOI_CLAIM_NONCE; the verbs on that ticket use them. When it ends, pipe and lock are closed and a Pod that is still on
/// probation is waited for. Exits with COMMAND's status, or 3 where the ticket is in flight elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Look at a ticket while nothing can be launched on it:
    $ yoi-claim ticket-lock 20260118-093012-001 -- cat .yoi/tickets/20260118-093012-001/item.md
  Launch an intake as yoi intake does:
    $ yoi-claim ticket-lock 20260118-093012-001 -- sh -ec '
        yoi-claim launch-plan --role intake --ticket \"$1\" >plan.json
        yoi-claim pod-spawn \"intake-$1\" --role intake --profile builtin:checklist --ticket \"$1\"
        evidence=$(yoi-claim pod-run \"intake-$1\" --plan plan.json)
        yoi-claim claim-commit \"$1\" --pod \"intake-$1\" --role intake --evidence \"$evidence\"
        yoi-claim session-record \"intake-$1\" --role intake --origin ticket_claim --ticket \"$1\"
        yoi-claim pod-confirm \"intake-$1\"' sh 20260118-093012-001
")]
pub(super) struct Args {
    /// The ticket
    ticket: TicketId,
    /// The Pod that is to be launched, for whoever asks who holds the lock
    #[arg(long)]
    pod: Option<PodName>,
    /// How long to wait for the lock
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    wait: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    let what_for = match &args.pod {
        Some(pod) => format!("ticket-lock for Pod {pod}"),
        None => "ticket-lock".to_owned(),
    };
    let lock = match registry.lock_ticket(&args.ticket, &what_for, &cli.writer(), Wait::For(args.wait)) {
        Ok(lock) => lock,
        Err(WaitError::Held { holder: said, path }) => {
            let holder = holder(said, &path);
            return Err(TicketRoleLaunchError::InFlight { ticket: args.ticket, holder }.into());
        }
        Err(error) => return Err(error.into()),
    };
    let nonce = Nonce::from_bytes(fs::random_bytes());
    let environment = cli.environment().variables().to_vec();
    let end = run_locked(&registry, lock, LockedCommand { command: args.command, environment, nonce })?;
    if let Some(holder) = end.still_in_flight {
        let text = format!("ticket {} is still in flight: a process keeps its lock open ({holder})", args.ticket);
        cli.warn(&Failure::new(Exit::Busy, text));
    }
    Ok(Exit::Of(end.status))
}
