//! `launch-plan`: prints the plan of a launch.

use crate::cli::args::role;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{PodName, Role, TicketId};

/// Print the plan of a launch as JSON; run nothing
///
/// The same workspace, configuration and arguments give the same plan. pod-run takes it with --plan.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See what an intake of a ticket would be told:
    $ yoi-claim launch-plan --role intake --ticket 20260118-093012-001
  Ask for something besides:
    $ yoi-claim launch-plan --role intake --ticket 20260118-093012-001 --instruction \"be brief\" >plan.json
")]
pub(super) struct Args {
    /// What the Pod is for
    #[arg(long, value_parser = role())]
    role: Role,
    /// The ticket
    #[arg(long)]
    ticket: Option<TicketId>,
    /// The Pod's name, instead of one made of role and ticket
    #[arg(long)]
    pod: Option<PodName>,
    /// What the agent is asked for, besides the ticket
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    instruction: Option<String>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let setup = cli.setup()?;
    let plan = setup.plan(args.role, args.ticket, args.pod, args.instruction)?;
    let text = serde_json::to_string_pretty(&plan).expect("a plan has string keys");
    cli.say(text)?;
    Ok(Exit::Done)
}
