//! `pod-hold`: runs any program as a Pod.

use std::ffi::OsString;
use std::time::Duration;

use super::common;
use crate::cli::args::{role, seconds};
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{PodName, Role, TicketId};
use crate::launch::HoldRequest;

/// Run COMMAND as a Pod of its own, here in the terminal, for as long as it runs
///
/// For agents that a person starts by hand. The ticket is claimed (evidence: manual) once COMMAND could be started, and
/// before it does anything; the claim is live until COMMAND ends, and stands then: the same command line again takes the
/// Pod up again, as yoi restore does. COMMAND may differ then; role and ticket may not.
///
/// COMMAND has the terminal. It finds its Pod, ticket and claim in YOI_POD, YOI_TICKET and YOI_CLAIM. SIGTERM and SIGHUP
/// are passed on to it. When it ends, all processes that it left are ended, also those in other sessions. Exits with
/// COMMAND's status, or 128 and the number of the signal that ended it; with 4 where it could not be started, 3 where the
/// ticket is in flight, and 1 where ticket or name belong to another Pod.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Work on a ticket with an agent of your own:
    $ yoi-claim pod-hold mira-42 --ticket PROJ-42 --role coder -- sh -c 'echo \"$YOI_POD has $YOI_TICKET\"'
  Go on with it later:
    $ yoi-claim pod-hold mira-42 --ticket PROJ-42 --role coder -- sh -c 'yoi-claim claim-show \"$YOI_TICKET\"'
  Have an agent without a ticket seen in yoi status:
    $ yoi-claim pod-hold scout --role investigator -- true
")]
pub(super) struct Args {
    /// The Pod's name
    pod: PodName,
    /// What it is for
    #[arg(long, value_parser = role())]
    role: Role,
    /// The ticket that it works on
    #[arg(long)]
    ticket: Option<TicketId>,
    /// How long to wait for the lock of the ticket
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    wait: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    let handed_down = match &args.ticket {
        Some(ticket) => common::in_flight(cli, &registry, ticket)?,
        None => None,
    };
    let request = HoldRequest {
        pod: args.pod,
        role: args.role,
        ticket: args.ticket,
        command: args.command,
        directory: cli.directory()?,
        wait: args.wait,
        handed_down,
    };
    cli.hold(&registry, request)
}
