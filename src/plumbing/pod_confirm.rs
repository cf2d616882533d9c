//! `pod-confirm`: ends a Pod's probation.

use crate::cli::{Cli, Exit, Failure};
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
    let confirmed = steps::confirm(&mut client, nonce, false);
    if let Err(error) = confirmed {
        // Where the claim stands, its Pod goes on by itself or can be restored: that is no launch that left nothing.
        let nothing_stands = matches!(registry.committed_nonce(&args.pod), Ok(None));
        return Err(Failure::of(if nothing_stands { Exit::LaunchFailed } else { Exit::Partial }, &error));
    }
    Ok(Exit::Done)
}
