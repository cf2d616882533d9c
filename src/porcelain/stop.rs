//! `yoi stop`: ends a Pod.

use crate::cli::args::EndArgs;
use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure};
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
    #[command(flatten)]
    end: EndArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let EndArgs { pod, now, wait } = args.end;
    let registry = cli.registry()?;
    let mut progress = cli.progress();
    progress.step("ending the Pod");
    let ended = shut_down(&registry, &pod, now, wait)?;
    drop(progress);
    match ended {
        Ended::Now => cli.say(format_args!("Pod {pod} has ended"))?,
        Ended::Before => cli.say(format_args!("Pod {pod} had ended before"))?,
        Ended::NotFound => {
            return Err(Failure::new(Exit::Refused, format!("there is no Pod {pod}")).hint("yoi status"));
        }
        Ended::NotYet => {
            let text = format!("Pod {pod} has not ended yet: what it does goes on");
            return Err(Failure::new(Exit::Busy, text).hint(command(["yoi", "stop", "--now", pod.as_str()])));
        }
    }
    Ok(Exit::Done)
}
