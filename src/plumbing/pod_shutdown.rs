//! `pod-shutdown`: ends a Pod.

use crate::cli::args::EndArgs;
use crate::cli::{Cli, Exit, Failure};
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
    #[command(flatten)]
    end: EndArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let EndArgs { pod, now, wait } = args.end;
    let registry = cli.registry()?;
    match steps::shut_down(&registry, &pod, now, wait)? {
        Ended::Now | Ended::Before => Ok(Exit::Done),
        Ended::NotFound => Err(Failure::new(Exit::Refused, format!("there is no Pod {pod}"))),
        Ended::NotYet => Err(Failure::new(Exit::Busy, format!("Pod {pod} has not ended yet"))),
    }
}
