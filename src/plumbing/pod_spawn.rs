//! `pod-spawn`: starts a Pod's host.

use std::path::PathBuf;
use std::time::Duration;

use super::common;
use crate::cli::args::{role, seconds};
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{PodName, Role, TicketId};
use crate::fs::IoContext as _;
use crate::launch::{PodSpawn, SpawnedBy};

/// Start a Pod's host, wait until it is ready, print POD<TAB>SOCKET
///
/// A name that is taken is refused. With --ticket only under ticket-lock, whose lock the Pod inherits: it gives up when
/// ticket-lock ends before pod-confirm. Without --ticket the Pod waits for pod-confirm alone.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Launch a Pod without a ticket, step by step:
    $ yoi-claim pod-spawn scout --role investigator --profile builtin:checklist
    $ echo \"what is in the way?\" | yoi-claim pod-run scout
    $ yoi-claim session-record scout --role investigator --origin role_launch
    $ yoi-claim pod-confirm scout
  On a ticket it is a step under ticket-lock: see yoi-claim-ticket-lock(1).
")]
pub(super) struct Args {
    /// The Pod's name
    pod: PodName,
    /// What it is for
    #[arg(long, value_parser = role())]
    role: Role,
    /// The agent: builtin:NAME, project:NAME or user:NAME
    #[arg(long)]
    profile: String,
    /// The ticket that it is launched on
    #[arg(long)]
    ticket: Option<TicketId>,
    /// The agent's working directory, instead of the workspace's root
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    directory: Option<PathBuf>,
    /// How long the Pod may take until it is ready, besides the deadlines that its profile gives the agent
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "20")]
    ready_timeout: Duration,
    /// How long the Pod waits for its confirmation, besides those deadlines
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    probation: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    let by = match &args.ticket {
        Some(ticket) => match common::in_flight(cli, &registry, ticket)? {
            Some(found) => SpawnedBy::TicketLock(found),
            None => {
                let text = format!("cannot launch on ticket {ticket}: --ticket works only under ticket-lock {ticket}");
                return Err(Failure::new(Exit::Usage, text));
            }
        },
        None => SpawnedBy::Hand,
    };
    let directory = args.directory.map(|path| std::fs::canonicalize(&path).context("find", &path)).transpose()?;
    let setup = cli.setup()?;
    let spawn = PodSpawn {
        pod: args.pod,
        role: args.role,
        profile: args.profile,
        directory,
        ready: args.ready_timeout,
        probation: args.probation,
    };
    let started = setup.spawn_pod(&cli.services(&registry)?, spawn, by, &cli.restorable(&registry))?;
    let socket = started.socket.to_string_lossy().into_owned();
    cli.say(format_args!("{}\t{}", visible(started.pod.as_str()), visible(&socket)))?;
    started.release();
    Ok(Exit::Done)
}
