//! `workspace-adopt`: takes over the registry of a moved workspace.

use std::path::PathBuf;

use crate::cli::{Cli, Exit, Failure};
use crate::registry::{AdoptError, Former};

/// Take over the registry that this workspace had before it was moved
///
/// OLD is the path that the workspace had, or the key of its registry. Refused while a Pod of that registry is live or a
/// launch in flight, while a workspace is still in the old place (a copy has a registry of its own), where this workspace
/// has claims, sessions or Pods already, and from inside a Pod. Stopped Pods can be restored afterwards; the paths in their
/// records are made those of the new place. A repeat succeeds.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Go on in the new place of a workspace that was moved here from ../old:
    $ yoi-claim workspace-adopt ../old
    $ yoi-claim claim-list
")]
pub(super) struct Args {
    /// The path that the workspace had, or the key of its registry
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    old: PathBuf,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    cli.refuse_inside_pod("take over a registry")?;
    let registry = cli.registry()?;
    let former = Former::read(&args.old, &cli.directory()?);
    let adopted = registry.adopt(&former, cli.environment().network_policy(), &cli.writer());
    match adopted {
        Ok(_) => Ok(Exit::Done),
        Err(AdoptError::Open(error)) => Err(cli.not_writable(&registry, &error)),
        Err(error) => Err(error.into()),
    }
}
