//! `pod-status`: how one Pod is.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::PodName;
use crate::launch::view_pod;

/// Show how POD is, asked of the kernel and of the Pod
///
/// Prints POD ROLE STATUS: starting, idle, running or stopping from the Pod itself, launching on probation, live where
/// it does not answer; restorable or stale where it is stopped.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Ask whether a Pod is idle, running, stopped:
    $ yoi-claim pod-status intake-20260118-101544-001
  See all that is known of it:
    $ yoi-claim pod-status intake-20260118-101544-001 --json
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let Some(view) = view_pod(&registry, &args.pod, &cli.restorable(&registry)) else {
        return Err(Failure::new(Exit::Refused, format!("there is no Pod {}", args.pod)));
    };
    let row = cli.pod_row(&registry, view);
    cli.printer(output)?.one(&row)?;
    Ok(Exit::Done)
}
