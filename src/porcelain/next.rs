//! `yoi next`: takes the best ticket out of the queue, and launches on it.

use super::launching::{self, LaunchArgs, Wanted};
use crate::cli::args::role;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Role, TicketId};
use crate::launch::{NextError, NextLaunch, Queue, launch_next, peek_next, works_from_the_queue};

/// Take the best ticket out of the queue, and launch a Pod on it
///
/// The best is the one of the highest priority, and of several the oldest; one that waits for other tickets is passed
/// over, and so is one that somebody holds. Each call launches on one ticket, and of many calls at once no two take the
/// same. A launch that fails leaves the ticket in the queue. Exit status 1 means that there is no ticket to take, 3 that
/// launches are in flight on those that there are. Nothing calls this by itself.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See which ticket would be taken, and how:
    $ yoi next --role investigator --dry-run
  Take one, for a script:
    $ yoi next --role investigator --format '{ticket}\\t{pod}'
")]
pub(super) struct Args {
    /// What the Pod is for: coder or investigator
    #[arg(long, value_parser = role())]
    role: Role,
    /// What is wanted besides, in a sentence or more
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Launch in a git worktree of the ticket's own: see yoi launch
    #[arg(long)]
    worktree: bool,
    #[command(flatten)]
    launch: LaunchArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let Args { role, message, worktree, launch } = args;
    if !works_from_the_queue(role) {
        let text = format!("cannot take a ticket out of the queue as {role}: there is nothing for {role} to do on it");
        return Err(Failure::new(Exit::Usage, text).hint(format!("yoi launch {role} TICKET")));
    }
    launch.check()?;
    let setup = cli.setup()?;
    let (registry, tickets) = (cli.registry()?, setup.tickets());
    let queue = Queue::of(&tickets)?;
    if launch.dry_run {
        let next = peek_next(queue, role, &registry, &cli.restorable(&registry))?;
        let wanted = Wanted { ticket: Some(next.id), pod: None, message, in_worktree: worktree };
        return launching::run(role, wanted, &setup, &launch, cli);
    }
    let plan = |ticket: TicketId| {
        let plan = setup.plan(role, Some(ticket.clone()), None, message.clone())?;
        if worktree { setup.in_worktree(plan, &ticket) } else { Ok(plan) }
    };
    // Without a ticket, for what the profile is asked about: nothing is written for a launch that cannot be.
    let any = setup.plan(role, None, None, None)?;
    let (agent, profile) = (setup.agent_of(&any)?, any.profile);
    cli.prepare(&registry)?;
    let services = cli.services(&registry)?;
    let launched = {
        let mut progress = launching::Steps::new(&agent, cli);
        let restorable = cli.restorable(&registry);
        let options = launch.options();
        let next =
            NextLaunch { tickets: &tickets, plan: &plan, agent, services: &services, restorable: &restorable, options };
        launch_next(queue, &next, &mut |step| progress.tell(step))
    };
    let (launched, unreadable) = launched.map_err(|error| match error {
        NextError::Launch(error) => Failure::of_launch(error, profile.as_deref(), &setup),
        error => error.into(),
    })?;
    // The launch is what was asked for; what else is wrong is told, and changes nothing of it.
    cli.warn_of_unreadable(unreadable);
    launching::told(launched, &registry, &launch, cli)
}
