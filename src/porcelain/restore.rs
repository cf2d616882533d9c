//! `yoi restore`: brings a stopped Pod back.

use crate::cli::{Cli, Exit, Failure};
use crate::domain::PodName;
use crate::launch::{LaunchOptions, restore_pod, stopped_pod};

/// Bring a stopped Pod back under its name, role, tickets and history
///
/// Refused when the claim on its ticket has moved on to another Pod.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Bring a Pod back, and give it a turn:
    $ yoi restore intake-20260118-101544-001
    $ yoi attach intake-20260118-101544-001 -m \"look again\"
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    let record = stopped_pod(&registry, &args.pod)?;
    let agent = cli.setup()?.agent(record.role, &record.profile, format!("the record of Pod {}", record.pod))?;
    let mut progress = cli.progress();
    progress.step(&super::launching::starting(&agent));
    let restored =
        restore_pod(record, agent, &cli.services(&registry)?, &cli.restorable(&registry), LaunchOptions::default())?;
    drop(progress);
    let tickets: Vec<String> = restored.claims.iter().map(|claim| claim.ticket.to_string()).collect();
    match tickets.as_slice() {
        [] => cli.say(format_args!("Pod {} is back", args.pod))?,
        tickets => cli.say(format_args!("Pod {} is back, with {}", args.pod, tickets.join(", ")))?,
    }
    cli.say(format!("talk to it: {}", cli.command(["yoi", "attach", args.pod.as_str()])))?;
    Ok(Exit::Done)
}
