//! What `yoi intake` and `yoi launch` share: executing a plan and saying what came of it.

use std::time::Duration;

use crate::cli::args::seconds;
use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure, Place, doing, starting};
use crate::domain::{PodName, Role, TicketId};
use crate::launch::{LaunchOptions, Setup, Step, TicketRoleLaunchPlan, TicketRoleLaunchResult, launch_ticket_role_pod};
use crate::registry::Registry;

/// Arguments of every launch.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LaunchArgs {
    /// Print the plumbing commands that do the same, and run nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Wait until the Pod has done its first turn, and show it
    #[arg(long)]
    pub(super) wait: bool,
    /// How long the Pod may take until it is ready, besides the deadlines that its profile gives the agent
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "20")]
    ready_timeout: Duration,
    /// How long the Pod may take to accept the work
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    accept_timeout: Duration,
    /// How long the Pod waits for its confirmation before it gives up, besides those deadlines
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    probation: Duration,
}

/// What a launch is asked for, besides its role.
pub(super) struct Wanted {
    pub(super) ticket: Option<TicketId>,
    pub(super) pod: Option<PodName>,
    pub(super) message: Option<String>,
}

/// Plans a launch and executes it, or prints the commands that would.
pub(super) fn run(
    role: Role,
    wanted: Wanted,
    setup: &Setup,
    args: &LaunchArgs,
    cli: &mut Cli,
) -> Result<Exit, Failure> {
    let Wanted { ticket, pod, message } = wanted;
    let plan = &setup.plan(role, ticket, pod, message.clone())?;
    if args.dry_run {
        cli.say(script(plan, message.as_deref(), cli.place()))?;
        return Ok(Exit::Done);
    }
    let registry = cli.registry()?;
    let launched = execute(plan, setup, &registry, args, cli)?;
    for warning in &launched.warnings {
        cli.warn(&Failure::new(Exit::Done, format!("warning: {warning}")));
    }
    let paint = cli.paint();
    let pod = paint.text(crate::cli::Meaning::Name, &launched.pod).to_string();
    match &launched.claim {
        Some(claim) => {
            cli.say(format_args!("Pod {pod} took ticket {} (generation {})", claim.ticket, claim.generation))?
        }
        None => cli.say(format_args!("Pod {pod} runs"))?,
    }
    if args.wait {
        return super::conversation::follow_first_turn(cli, &registry, &launched.pod);
    }
    cli.say(format!("see it work: {}", cli.command(["yoi", "attach", launched.pod.as_str()])))?;
    Ok(Exit::Done)
}

fn execute(
    plan: &TicketRoleLaunchPlan,
    setup: &Setup,
    registry: &Registry,
    args: &LaunchArgs,
    cli: &Cli,
) -> Result<TicketRoleLaunchResult, Failure> {
    // What can be told without the registry comes first: nothing is written for a launch that cannot be.
    let agent = setup.agent_of(plan)?;
    cli.prepare(registry)?;
    let services = cli.services(registry)?;
    let options = LaunchOptions { ready: args.ready_timeout, accept: args.accept_timeout, probation: args.probation };
    let mut progress = cli.progress();
    let starting = starting(&agent);
    let mut tell = |step: Step| progress.step(if step == Step::Spawn { &starting } else { doing(step) });
    let launched = launch_ticket_role_pod(plan, agent, &services, &cli.restorable(registry), options, &mut tell);
    launched.map_err(|error| Failure::of_launch(error, plan, setup))
}

/// The plumbing commands that do what this launch does, as one command to paste; on a ticket they run under
/// `ticket-lock`. The plan's file and the message are handed to them, so that they stand unquoted where they are used.
fn script(plan: &TicketRoleLaunchPlan, message: Option<&str>, place: &Place) -> String {
    let (pod, role, origin) = (plan.pod.as_str(), plan.role.as_str(), plan.origin.as_str());
    let profile = plan.profile.as_deref().unwrap_or("PROFILE");
    let id = plan.ticket.as_ref().map(|ticket| ticket.id.as_str());
    let ticket: Vec<&str> = id.iter().flat_map(|id| ["--ticket", *id]).collect();
    let line = |words: &[&str], more: &[&str]| place.command(["yoi-claim"].iter().chain(words).chain(more));
    let said = if message.is_some() { " --instruction \"$2\"" } else { "" };
    let mut lines = vec![
        line(&["launch-plan", "--role", role, "--pod", pod], &ticket) + said + " >\"$1\"",
        line(&["pod-spawn", pod, "--role", role, "--profile", profile], &ticket),
    ];
    let run = line(&["pod-run", pod], &[]) + " --plan \"$1\"";
    lines.push(if id.is_some() { format!("evidence=$({run})") } else { run });
    if let Some(id) = id {
        lines.push(line(&["claim-commit", id, "--pod", pod, "--role", role], &[]) + " --evidence \"$evidence\"");
    }
    lines.push(line(&["session-record", pod, "--role", role, "--origin", origin], &ticket));
    lines.push(line(&["pod-confirm", pod], &[]));
    let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    let locked = id.map(|id| line(&["ticket-lock", id, "--"], &[]) + " ").unwrap_or_default();
    let mut script = format!("{locked}sh -ec '{}' sh \"$(mktemp)\"", lines.replace('\'', "'\\''"));
    if let Some(message) = message {
        script += &format!(" {}", command([message]));
    }
    script
}
