//! `yoi complete`: what a shell is told that completes a command line; hidden.

use super::{Verbs, help};
use crate::cli::{Cli, CompleteArgs, Exit, Failure};

pub(super) type Args = CompleteArgs;

pub(super) fn run(args: Args, verbs: Verbs, cli: &mut Cli) -> Result<Exit, Failure> {
    cli.complete(args, help::with_topics(super::command(), verbs()))
}
