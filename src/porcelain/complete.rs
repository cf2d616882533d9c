//! `yoi complete`: what a shell is told that completes a command line; hidden.

use crate::cli::{Cli, CompleteArgs, Exit, Failure};

pub(super) type Args = CompleteArgs;

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    cli.complete(args, super::command())
}
