//! `pod-shutdown`: ends a Pod.

use std::time::Duration;

use crate::cli::args::seconds;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::PodName;
use crate::launch::steps::{self, Ended};

/// End POD by the ordinary shutdown, and wait until nothing of it is left
///
/// A turn that runs is waited for, unless --now is given. Claim and session record stay. A Pod that is stopped already
/// is a success. The program of a Pod that pod-hold runs is sent SIGTERM; with --now it is ended if it has not ended
/// within 5 s.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  End every Pod of this workspace, in the middle of its turn:
    $ yoi-claim pod-list -z --format '{pod}' | xargs -0 -r -n 1 yoi-claim pod-shutdown --now
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
    /// Do not wait for the turn
    #[arg(long)]
    now: bool,
    /// How long to wait for its end
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    wait: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    match steps::shut_down(&registry, &args.pod, args.now, args.wait)? {
        Ended::Now | Ended::Before => Ok(Exit::Done),
        Ended::NotFound => Err(Failure::new(Exit::Refused, format!("there is no Pod {}", args.pod))),
        Ended::NotYet => Err(Failure::new(Exit::Busy, format!("Pod {} has not ended yet", args.pod))),
    }
}
