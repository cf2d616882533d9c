//! `yoi stop`: ends a Pod.

use std::time::Duration;

use crate::cli::args::seconds;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::PodName;
use crate::launch::steps::{Ended, shut_down};

/// End a Pod, and wait until nothing of it is left
///
/// A turn that runs is waited for, unless --now is given. Its claim stays: the Pod can be restored. The program of a Pod
/// that a person has in a terminal is sent SIGTERM; with --now it is ended if it has not ended within 5 s.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  End a Pod once its turn is over:
    $ yoi stop intake-20260118-101544-001
  End it at once, in the middle of its turn:
    $ yoi stop --now intake-20260118-101544-001
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
    let mut progress = cli.progress();
    progress.step("ending the Pod");
    let ended = shut_down(&registry, &args.pod, args.now, args.wait)?;
    drop(progress);
    match ended {
        Ended::Now => cli.say(format_args!("Pod {} has ended", args.pod))?,
        Ended::Before => cli.say(format_args!("Pod {} had ended before", args.pod))?,
        Ended::NotFound => {
            return Err(Failure::new(Exit::Refused, format!("there is no Pod {}", args.pod)).hint("yoi status"));
        }
        Ended::NotYet => {
            let text = format!("Pod {} has not ended yet: what it does goes on", args.pod);
            return Err(Failure::new(Exit::Busy, text).hint(format!("yoi stop --now {}", args.pod)));
        }
    }
    Ok(Exit::Done)
}
