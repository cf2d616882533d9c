//! `pod-confirm`: ends a Pod's probation.

use crate::cli::{Cli, Exit, Failure, OrExit as _};
use crate::domain::PodName;
use crate::launch::steps;

/// End the probation of POD
///
/// The Pod reads its claim first. A Pod that went on by itself, because its claim stood, answers likewise. Under
/// ticket-lock its nonce is used, else that of the claim or session record which names this Pod.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Launch a Pod without a ticket, step by step:
    $ yoi-claim pod-spawn scout --role investigator --profile builtin:checklist
    $ echo \"what is in the way?\" | yoi-claim pod-run scout
    $ yoi-claim session-record scout --role investigator --origin role_launch
    $ yoi-claim pod-confirm scout
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let nonce = match cli.environment().claim_nonce()? {
        Some(nonce) => Some(nonce),
        None => registry.committed_nonce(&args.pod)?,
    };
    let (mut client, _snapshot) = cli.connect(&registry, &args.pod)?;
    steps::confirm(&mut client, nonce, false).or_exit(Exit::LaunchFailed)?;
    Ok(Exit::Done)
}
