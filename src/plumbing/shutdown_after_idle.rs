//! `shutdown-after-idle`: marks a Pod to end once it is idle.

use crate::cli::{Cli, Exit, Failure};
use crate::domain::PodName;
use crate::launch::steps;

/// Mark POD to end once it is idle, or take the mark back
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Let a Pod finish its turn, and end then:
    $ yoi-claim shutdown-after-idle intake-20260118-101544-001
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
    /// Take the mark back
    #[arg(long)]
    cancel: bool,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (mut client, _snapshot) = cli.connect(&cli.registry()?, &args.pod)?;
    steps::shutdown_after_idle(&mut client, args.cancel)?;
    Ok(Exit::Done)
}
