//! `yoi wait`: blocks until a ticket or a Pod is as it is wanted.

use std::time::Duration;

use super::explanation::named;
use super::ticket::find;
use crate::cli::args::{seconds, wanted};
use crate::cli::{Cli, Exit, Failure};
use crate::domain::PodName;
use crate::launch::{Awaited, Waiting, Wanted, wait_until};
use crate::registry::Registry;
use crate::ticket::State;

/// Wait until a ticket or a Pod has come to a state, without asking again and again
///
/// A ticket is waited for until it is done or closed, a Pod until it has ended, unless --state or --status says
/// otherwise. A state that the ticket only passes through meanwhile counts, too. With --status, a ticket stands for the
/// Pod that holds it; completed means that the work of its role is done, free that nobody holds it. A wait until a
/// Pod is idle, running or completed is over with exit status 1 if it has ended; until one is brought back, wait until it
/// is live. With exit status 3 the time was over.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Wait until the intake of a ticket is complete, ten minutes at most:
    $ yoi wait 20260118-093012-001 --state ready --timeout 600
  Wait until its Pod has ended:
    $ yoi wait intake-20260118-093012-001
  Go on once whoever holds the ticket has done its work:
    $ yoi wait 20260118-093012-001 --status completed
")]
pub(super) struct Args {
    /// A ticket's id, or a Pod's name
    name: String,
    /// Until the ticket is in this state, or one of these, separated by commas
    #[arg(long, value_name = "STATE", value_delimiter = ',', conflicts_with = "status")]
    state: Vec<State>,
    /// Until the Pod, or the one that holds the ticket, is like this
    #[arg(long, value_parser = wanted())]
    status: Option<Wanted>,
    /// For how long at most; without end, unless given
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (registry, tickets) = (cli.registry()?, cli.setup()?.tickets());
    let awaited = awaited(&args, &registry, cli)?;
    let restorable = cli.restorable(&registry);
    let waiting = Waiting { registry: &registry, tickets: &tickets, restorable: &restorable };
    wait_until(&awaited, &waiting, args.timeout)?;
    Ok(Exit::Done)
}

fn awaited(args: &Args, registry: &Registry, cli: &Cli) -> Result<Awaited, Failure> {
    if !args.state.is_empty() {
        return Ok(Awaited::State(find(&cli.setup()?.tickets(), &args.name)?, args.state.clone()));
    }
    let named = named(cli, &args.name)?;
    if let (Some(ticket), true) = (&named.ticket, named.is_here) {
        return Ok(match args.status {
            Some(status) => Awaited::Claim(ticket.clone(), status),
            None => Awaited::State(ticket.clone(), vec![State::Done, State::Closed]),
        });
    }
    let pod = PodName::new(&args.name).map_err(|error| Failure::of(Exit::Usage, &error))?;
    if registry.name_is_taken(&pod) {
        return match args.status {
            Some(Wanted::Free) => {
                let text = format!("cannot wait until Pod {pod} is free: a ticket is, and a Pod is stopped");
                Err(Failure::new(Exit::Usage, text))
            }
            status => Ok(Awaited::Pod(pod, status.unwrap_or(Wanted::Stopped))),
        };
    }
    // A ticket of some other tracker, of which only the claim is known here.
    match (named.ticket, args.status) {
        (Some(ticket), Some(status))
            if registry.claim(&ticket)?.is_some() || registry.ticket_in_flight(&ticket)?.is_some() =>
        {
            Ok(Awaited::Claim(ticket, status))
        }
        _ => {
            let text = format!("there is no ticket and no Pod {:?} in this workspace", args.name);
            Err(Failure::new(Exit::Refused, text).hint("yoi status"))
        }
    }
}
