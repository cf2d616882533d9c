//! `workspace-key`: which registry a directory has.

use std::path::PathBuf;

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, Field, Row};

/// Print the key of the workspace, and the directory of its registry
///
/// The key is that of the main worktree, so that two agents in two worktrees of one repository collide on one ticket.
/// The directory need not exist yet. Output: KEY, REGISTRY.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See which registry this directory has:
    $ yoi-claim workspace-key
  List the claims that are there as plain files:
    $ ls \"$(yoi-claim workspace-key --format '{registry}')/claims\"
")]
pub(super) struct Args {}

struct WorkspaceRow {
    key: String,
    root: PathBuf,
    registry: PathBuf,
}

impl Row for WorkspaceRow {
    const KIND: &'static str = "workspace";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("key", |row| row.key.as_str().into()),
        Field::column("registry", |row| row.registry.clone().into()),
        Field::full("root", |row| row.root.clone().into()),
    ];
}

pub(super) fn run(_args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let workspace = registry.workspace();
    let row = WorkspaceRow { key: workspace.key(), root: workspace.root.clone(), registry: registry.dir().to_owned() };
    cli.printer(output)?.one(&row)?;
    Ok(Exit::Done)
}
